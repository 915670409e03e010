package show

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/behaviour"
	"github.com/apprentice-rl/apprentice/trajectories/show/terminal"
)

// action shows a tool call: a command as one types it, a change as a difference,
// anything else as the tool's name and its arguments.
func (s *shower) action(t *trajectories.Turn, i int) {
	tool := terminal.Clean(t.Actions[i].Tool)
	text := t.ArgumentText(i)
	args, ok := readArguments(text)
	if !ok {
		s.line(terminal.Bold, margin{}, tool+" (its arguments are no JSON object)")
		s.paragraph("", indent("  "), text, s.options.Text, hintFull)
		return
	}
	if command, ok := args.command(behaviour.Main(acts(t, i))); ok {
		s.paragraph(terminal.Bold, margin{"$ ", "  ", "┊ "}, command, s.options.Text, hintFull)
		s.arguments(args)
		return
	}
	name := tool
	for _, key := range []string{"command", "path", "filename", "file_path"} {
		if value, ok := args.take(key); ok {
			name += " " + oneLine(value)
		}
	}
	s.paragraph(terminal.Bold, margin{}, name, Whole, "")
	for _, key := range []string{"old_str", "old_string", "search"} {
		if value, ok := args.take(key); ok {
			s.paragraph(terminal.Red, margin{"  - ", "  - ", "  ┊ "}, value, s.options.Text, hintFull)
		}
	}
	for _, key := range []string{"new_str", "new_string", "replace", "file_text", "replacement_text"} {
		if value, ok := args.take(key); ok {
			s.paragraph(terminal.Green, margin{"  + ", "  + ", "  ┊ "}, value, s.options.Text, hintFull)
		}
	}
	s.arguments(args)
}

// arguments shows each argument by its name.
func (s *shower) arguments(args arguments) {
	for _, a := range args {
		name := terminal.Cut(terminal.Clean(a.name), 20) + ": "
		if strings.Contains(strings.TrimSpace(a.value), "\n") {
			s.line(terminal.Dim, indent("  "), name)
			s.paragraph("", indent("    "), a.value, s.options.Text, hintFull)
			continue
		}
		s.paragraph("", margin{"  " + name, "    ", "    "}, oneLine(a.value), s.options.Text, hintFull)
	}
}

// oneLine is a text without line breaks.
func oneLine(s string) string {
	return strings.ReplaceAll(strings.TrimSpace(terminal.Clean(s)), "\n", " ")
}

// arguments are those of a call, in their order.
type arguments []argument

type argument struct {
	name, value string // what is no string is shown as JSON
}

// readArguments reads an object. It is not ok if the text is none.
func readArguments(text string) (args arguments, ok bool) {
	d := jsontext.NewDecoder(strings.NewReader(text), jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	if open, err := d.ReadToken(); err != nil || open.Kind() != '{' {
		return nil, false
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, false
		}
		a := argument{name: name.String()}
		if d.PeekKind() == '"' {
			value, err := d.ReadToken()
			if err != nil {
				return nil, false
			}
			a.value = value.String()
		} else {
			value, err := d.ReadValue()
			if err != nil {
				return nil, false
			}
			a.value = string(value)
		}
		args = append(args, a)
	}
	return args, true
}

// take removes an argument.
func (a *arguments) take(name string) (value string, ok bool) {
	for i, one := range *a {
		if one.name == name {
			*a = append((*a)[:i:i], (*a)[i+1:]...)
			return one.value, true
		}
	}
	return "", false
}

// command takes the command line out of the arguments of a call that has one.
func (a *arguments) command(main behaviour.Act) (string, bool) {
	if main.End == 0 {
		return "", false
	}
	for _, name := range []string{"command", "cmd", "keystrokes", "script", "input", "code"} {
		if value, ok := a.take(name); ok {
			return value, true
		}
	}
	return "", false
}
