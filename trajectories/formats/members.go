package formats

import (
	"encoding/json"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// Members puts an object together, as the [trajectories.Origin] of an event
// needs it. The zero value is ready.
type Members struct {
	text []byte
}

// MembersOf are the members of an object, to which others may be added; nil
// has none.
func MembersOf(object json.RawMessage) Members {
	if len(object) <= len("{}") {
		return Members{}
	}
	return Members{text: slices.Clone(object[:len(object)-1])}
}

// Add adds a member. One whose value is nil is left out.
func (m *Members) Add(name string, value json.RawMessage) {
	if value == nil {
		return
	}
	separator := byte(',')
	if m.text == nil {
		separator = '{'
	}
	m.text = append(m.text, separator)
	// Names come from decoded JSON or from this program, so they are UTF-8.
	m.text, _ = jsontext.AppendQuote(m.text, name)
	m.text = append(m.text, ':')
	m.text = append(m.text, value...)
}

// AddAll adds the members of an object, which nil has none of. None of them may
// be there already.
func (m *Members) AddAll(object json.RawMessage) {
	if len(object) <= len("{}") {
		return
	}
	if m.text == nil {
		m.text = append(m.text, '{')
	} else {
		m.text = append(m.text, ',')
	}
	m.text = append(m.text, object[1:len(object)-1]...)
}

// AddText adds a member that is a text.
func (m *Members) AddText(name, value string) {
	quoted, _ := jsontext.AppendQuote(nil, value)
	m.Add(name, quoted)
}

// Object returns the object, nil if it has no members.
func (m *Members) Object() json.RawMessage {
	if m.text == nil {
		return nil
	}
	return append(json.RawMessage(m.text[:len(m.text):len(m.text)]), '}')
}
