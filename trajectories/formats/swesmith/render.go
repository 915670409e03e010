package swesmith

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats/chat"
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
	for name, v := range chat.Members(a.Arguments) {
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
	for name, v := range chat.Members(a.Arguments) {
		if name == "command" {
			return str(v)
		}
	}
	return ""
}

// str is Python's str() of a JSON value.
func str(v jsontext.Value) string {
	if v.Kind() == '"' {
		var s string
		if json.Unmarshal(v, &s, jsontext.AllowInvalidUTF8(true)) == nil {
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
	case '[':
		var elements []jsontext.Value
		if json.Unmarshal(v, &elements) != nil {
			text.Write(v)
			return
		}
		text.WriteByte('[')
		for i, e := range elements {
			if i > 0 {
				text.WriteString(", ")
			}
			repr(text, e)
		}
		text.WriteByte(']')
	default: // numbers; objects and texts within lists do not come up
		text.Write(v)
	}
}
