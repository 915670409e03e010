package openhands

import (
	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/chat"
	"github.com/apprentice-rl/apprentice/trajectories/formats/episode"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// A talk is a stream of events on its way to the sink.
type talk struct {
	in      *formats.Input
	to      formats.Sink
	row     *row
	opening chat.Opening
	out     *episode.Writer         // nil until the header is written
	calls   map[string]episode.Call // that have no answer yet, by the ids of their events
	group   *group
}

// A group is a turn whose calls come as several events.
type group struct {
	response string
	missing  int // events to come
	turn     trajectories.Turn
	events   []string // the ids of the actions' events
	later    []func() error
}

// maxLater bounds what is held while the events of a turn are gathered. What is
// further away is a turn of its own.
const maxLater = 256

func newTalk(in *formats.Input, to formats.Sink, r *row) *talk {
	return &talk{in: in, to: to, row: r, calls: map[string]episode.Call{}}
}

// begin writes the header, if that has not been done.
func (t *talk) begin() error {
	if t.out != nil {
		return nil
	}
	t.row.finish()
	t.opening.Keep(&t.row.header)
	out, err := episode.Begin(t.to, t.row.header)
	t.out = out
	return err
}

// act takes an action, which is one of so many that the response holds. The
// turn is what it says beside the action.
func (t *talk) act(response string, of int, event string, turn trajectories.Turn) error {
	if t.group != nil && (t.group.response != response || response == "") {
		if err := t.flush(); err != nil {
			return err
		}
	}
	if t.group == nil {
		t.group = &group{response: response, missing: of, turn: turn, events: []string{event}}
	} else {
		t.group.add(event, turn)
	}
	if t.group.missing--; t.group.missing <= 0 {
		return t.flush()
	}
	return nil
}

// add puts what a further event of the turn says to what the first has said.
func (g *group) add(event string, turn trajectories.Turn) {
	g.events = append(g.events, event)
	if len(turn.Calls) > 0 && len(g.turn.Calls) == 0 {
		g.turn.Calls = make([]trajectories.Call, len(g.turn.Actions))
	}
	g.turn.Actions = append(g.turn.Actions, turn.Actions...)
	if len(g.turn.Calls) > 0 {
		if len(turn.Calls) == 0 {
			turn.Calls = make([]trajectories.Call, len(turn.Actions))
		}
		g.turn.Calls = append(g.turn.Calls, turn.Calls...)
	}
	if turn.Message != g.turn.Message {
		g.turn.Message += turn.Message
	}
	if turn.Reasoning != g.turn.Reasoning {
		g.turn.Reasoning += turn.Reasoning
	}
	g.turn.Usage = g.turn.Usage.Add(turn.Usage)
}

// then does something behind the turn that is being gathered, or at once.
func (t *talk) then(do func() error) error {
	if t.group == nil {
		return do()
	}
	t.group.later = append(t.group.later, do)
	if len(t.group.later) > maxLater {
		return t.flush()
	}
	return nil
}

// flush writes the turn that was gathered, and what came between its events.
func (t *talk) flush() error {
	g := t.group
	if g == nil {
		return nil
	}
	t.group = nil
	if err := t.begin(); err != nil {
		return err
	}
	if err := t.out.Turn(g.turn); err != nil {
		return err
	}
	for i, c := range t.out.Open() {
		if g.events[i] != "" {
			t.calls[g.events[i]] = c
		}
	}
	for _, do := range g.later {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

// turn writes a turn without actions.
func (t *talk) turn(turn trajectories.Turn) error {
	if err := t.begin(); err != nil {
		return err
	}
	return t.out.Turn(turn)
}

// message writes a message.
func (t *talk) message(m trajectories.Message) error {
	if err := t.begin(); err != nil {
		return err
	}
	return t.out.Message(m)
}

// An answer is an observation, and what it says of the call that it answers.
type answer struct {
	cause  string // the id of the action's event
	callID string // the provider's id of the call, empty if there is none
	tool   string // the tool's name
	trajectories.Observation
}

// answer writes an observation of a call; as an orphan, if the call is not
// there.
func (t *talk) answer(n *document.Node, a answer) error {
	if err := t.begin(); err != nil {
		return err
	}
	call, ok := t.calls[a.cause]
	if ok {
		delete(t.calls, a.cause)
		return t.out.Answer(call, a.Observation)
	}
	if call, ok = t.out.Claim(a.callID); ok {
		return t.out.Answer(call, a.Observation)
	}
	t.in.Warn(n, "this answers the call %q, which is not there or has its answer; it is kept as a message", a.callID)
	var extra members.List
	o := trajectories.Origin{}
	if a.Origin != nil {
		o = *a.Origin
		extra.AddAll(o.Extra)
	}
	extra.Add("tool_name", a.tool)
	extra.Add("tool_call_id", a.callID)
	if a.cause != "" {
		extra.Add("cause", a.cause)
	}
	o.Extra = extra.Object()
	return t.out.Message(trajectories.Message{Role: "tool", Kind: trajectories.MessageOrphan, Shown: true, Text: a.Text, Time: a.Time, Origin: &o})
}

// one is the turn with one action.
func one(a env.Action, c trajectories.Call) ([]env.Action, []trajectories.Call) {
	return []env.Action{a}, chat.Needed([]trajectories.Call{c})
}
