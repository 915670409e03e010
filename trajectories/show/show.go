// Package show makes a trajectory readable in a terminal.
//
// [Write] tells the whole episode: who worked on what, then turn by turn what
// was thought, said and done, and what came back, and at last how it ended and
// the patch. What is long is folded to its beginning, or to its beginning and its
// end; [Options] say how much is shown. [Contents] is a table of contents with a
// line for each step.
//
// Both stream: one turn with its observations is in memory at a time. Texts of
// models and programs are cleaned first, so nothing in them reaches the terminal
// as a command; see package terminal.
package show

import (
	"fmt"
	"io"
	"time"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/behaviour"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

// A Fold is the number of lines that are shown of a text.
type Fold int

// Whole shows all lines.
const Whole Fold = -1

// Options say how a trajectory is shown.
type Options struct {
	Width  int  // of the terminal, in cells
	Colour bool // with the colours of terminals
	// Steps are those to show. The zero value is all of them, with the title
	// before and the end after them.
	Steps Steps

	Reasoning   Fold // of each reasoning: its beginning
	Observation Fold // of each observation: its beginning and its end
	Text        Fold // of messages, arguments and the problem: their beginnings
	Patch       Fold
}

// Folded are the options that show an ordinary episode on a few screens.
func Folded(width int) Options {
	return Options{Width: width, Reasoning: 2, Observation: 10, Text: 20, Patch: 60}
}

// Unfold makes all texts whole.
func (o *Options) Unfold() {
	o.Reasoning, o.Observation, o.Text, o.Patch = Whole, Whole, Whole, Whole
}

// A NoStepError says that a trajectory has none of the steps that were asked for.
type NoStepError struct {
	Steps int // that it has
}

func (e *NoStepError) Error() string {
	return fmt.Sprintf("there is no such step: the trajectory has %d", e.Steps)
}

// Write shows a trajectory. An error of the trajectory comes after what could be
// shown; an error of w ends it.
func Write(w io.Writer, from formats.Source, o Options) error {
	s := &shower{
		printer: newPrinter(w, o.Width, o.Colour), options: o,
		header: from.Header(), begun: from.Header().Started,
	}
	if o.Steps.all() {
		s.title()
	}
	err := s.events(from)
	return s.flush(err)
}

// A shower shows one trajectory.
type shower struct {
	*printer
	options Options
	header  trajectories.Header
	begun   time.Time // where times count from

	steps   int     // with actions, so far
	shown   bool    // some of the steps that were asked for
	pending *moment // the last turn, as long as more may come of it
	usage   trajectories.Usage
}

// A moment is a turn with what came of it.
type moment struct {
	turn     *trajectories.Turn // nil before the first
	last     int                // the number of the last of several turns that are alike
	step     int
	observed map[string]*trajectories.Observation
	messages []*trajectories.Message
}

func (s *shower) events(from formats.Source) error {
	s.pending = &moment{}
	var torn bool
	for e, err := range from.Events() {
		if err != nil {
			s.moment()
			return err
		}
		switch {
		case e.Turn != nil && s.pending.again(e.Turn):
			s.pending.last = e.Turn.N
			s.usage = s.usage.Add(e.Turn.Usage)
		case e.Turn != nil:
			s.moment()
			if s.options.Steps.after(s.steps) || s.err != nil {
				return nil
			}
			s.turn(e.Turn)
		case e.Observation != nil:
			s.pending.observed[e.Observation.Action] = e.Observation
		case e.Message != nil:
			s.pending.messages = append(s.pending.messages, e.Message)
		case e.End != nil:
			s.moment()
			if s.options.Steps.all() {
				s.end(e.End)
				return nil
			}
		case e.Torn:
			torn = true
		}
	}
	s.moment()
	switch {
	case !s.options.Steps.all() && !s.shown:
		return &NoStepError{s.steps}
	case s.options.Steps.all():
		s.unfinished(torn)
	}
	return nil
}

// again says that a turn is like the last one, and that there is nothing in them:
// a model that answers in the wrong form may do so dozens of times.
func (m *moment) again(t *trajectories.Turn) bool {
	return m.turn != nil && len(m.messages) == 0 && hollow(m.turn) && hollow(t) && m.turn.FormatError == t.FormatError
}

func hollow(t *trajectories.Turn) bool {
	return len(t.Actions) == 0 && t.Message == "" && t.Reasoning == ""
}

// turn takes note of a turn, which is shown when all that came of it is there.
func (s *shower) turn(t *trajectories.Turn) {
	if s.begun.IsZero() {
		s.begun = t.Time
	}
	if len(t.Actions) > 0 {
		s.steps++
	}
	s.usage = s.usage.Add(t.Usage)
	s.pending = &moment{turn: t, last: t.N, step: s.steps, observed: map[string]*trajectories.Observation{}}
	if len(t.Actions) == 0 {
		s.pending.step++ // it goes with the step that it leads to
	}
}

// moment shows the pending turn.
func (s *shower) moment() {
	m := s.pending
	s.pending = &moment{observed: map[string]*trajectories.Observation{}}
	if m.turn != nil && s.options.Steps.holds(m.step) {
		s.shown = true
		s.head(m)
		s.answer(m.turn)
		for i, a := range m.turn.Actions {
			s.action(m.turn, i)
			s.observation(m.observed[a.ID])
		}
	}
	if m.turn == nil && s.options.Steps.all() || m.turn != nil && s.options.Steps.holds(m.step) {
		for _, message := range m.messages {
			s.message(message)
		}
	}
}

// acts says what an action of a turn does.
func acts(t *trajectories.Turn, i int) []behaviour.Act {
	return behaviour.Classify(t.Actions[i].Tool, []byte(t.ArgumentText(i)))
}
