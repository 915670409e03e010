package swesmith

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats/loose"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// source is the text of the message that a turn was made of.
func source(t *trajectories.Turn, s style) string {
	if t.Origin != nil && t.Origin.Text != nil {
		return *t.Origin.Text
	}
	return render(t, s)
}

// render writes a turn as SWE-smith does: the thought, an empty line, the calls.
func render(t *trajectories.Turn, s style) string {
	var text strings.Builder
	text.WriteString(t.Message)
	for i, a := range t.Actions {
		if i == 0 {
			text.WriteString("\n\n")
		} else {
			text.WriteString("\n")
		}
		if s == ticks {
			text.WriteString("```\n" + command(a) + "\n```")
		} else {
			renderXML(&text, a)
		}
	}
	return text.String()
}

func renderXML(text *strings.Builder, a env.Action) {
	text.WriteString(functionBegins + a.Tool + ">\n")
	for name, v := range members.All(a.Arguments) {
		text.WriteString(parameterBegins + name + ">")
		if ownLines(name) {
			text.WriteString("\n" + str(v) + "\n")
		} else {
			text.WriteString(str(v))
		}
		text.WriteString(parameterEnds + "\n")
	}
	text.WriteString(functionEnds)
}

// ownLines reports whether SWE-smith writes the values of a parameter on lines
// of their own.
func ownLines(name string) bool {
	return name == "old_str" || name == "new_str" || name == "file_text"
}

// command is the command line of an action with one.
func command(a env.Action) string {
	if v := members.Get(a.Arguments, "command"); v != nil {
		return str(v)
	}
	return ""
}

// str is Python's str() of a JSON value.
func str(v jsontext.Value) string {
	if v.Kind() == '"' {
		var s string
		if loose.Unmarshal(v, &s) == nil {
			return s
		}
	}
	var text strings.Builder
	repr(&text, v)
	return text.String()
}

// repr is Python's repr() of a JSON value.
func repr(text *strings.Builder, v jsontext.Value) {
	switch v.Kind() {
	case 't':
		text.WriteString("True")
	case 'f':
		text.WriteString("False")
	case 'n':
		text.WriteString("None")
	case '"':
		quote(text, str(v))
	case '[':
		text.WriteByte('[')
		for i, e := range elements(v) {
			if i > 0 {
				text.WriteString(", ")
			}
			repr(text, e)
		}
		text.WriteByte(']')
	case '{':
		text.WriteByte('{')
		i := 0
		for name, e := range members.All(v) {
			if i++; i > 1 {
				text.WriteString(", ")
			}
			quote(text, name)
			text.WriteString(": ")
			repr(text, e)
		}
		text.WriteByte('}')
	default: // numbers
		text.Write(v)
	}
}

// quote writes a text within a list or an object as Python does: between single
// quotes, unless those are in the text and double ones are not.
func quote(text *strings.Builder, s string) {
	mark := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		mark = '"'
	}
	text.WriteByte(mark)
	for _, r := range s {
		switch {
		case r == rune(mark) || r == '\\':
			text.WriteByte('\\')
			text.WriteRune(r)
		case r == '\n':
			text.WriteString(`\n`)
		case r == '\r':
			text.WriteString(`\r`)
		case r == '\t':
			text.WriteString(`\t`)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(text, `\x%02x`, r)
		default:
			text.WriteRune(r)
		}
	}
	text.WriteByte(mark)
}

// elements are the values of a list. What is no list has none.
func elements(list jsontext.Value) []jsontext.Value {
	var all []jsontext.Value
	if loose.Unmarshal(list, &all) != nil {
		return nil
	}
	return all
}
