package trajectories

import "encoding/json"

// A View is what the policy saw when it made a turn, where that is not simply
// all that came before: some programs shorten old observations, condense what
// does not fit, or ask again with other words.
//
// Views of neighbouring turns have most of their messages in common, so each
// message is written once: the messages of all views so far, in the order of
// Add, are numbered from 0, and Shows names runs of them. A log stays linear in
// the length of the episode, where repeating the messages would make it
// quadratic.
type View struct {
	// Turn is the turn that was made with it. The view stands right before or
	// right after that turn, or after all turns if there was none. View 0 shows
	// nothing to any turn: it only adds messages for later views.
	Turn int      `json:"turn"`
	Form ViewForm `json:"form"`
	// Add are the messages that no earlier view has, as the source wrote them.
	Add []json.RawMessage `json:"add,omitempty"`
	// Shows is what the policy saw, in this order.
	Shows []Run `json:"shows,omitempty"`
}

// A Run is a run of messages among those that views have added.
type Run struct {
	From  int `json:"from"`  // the number of the first
	Count int `json:"count"` // at least 1
}

// ViewForm is how a source holds a view.
type ViewForm string

const (
	ViewQuery    ViewForm = "query"    // the input of the turn (SWE-agent from 1.1.0)
	ViewMessages ViewForm = "messages" // the input, the turn and its observation (SWE-agent 1.0)
)
