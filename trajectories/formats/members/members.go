// Package members takes JSON objects apart, and puts them together, member by
// member: what an importer keeps of a source beside the fields of an event, and
// what an exporter writes. Values stay as they are spelled.
package members

import (
	"bytes"
	"encoding/json"
	"iter"
	"slices"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/trajectories/formats/loose"
)

// All returns the names and values of an object in their order. What is no
// object has none, and of a broken one come those before the break. The values
// are parts of the object's text.
func All(object []byte) iter.Seq2[string, jsontext.Value] {
	return func(yield func(string, jsontext.Value) bool) {
		d := jsontext.NewDecoder(bytes.NewBuffer(object), jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
		if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
			return
		}
		for d.PeekKind() == '"' {
			name, err := d.ReadToken()
			if err != nil {
				return
			}
			key := name.String()
			value, err := d.ReadValue()
			if err != nil || !yield(key, value) {
				return
			}
		}
	}
}

// Get is the value of a member of an object, nil if it has none of that name.
func Get(object []byte, name string) jsontext.Value {
	for n, value := range All(object) {
		if n == name {
			return value
		}
	}
	return nil
}

// Map returns the members of an object by their names.
func Map(object []byte) map[string]jsontext.Value {
	all := map[string]jsontext.Value{}
	for name, value := range All(object) {
		all[name] = value
	}
	return all
}

// A List puts an object together. Of several members of one name the first
// stays. The zero value is ready.
type List struct {
	text  []byte // the object so far, without its closing brace
	names []string
	many  map[string]bool // the names, once they are too many to look at each
}

// few names are found faster by looking at each.
const few = 16

// Has reports whether there is a member of a name.
func (l *List) Has(name string) bool {
	if l.many != nil {
		return l.many[name]
	}
	return slices.Contains(l.names, name)
}

// Add adds a member with the JSON of a value. A value that JSON cannot hold is
// left out; raw JSON, of which sources are made, always can be.
func (l *List) Add(name string, value any) {
	switch v := value.(type) {
	case string: // most are, and the longest
		if l.begin(name) {
			l.text = quote(l.text, v)
		}
	case json.RawMessage:
		l.addRaw(name, v)
	case jsontext.Value:
		l.addRaw(name, v)
	default:
		raw, err := jsonv2.Marshal(value, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true), jsontext.PreserveRawStrings(true))
		if err == nil {
			l.addRaw(name, raw)
		}
	}
}

// AddRaw adds a member as it stands in a source, which is nothing where it is
// not there.
func (l *List) AddRaw(name string, value []byte) {
	if len(value) > 0 {
		l.addRaw(name, value)
	}
}

func (l *List) addRaw(name string, value []byte) {
	if len(value) == 0 {
		value = []byte("null")
	}
	if raw, err := loose.Compact(value); err == nil && l.begin(name) {
		l.text = append(l.text, raw...)
	}
}

// AddAll adds the members of an object, and nothing of any other value.
func (l *List) AddAll(object []byte) {
	for name, value := range All(object) {
		l.addRaw(name, value)
	}
}

// begin writes the name of the next member. It reports false if there is one of
// that name.
func (l *List) begin(name string) bool {
	if l.Has(name) {
		return false
	}
	l.names = append(l.names, name)
	switch {
	case l.many != nil:
		l.many[name] = true
	case len(l.names) > few:
		l.many = map[string]bool{}
		for _, n := range l.names {
			l.many[n] = true
		}
	}
	separator := byte(',')
	if len(l.text) == 0 {
		separator = '{'
	}
	l.text = append(quote(append(l.text, separator), name), ':')
	return true
}

// quote appends a text as JSON. What is not UTF-8 in it is replaced.
func quote(to []byte, text string) []byte {
	to, _ = jsontext.AppendQuote(to, text) // the error says no more than that
	return to
}

// Object returns the object, nil if it has no members.
func (l *List) Object() json.RawMessage {
	if len(l.text) == 0 {
		return nil
	}
	return append(json.RawMessage(l.text[:len(l.text):len(l.text)]), '}')
}
