package openhands

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/chat"
	"github.com/apprentice-rl/apprentice/trajectories/formats/loose"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// loadV1 imports rows, or events.
func loadV1(ctx context.Context, in *formats.Input, to formats.Sink) error {
	return loadAny(in, func(r *row, events iter.Seq2[*document.Node, error]) error {
		tree, err := survey(ctx, in, events)
		if err != nil {
			return err
		}
		v := &v1{talk: newTalk(in, to, r), tree: tree}
		if s := tree.state; s != nil {
			v.status, r.header.Session = string(s.ExecutionStatus), string(s.ID)
			if r.header.Policy.Model == "" {
				r.header.Policy.Model = string(s.Agent.LLM.Model)
			}
		}
		return v.run(ctx, events)
	})
}

// v1 reads the events of a conversation.
type v1 struct {
	*talk
	tree   *tree
	status string             // of the conversation, the last one
	before trajectories.Usage // of all answers up to the last turn
	now    trajectories.Usage // of all answers so far
	total  trajectories.Usage // of those of all models
	// abandoned counts the events of branches that were given up, and the calls
	// among them.
	abandoned, abandonedCalls int
}

func (v *v1) run(ctx context.Context, events iter.Seq2[*document.Node, error]) error {
	for n, err := range events {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil && !isState(n) {
			err = v.event(n)
		}
		if err = v.in.Forgive(err); err != nil {
			return err
		}
	}
	if v.abandoned > 0 {
		v.in.Warn(nil, "%d events are of branches that were given up; they are kept as messages, and %d calls among them are not counted", v.abandoned, v.abandonedCalls)
	}
	if s := v.tree.state; s != nil && v.total == (trajectories.Usage{}) {
		v.total = s.Stats.total()
	}
	return v.end(v.status, v.total)
}

// total is what all models have cost.
func (s *stats) total() trajectories.Usage {
	var u trajectories.Usage
	for _, m := range s.UsageToMetrics {
		u = u.Add(m.usage())
	}
	return u
}

// agent is what the agent's own answers have cost.
func (s *stats) agent() trajectories.Usage {
	var u trajectories.Usage
	for name, m := range s.UsageToMetrics {
		if name != "condenser" {
			u = u.Add(m.usage())
		}
	}
	return u
}

func (v *v1) event(n *document.Node) error {
	var e v1Event
	if err := n.Decode(&e); err != nil {
		return err
	}
	if v.out == nil && v.row.header.Started.IsZero() {
		v.row.header.Started = e.Timestamp.Time
	}
	if !v.tree.happened(string(e.ID), string(e.ParentID)) {
		return v.given(n, &e)
	}
	if v.opens(&e) {
		return nil
	}
	switch {
	case e.Kind == "ActionEvent":
		t := e.turn()
		if g := v.group; g == nil || g.response != string(e.ResponseID) {
			t.Usage = v.spent()
		}
		return v.act(string(e.ResponseID), v.tree.calls[string(e.ResponseID)], string(e.ID), t)
	case e.answers():
		var o v1Observation
		if e.Observation.Kind() == '{' {
			if err := loose.Unmarshal(e.Observation, &o); err != nil {
				return v.in.Fault(n, "the observation cannot be read: %w", err)
			}
		}
		a := answer{cause: string(e.ActionID), callID: string(e.ToolCallID), tool: string(e.ToolName), Observation: e.observation(&o)}
		return v.then(func() error { return v.answer(n, a) })
	case e.Kind == "ConversationStateUpdateEvent":
		v.update(&e)
	case e.Kind == "ConversationErrorEvent":
		if v.row.failure == "" {
			v.row.failure = string(e.Code) + ": " + e.Detail.Text
		}
	}
	return v.said(n, &e)
}

// spent is what was spent since the last turn.
func (v *v1) spent() trajectories.Usage {
	u := trajectories.Usage{
		Calls:            1,
		PromptTokens:     max(0, v.now.PromptTokens-v.before.PromptTokens),
		CachedTokens:     max(0, v.now.CachedTokens-v.before.CachedTokens),
		CompletionTokens: max(0, v.now.CompletionTokens-v.before.CompletionTokens),
		Cost:             max(0, v.now.Cost-v.before.Cost),
	}
	v.before = v.now
	return u
}

// update takes note of a change of the conversation's state: of its status, or
// of what it has cost, of itself or as a part of the whole state.
func (v *v1) update(e *v1Event) {
	var value struct {
		ExecutionStatus loose.String `json:"execution_status"`
		Stats           *stats       `json:"stats"`
	}
	// A value that is not as it should be is kept in the log and says nothing.
	switch e.Key {
	case "execution_status":
		_ = loose.Unmarshal(e.Value, &value.ExecutionStatus)
	case "stats":
		_ = loose.Unmarshal(e.Value, &value.Stats)
	case "full_state":
		_ = loose.Unmarshal(e.Value, &value)
	}
	if value.ExecutionStatus != "" {
		v.status = string(value.ExecutionStatus)
	}
	if value.Stats == nil {
		return
	}
	v.total = value.Stats.total()
	if now := value.Stats.agent(); now != v.now {
		v.before, v.now = v.now, now
	}
}

// opens takes the system message and the prompt into the header.
func (v *v1) opens(e *v1Event) bool {
	if v.out != nil || v.group != nil {
		return false
	}
	h := &v.row.header
	extra := e.extra()
	switch {
	case e.Kind == "SystemPromptEvent" && v.opening.Take(h, "system", e.SystemPrompt.Text, extra):
		h.Tools = chat.Tools(e.Tools)
		return true
	case e.Kind == "MessageEvent" && e.Source == "user" && e.LLMMessage != nil:
		problem := h.Task.ProblemStatement
		taken := v.opening.Take(h, "user", e.LLMMessage.Content.Text, extra)
		if problem != "" {
			h.Task.ProblemStatement = problem
		}
		return taken
	}
	return false
}

// said writes an event that is neither an action nor the answer to one.
func (v *v1) said(n *document.Node, e *v1Event) error {
	if e.Kind == "MessageEvent" && e.LLMMessage != nil {
		if e.Source == "agent" {
			t := e.LLMMessage.Turn()
			t.Time, t.Usage = e.Timestamp.Time, v.spent()
			if t.Origin == nil {
				t.Origin = &trajectories.Origin{}
			}
			t.Origin.ID = string(e.ID)
			return v.then(func() error { return v.turn(t) })
		}
		m := e.LLMMessage.Note()
		m.Time = e.Timestamp.Time
		if m.Origin == nil {
			m.Origin = &trajectories.Origin{}
		}
		m.Origin.ID = string(e.ID)
		return v.then(func() error { return v.message(m) })
	}
	kind, text := trajectories.MessageState, ""
	switch e.Kind {
	case "SystemPromptEvent":
		kind, text = trajectories.MessageNote, e.SystemPrompt.Text
	case "Condensation", "CondensationSummaryEvent":
		kind, text = trajectories.MessageCondensation, e.Summary.Text
	case "ConversationErrorEvent":
		kind, text = trajectories.MessageExit, e.Detail.Text
	}
	m, err := v.whole(n, e, kind, text)
	if err != nil {
		return err
	}
	m.Shown = kind == trajectories.MessageCondensation
	return v.then(func() error { return v.message(m) })
}

// given writes an event of a branch that was given up.
func (v *v1) given(n *document.Node, e *v1Event) error {
	v.abandoned++
	if e.Kind == "ActionEvent" {
		v.abandonedCalls++
	}
	m, err := v.whole(n, e, trajectories.MessageAbandoned, e.Thought.Text)
	if err != nil {
		return err
	}
	return v.then(func() error { return v.message(m) })
}

// whole is a message with the event as it was in its origin.
func (v *v1) whole(n *document.Node, e *v1Event, kind trajectories.MessageKind, text string) (trajectories.Message, error) {
	role := "environment"
	switch e.Source {
	case "user":
		role = "user"
	case "agent":
		role = "assistant"
	}
	raw, err := n.Raw()
	if err != nil {
		return trajectories.Message{}, err
	}
	var extra members.List
	for name, value := range members.All(raw) {
		if !slices.Contains([]string{"id", "timestamp", "source"}, name) {
			extra.Add(name, value)
		}
	}
	return trajectories.Message{Role: role, Kind: kind, Text: text, Time: e.Timestamp.Time,
		Origin: &trajectories.Origin{ID: string(e.ID), Extra: extra.Object()}}, nil
}

// extra is what an event has beside what it is about.
func (e *v1Event) extra() *members.List {
	var extra members.List
	extra.AddAll(notNull(e.Rest))
	return &extra
}

// notNull is the object without the members that are null or empty lists, of
// which events have many.
func notNull(object jsontext.Value) []byte {
	var extra members.List
	for name, value := range members.All(object) {
		if s := strings.TrimSpace(string(value)); s != "null" && s != "[]" {
			extra.Add(name, value)
		}
	}
	return extra.Object()
}

func equalTrimmed(a, b string) bool { return strings.TrimSpace(a) == strings.TrimSpace(b) }
