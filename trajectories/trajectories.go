// Package trajectories is the record of what policies did.
//
// A trajectory is the full record of one episode, as an append-only log of
// events in a JSONL file:
//
//	{"type":"header", …}       once, first: the task, the policy, the tools
//	{"type":"turn", …}         one answer of the policy; synced to disk before its actions run
//	{"type":"observation", …}  what came back, one per action
//	{"type":"message", …}      what else was said: demonstrations, notes, a user in the middle
//	{"type":"view", …}         what the policy saw, where that is not all that came before
//	{"type":"end", …}          once, last: the exit status and the final patch
//
// Our own episodes need header, turns, observations and end alone. Messages
// and views are there for trajectories that other programs have recorded, and
// so is [Origin]: what such a source had and the log has no field for is kept
// beside the fields, never in them.
//
// Because a turn is on disk before anything acts on it, an answer that was
// paid for is never lost. A torn last line, which is what a crash leaves, is
// not fatal to [Read]; it is left out, and reported in [Trajectory.Torn].
//
// [Create] starts a log on disk and returns its [Writer]; an [Encoder] writes
// the same lines anywhere, without syncing them. [Events] reads a log one
// event at a time, whatever its size, and [Read] as a whole; both check it.
// [List] finds the logs in a folder. Event types and members that this version
// does not know are skipped, so that an older program can read what a newer
// one has written.
//
// A log is UTF-8. Bytes of a text that are not UTF-8 become U+FFFD when it is
// written; only a final patch keeps them, because it has to apply. Escapes of
// lone surrogates ("\ud800"), which some programs write and JSON alone cannot
// give a meaning to, stay as they are in raw JSON, such as the arguments of an
// action, and read as U+FFFD in texts.
//
// An SRL step is a turn with at least one action; [Trajectory.Steps] numbers
// them from 1. Not each of them may be learned from: see [Turn.Trainable].
package trajectories

import (
	"iter"
	"slices"

	"github.com/apprentice-rl/apprentice/env"
)

// A Trajectory is the record of one episode, read back.
type Trajectory struct {
	Header       Header
	Turns        []Turn
	Observations []Observation // in the order of the log
	Messages     []Message     // in the order of the log
	Views        []View        // in the order of the log
	End          *End          // nil while unfinished

	// Order is the order of the events between header and end where it is not
	// the usual one: before each turn its view, after it its observations, and
	// then the messages that follow it. Nil means the usual order.
	Order []Ref

	// Torn says that the last line of the log was cut off in the middle, as a
	// crash or a full disk leaves it. What it held is not here.
	Torn bool
	// Unknown counts the events that were skipped because this version does
	// not know their type.
	Unknown int
}

// A Ref points to one event of a Trajectory.
type Ref struct {
	Type  EventType // of a turn, an observation, a message or a view
	Index int       // in the slice of its type
}

// Events returns the events in the order of the log, without lines and
// offsets.
func (t *Trajectory) Events() iter.Seq[Event] {
	return func(yield func(Event) bool) {
		if !yield(Event{Header: &t.Header}) {
			return
		}
		for _, r := range t.order() {
			if !yield(t.event(r)) {
				return
			}
		}
		if t.End != nil {
			yield(Event{End: t.End})
		}
	}
}

func (t *Trajectory) event(r Ref) Event {
	switch r.Type {
	case EventTurn:
		return Event{Turn: &t.Turns[r.Index]}
	case EventObservation:
		return Event{Observation: &t.Observations[r.Index]}
	case EventMessage:
		return Event{Message: &t.Messages[r.Index]}
	default:
		return Event{View: &t.Views[r.Index]}
	}
}

// order is Order where it names each event once, else the usual order:
// somebody may have changed the slices since they were read.
func (t *Trajectory) order() []Ref {
	usual := t.usualOrder()
	if len(t.Order) != len(usual) {
		return usual
	}
	rest := make(map[Ref]bool, len(usual))
	for _, r := range usual {
		rest[r] = true
	}
	for _, r := range t.Order {
		if !rest[r] {
			return usual
		}
		delete(rest, r)
	}
	return t.Order
}

func (t *Trajectory) usualOrder() []Ref {
	refs := make([]Ref, 0, len(t.Turns)+len(t.Observations)+len(t.Messages)+len(t.Views))
	var observations, messages, views int
	// Until is where the events that belong to turns up to n end.
	until := func(n int, whole bool) {
		for ; observations < len(t.Observations) && (whole || t.Observations[observations].Turn <= n); observations++ {
			refs = append(refs, Ref{EventObservation, observations})
		}
		for ; messages < len(t.Messages) && (whole || t.Messages[messages].After <= n); messages++ {
			refs = append(refs, Ref{EventMessage, messages})
		}
		for ; views < len(t.Views) && (whole || t.Views[views].Turn <= n+1); views++ {
			refs = append(refs, Ref{EventView, views})
		}
	}
	until(0, false)
	for i, turn := range t.Turns {
		refs = append(refs, Ref{EventTurn, i})
		until(turn.N, false)
	}
	until(0, true)
	return refs
}

// Usage is what all turns together cost.
func (t *Trajectory) Usage() Usage {
	var sum Usage
	for _, turn := range t.Turns {
		sum = sum.Add(turn.Usage)
	}
	return sum
}

// A Step is one SRL step: a turn with at least one action, and the
// observations of its actions, in their order.
type Step struct {
	N            int // from 1, counting turns with actions only
	Turn         Turn
	Observations []env.Observation
}

// Steps returns the steps of the trajectory. An action whose observation is
// missing, because the episode was interrupted, gets none.
func (t *Trajectory) Steps() []Step {
	byAction := make(map[string]env.Observation, len(t.Observations))
	for _, o := range t.Observations {
		byAction[o.Action] = o.Observation
	}
	var steps []Step
	for _, turn := range t.Turns {
		if len(turn.Actions) == 0 {
			continue
		}
		s := Step{N: len(steps) + 1, Turn: turn}
		for _, a := range turn.Actions {
			if o, ok := byAction[a.ID]; ok {
				s.Observations = append(s.Observations, o)
			}
		}
		steps = append(steps, s)
	}
	return steps
}

// collect gathers the events of a log.
func collect(events iter.Seq2[Event, error]) (*Trajectory, error) {
	var t Trajectory
	var order []Ref
	for e, err := range events {
		if err != nil {
			return nil, err
		}
		switch {
		case e.Header != nil:
			t.Header = *e.Header
		case e.Turn != nil:
			order = append(order, Ref{EventTurn, len(t.Turns)})
			t.Turns = append(t.Turns, *e.Turn)
		case e.Observation != nil:
			order = append(order, Ref{EventObservation, len(t.Observations)})
			t.Observations = append(t.Observations, *e.Observation)
		case e.Message != nil:
			order = append(order, Ref{EventMessage, len(t.Messages)})
			t.Messages = append(t.Messages, *e.Message)
		case e.View != nil:
			order = append(order, Ref{EventView, len(t.Views)})
			t.Views = append(t.Views, *e.View)
		case e.End != nil:
			t.End = e.End
		case e.Torn:
			t.Torn = true
		default:
			t.Unknown++
		}
	}
	if !slices.Equal(order, t.usualOrder()) {
		t.Order = order
	}
	return &t, nil
}
