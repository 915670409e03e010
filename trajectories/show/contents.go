package show

import (
	"fmt"
	"io"
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/behaviour"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/show/terminal"
)

// Contents shows a line for each action: the number of its step, what it was for,
// the action itself, and how it went. Turns without actions have lines without
// numbers. Of the options only width, colour and steps count.
func Contents(w io.Writer, from formats.Source, o Options) error {
	h := from.Header()
	c := contents{printer: newPrinter(w, o.Width, o.Colour), steps: o.Steps, open: map[string]entry{}}
	c.raw(c.paint.In(terminal.Title, terminal.Cut(terminal.Clean(h.ID), c.width)))
	c.raw(c.paint.In(terminal.Dim, terminal.Cut(terminal.Clean(policy(h.Policy)), c.width)))
	return c.flush(c.events(from))
}

type contents struct {
	*printer
	steps  Steps
	step   int
	shown  bool
	silent []*trajectories.Turn // without actions, and alike
	order  []string             // ids of actions that have no line yet
	open   map[string]entry
}

// An entry is an action's line as far as it is known.
type entry struct {
	step int // 0 where the line before has it
	kind behaviour.Kind
	text string
	how  string
	bad  bool
}

func (c *contents) events(from formats.Source) error {
	for e, err := range from.Events() {
		if err != nil {
			c.rest()
			return err
		}
		switch {
		case e.Turn != nil && len(c.silent) > 0 && hollow(e.Turn) && hollow(c.silent[0]):
			c.silent = append(c.silent, e.Turn)
		case e.Turn != nil:
			c.rest()
			if c.steps.after(c.step) || c.err != nil {
				return nil
			}
			c.turn(e.Turn)
		case e.Observation != nil:
			if line, ok := c.open[e.Observation.Action]; ok {
				line.how, line.bad = outcome(e.Observation)
				c.open[e.Observation.Action] = line
			}
		case e.End != nil:
			c.rest()
			if c.steps.all() {
				c.end(e.End)
			}
		}
	}
	c.rest()
	if !c.steps.all() && !c.shown {
		return &NoStepError{c.step}
	}
	return nil
}

func (c *contents) turn(t *trajectories.Turn) {
	if len(t.Actions) == 0 {
		if c.steps.holds(c.step + 1) {
			c.silent = append(c.silent, t)
		}
		return
	}
	c.step++
	if !c.steps.holds(c.step) {
		return
	}
	c.shown = true
	for i, a := range t.Actions {
		main := behaviour.Main(acts(t, i))
		line := entry{kind: main.Kind, text: gist(t, i, main), how: "no answer"}
		if i == 0 {
			line.step = c.step
		}
		c.order = append(c.order, a.ID)
		c.open[a.ID] = line
	}
}

// gist is an action in one line.
func gist(t *trajectories.Turn, i int, main behaviour.Act) string {
	args, _ := readArguments(t.ArgumentText(i))
	if command, ok := args.command(main); ok {
		// What goes before the main act, such as cd, says little.
		if main.Pos > 0 && main.Pos < len(command) {
			command = command[main.Pos:]
		}
		command, _, cut := strings.Cut(strings.TrimSpace(command), "\n")
		if cut {
			command += " …"
			if len(main.Writes) > 0 { // which the rest would tell
				command = main.Program + " → " + strings.Join(main.Writes, " ")
			}
		}
		return oneLine(command)
	}
	words := []string{t.Actions[i].Tool}
	for _, a := range args {
		words = append(words, oneLine(a.value))
	}
	return oneLine(strings.Join(words, " "))
}

// rest writes the lines of the last turn, or one for several without actions.
func (c *contents) rest() {
	if len(c.silent) > 0 {
		t := c.silent[0]
		line := entry{text: oneLine(t.Message), how: "no action"}
		if t.FormatError != "" {
			line.text, line.how, line.bad = oneLine(t.FormatError), "unreadable", true
		}
		if n := len(c.silent); n > 1 {
			line.text = fmt.Sprintf("%d times: %s", n, line.text)
		}
		c.line(line)
	}
	c.silent = nil
	for _, id := range c.order {
		c.line(c.open[id])
	}
	c.order = nil
	clear(c.open)
}

func (c *contents) line(e entry) {
	number := ""
	if e.step > 0 {
		number = fmt.Sprint(e.step)
	}
	const numbers, kinds, outcomes = 4, 9, 12
	room := c.width - numbers - kinds - outcomes - 3
	how := terminal.Pad(e.how, outcomes)
	if e.bad {
		how = c.paint.In(terminal.Red, how)
	} else {
		how = c.paint.In(terminal.Dim, how)
	}
	c.raw(c.paint.In(terminal.Dim, fmt.Sprintf("%*s", numbers, number)) + " " +
		c.in(kindColour(e.kind), terminal.Pad(string(e.kind), kinds)) + " " +
		terminal.Pad(e.text, room) + " " + how)
}

func kindColour(k behaviour.Kind) terminal.Colour {
	switch {
	case k.Changes():
		return terminal.Green
	case k == behaviour.Test || k == behaviour.Run || k == behaviour.Build:
		return terminal.Magenta
	case k == behaviour.Submit:
		return terminal.Bold
	case k == behaviour.Unparsed:
		return terminal.Red
	}
	return terminal.Cyan
}

func (c *contents) end(e *trajectories.End) {
	text := "end: " + words(string(e.Status))
	if e.PatchUnknown {
		text += ", patch unknown"
	} else {
		text += fmt.Sprintf(", patch of %s", count(len(e.Patch), "byte", "bytes"))
	}
	c.raw(c.paint.In(terminal.Bold, terminal.Cut(text, c.width)))
}
