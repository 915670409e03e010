package chat

import (
	stdjson "encoding/json"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats/loose"
)

// An Extra gathers the members of a source for which the log has no field, in
// their order, as the Extra of an origin or a call. Of several with one name
// the first stays.
type Extra struct {
	names   map[string]bool
	members []member
}

type member struct {
	name  string
	value jsontext.Value
}

// Add adds a member with the JSON of a value. A value that JSON cannot hold is
// left out; raw JSON, of which sources are made, always can be.
func (e *Extra) Add(name string, value any) {
	if e.names[name] {
		return
	}
	if text, ok := value.(string); ok { // most are, and the longest
		e.add(name, quoted(text))
		return
	}
	raw, err := json.Marshal(value, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true), jsontext.PreserveRawStrings(true))
	if err == nil {
		e.add(name, loose.Raw(raw))
	}
}

func (e *Extra) add(name string, value jsontext.Value) {
	if e.names == nil {
		e.names = map[string]bool{}
	}
	e.names[name] = true
	e.members = append(e.members, member{name, value})
}

// quoted is a text as JSON. What is not UTF-8 in it is replaced.
func quoted(text string) jsontext.Value {
	value, err := jsontext.AppendQuote(nil, text)
	if err != nil {
		value, _ = jsontext.AppendQuote(nil, string([]rune(text)))
	}
	return value
}

// Has reports whether there is a member of a name.
func (e *Extra) Has(name string) bool { return e.names[name] }

// AddRaw adds a member as it stands in a source, which is nothing where it is
// not there.
func (e *Extra) AddRaw(name string, value []byte) {
	if len(value) > 0 {
		e.Add(name, jsontext.Value(value))
	}
}

// AddAll adds the members of an object, and nothing of any other value.
func (e *Extra) AddAll(object []byte) {
	for name, value := range Members(object) {
		e.Add(name, value)
	}
}

// Object returns the object of the members, nil if there are none.
func (e *Extra) Object() stdjson.RawMessage {
	if len(e.members) == 0 {
		return nil
	}
	object := []byte{'{'}
	for i, m := range e.members {
		if i > 0 {
			object = append(object, ',')
		}
		object = append(append(append(object, quoted(m.name)...), ':'), m.value...)
	}
	return append(object, '}')
}

// Origin is the origin of an event with a text and more, nil where the event
// says all.
func Origin(text loose.Text, extra *Extra) *trajectories.Origin {
	o := trajectories.Origin{Parts: stdjson.RawMessage(text.Raw), Extra: extra.Object()}
	if o.Parts == nil && o.Extra == nil {
		return nil
	}
	return &o
}
