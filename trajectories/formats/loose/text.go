package loose

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A Text is what was said: a string, or a list of parts of which some hold
// text, the others images and the like.
type Text struct {
	// Text is the string, or the texts of the parts one right after the other.
	Text string
	// Raw is the value as it was where it is neither a string nor null.
	Raw jsontext.Value
	// There says that there was a value other than null.
	There bool
}

// UnmarshalJSON takes any value. One that holds no text is its own text.
func (t *Text) UnmarshalJSON(b []byte) error {
	value := jsontext.Value(b)
	*t = Text{There: true}
	switch value.Kind() {
	case 'n':
		*t = Text{}
		return nil
	case '"':
		return Unmarshal(b, &t.Text)
	}
	t.Raw = Raw(b)
	switch value.Kind() {
	case '[':
		var parts []part
		if err := Unmarshal(b, &parts); err != nil {
			return err
		}
		var all strings.Builder
		for _, p := range parts {
			all.WriteString(p.text)
		}
		t.Text = all.String()
	case '{':
		var p part
		if err := p.UnmarshalJSON(b); err != nil {
			return err
		}
		t.Text = p.text
	default:
		t.Text = string(t.Raw)
	}
	return nil
}

// A part of a text: a string, or an object with the member "text".
type part struct{ text string }

func (p *part) UnmarshalJSON(b []byte) error {
	switch jsontext.Value(b).Kind() {
	case '"':
		return Unmarshal(b, &p.text)
	case '{':
		var object struct {
			Text jsontext.Value `json:"text"`
		}
		if err := Unmarshal(b, &object); err != nil {
			return err
		}
		if object.Text.Kind() == '"' {
			return Unmarshal(object.Text, &p.text)
		}
	}
	return nil
}

// Unmarshal decodes a value whose UTF-8 and names were checked, or let pass, when
// what it is part of was decoded.
func Unmarshal(value []byte, v any) error {
	return json.Unmarshal(value, v, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
}
