package show

import (
	"math"
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
	before, isChange := args.first("old_str", "old_string", "search")
	after, isText := args.first("new_str", "new_string", "replace", "file_text", "replacement_text")
	if isChange || isText {
		s.change(before, after)
	}
	s.arguments(args)
}

// change shows a text and what it becomes. Of the lines at its beginning and its
// end that stay, a few show where it is.
func (s *shower) change(before, after string) {
	const around = 2
	old, now := split(before), split(after)
	head := 0
	for head < min(len(old), len(now)) && old[head] == now[head] {
		head++
	}
	tail := 0
	for tail < min(len(old), len(now))-head && old[len(old)-1-tail] == now[len(now)-1-tail] {
		tail++
	}
	some := func(c terminal.Colour, sign string, lines []string) {
		m := margin{"  " + sign + " ", "  " + sign + " ", "  ┊ "}
		shown, room := lines, math.MaxInt
		if fold := s.options.Text; fold != Whole {
			shown, room = lines[:min(len(lines), int(fold))], max(int(fold), 1)
		}
		for _, line := range shown {
			s.text(c, m, wrap(line, s.width-4, room)...)
		}
		s.missing(m, len(lines)-len(shown), hintFull)
	}
	some(terminal.Dim, " ", old[max(0, head-around):head])
	some(terminal.Red, "-", old[head:len(old)-tail])
	some(terminal.Green, "+", now[head:len(now)-tail])
	some(terminal.Dim, " ", old[len(old)-tail:][:min(tail, around)])
}

// split are the lines of a text.
func split(text string) []string {
	if text = strings.TrimSuffix(terminal.Clean(text), "\n"); text == "" {
		return nil
	}
	return strings.Split(text, "\n")
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

// first removes the first of the named arguments that is there.
func (a *arguments) first(names ...string) (value string, ok bool) {
	for _, name := range names {
		if value, ok = a.take(name); ok {
			return value, true
		}
	}
	return "", false
}

// command takes the command line out of the arguments of a call that has one.
func (a *arguments) command(main behaviour.Act) (string, bool) {
	if main.End == 0 {
		return "", false
	}
	return a.first("command", "cmd", "keystrokes", "script", "input", "code")
}
