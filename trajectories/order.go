package trajectories

import (
	"errors"
	"fmt"
)

// An order knows which events may follow those that were there so far. Reader
// and encoder share it, so what was written can be read. It holds the ids of
// the actions and nothing else that grows.
type order struct {
	begun, ended bool
	turns        int
	actions      map[string]placed
	view         int // the turn of the last view
	viewed       bool
	added        int // messages that views have added
}

// placed is where an action is.
type placed struct {
	turn     int
	answered bool
}

// check says what is wrong with e as the next event.
func (o *order) check(e Event) error {
	kind := e.kind()
	switch {
	case e.Header != nil && o.begun:
		return errors.New("a second header")
	case e.Header != nil:
		return nil
	case !o.begun:
		return fmt.Errorf("the first event is a %q, not the header", kind)
	case e.Unknown != "":
		return nil
	case e.End != nil && o.ended:
		return errors.New("a second end")
	case o.ended:
		return fmt.Errorf("%s %s after the end", article(kind), kind)
	case e.Turn != nil:
		return o.checkTurn(e.Turn)
	case e.Observation != nil:
		return o.checkObservation(e.Observation)
	case e.Message != nil && e.Message.After != o.turns:
		return fmt.Errorf("a message after turn %d where the last turn is %d", e.Message.After, o.turns)
	case e.View != nil:
		return o.checkView(e.View)
	}
	return nil
}

func article(kind EventType) string {
	if kind == EventObservation {
		return "an"
	}
	return "a"
}

func (o *order) checkTurn(t *Turn) error {
	if t.N != o.turns+1 {
		return fmt.Errorf("turn %d where turn %d was to come", t.N, o.turns+1)
	}
	if len(t.Calls) > 0 && len(t.Calls) != len(t.Actions) {
		return fmt.Errorf("turn %d has %d calls for %d actions", t.N, len(t.Calls), len(t.Actions))
	}
	here := make(map[string]bool, len(t.Actions))
	for _, a := range t.Actions {
		if _, used := o.actions[a.ID]; used || here[a.ID] {
			return fmt.Errorf("action id %q is used twice", a.ID)
		}
		here[a.ID] = true
	}
	return nil
}

func (o *order) checkObservation(b *Observation) error {
	action, known := o.actions[b.Action]
	switch {
	case !known:
		return fmt.Errorf("an observation of action %q, which no turn holds", b.Action)
	case action.turn != b.Turn:
		return fmt.Errorf("an observation of action %q in turn %d, but the action is of turn %d", b.Action, b.Turn, action.turn)
	case action.answered:
		return fmt.Errorf("a second observation of action %q", b.Action)
	}
	return nil
}

func (o *order) checkView(v *View) error {
	switch {
	case v.Turn != o.turns && v.Turn != o.turns+1:
		return fmt.Errorf("a view of turn %d where the last turn is %d", v.Turn, o.turns)
	case o.viewed && v.Turn <= o.view:
		return fmt.Errorf("a second view of turn %d", v.Turn)
	}
	there := o.added + len(v.Add)
	for _, r := range v.Shows {
		if r.From < 0 || r.Count < 1 || r.From > there-r.Count {
			return fmt.Errorf("a view of %d messages from %d, where there are %d", r.Count, r.From, there)
		}
	}
	return nil
}

// accept takes note of an event that check has passed.
func (o *order) accept(e Event) {
	switch {
	case e.Header != nil:
		o.begun = true
		o.actions = map[string]placed{}
	case e.Turn != nil:
		o.turns = e.Turn.N
		for _, a := range e.Turn.Actions {
			o.actions[a.ID] = placed{turn: e.Turn.N}
		}
	case e.Observation != nil:
		o.actions[e.Observation.Action] = placed{turn: e.Observation.Turn, answered: true}
	case e.View != nil:
		o.view, o.viewed = e.View.Turn, true
		o.added += len(e.View.Add)
	case e.End != nil:
		o.ended = true
	}
}
