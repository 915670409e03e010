// Package episode puts the events of an imported trajectory in order: it
// numbers turns, gives each action an id of its own, and finds the action that
// an answer belongs to. Every importer has to; here it is done once.
package episode

import (
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

// A Writer writes one trajectory to a sink.
type Writer struct {
	to    formats.Sink
	ids   formats.IDs
	turns int
	last  []Call            // the calls of the last turn, without those at the front that are done
	named map[string][]Call // by the source's ids: those of the latest turn that used one
	done  map[string]bool   // actions that have their answer, or somebody who has it
	usage trajectories.Usage
	ends  bool // the last action is one that ends an episode
}

// A Call is an action that was written.
type Call struct {
	Action string // its id in the log
	Turn   int
}

// Begin starts a trajectory.
func Begin(to formats.Sink, h trajectories.Header) (*Writer, error) {
	w := &Writer{to: to, named: map[string][]Call{}, done: map[string]bool{}}
	return w, to.Begin(h)
}

// Turns is the number of turns so far.
func (w *Writer) Turns() int { return w.turns }

// Usage is what the turns so far have cost together.
func (w *Writer) Usage() trajectories.Usage { return w.usage }

// Finished reports whether the last turn called a tool by which agents say that
// they are done. It is all that is known of the end where a source does not
// note it.
func (w *Writer) Finished() bool { return w.ends }

// Turn writes a turn as the next one. The ids of its actions are those of the
// source, which may be empty, or used before.
func (w *Writer) Turn(t trajectories.Turn) error {
	w.turns++
	w.usage = w.usage.Add(t.Usage.AtLeastZero())
	t.N = w.turns
	w.last, w.ends = nil, false
	for i := range t.Actions {
		a := &t.Actions[i]
		source := a.ID
		a.ID = w.ids.New(source, t.N, i+1)
		call := Call{a.ID, t.N}
		w.last = append(w.last, call)
		w.ends = Finishes(a.Tool)
		if source == "" {
			continue
		}
		if a.ID != source {
			if len(t.Calls) == 0 {
				t.Calls = make([]trajectories.Call, len(t.Actions))
			}
			t.Calls[i].ID = source
		}
		if before := w.named[source]; len(before) > 0 && before[0].Turn == t.N {
			w.named[source] = append(before, call)
		} else {
			w.named[source] = []Call{call}
		}
	}
	return w.to.Turn(t)
}

// Finishes reports whether a tool ends an episode: "submit" of SWE-agent,
// "finish" of OpenHands, "mark_task_complete" of Terminus.
func Finishes(tool string) bool {
	switch tool {
	case "submit", "finish", "mark_task_complete":
		return true
	}
	return false
}

// Claim takes the call that an answer with the source's id of it belongs to: of
// several, the first of the latest turn that is still open.
func (w *Writer) Claim(source string) (Call, bool) {
	calls := w.named[source]
	for len(calls) > 0 && w.done[calls[0].Action] {
		calls = calls[1:]
	}
	if source == "" || len(calls) == 0 {
		delete(w.named, source)
		return Call{}, false
	}
	w.named[source] = calls[1:]
	w.done[calls[0].Action] = true
	return calls[0], true
}

// FirstOpen returns the first of the calls that Open returns, false if there is
// none. Who asks for each answer should ask for no more than this: a turn may
// have any number of calls.
func (w *Writer) FirstOpen() (Call, bool) {
	for len(w.last) > 0 && w.done[w.last[0].Action] {
		w.last = w.last[1:]
	}
	if len(w.last) == 0 {
		return Call{}, false
	}
	return w.last[0], true
}

// Open returns the calls of the last turn that nobody has claimed or answered,
// in their order. Answers without an id belong to them, by their place.
func (w *Writer) Open() []Call {
	var open []Call
	for _, c := range w.last {
		if !w.done[c.Action] {
			open = append(open, c)
		}
	}
	return open
}

// Answer writes the observation of a call, which may have one only.
func (w *Writer) Answer(c Call, o trajectories.Observation) error {
	w.done[c.Action] = true
	o.Turn, o.Action = c.Turn, c.Action
	return w.to.Observation(o)
}

// Message writes a message after the last turn.
func (w *Writer) Message(m trajectories.Message) error {
	m.After = w.turns
	return w.to.Message(m)
}

// End writes the end.
func (w *Writer) End(e trajectories.End) error { return w.to.End(e) }
