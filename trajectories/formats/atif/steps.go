package atif

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats/chat"
	"github.com/apprentice-rl/apprentice/trajectories/formats/episode"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// A walk goes over the steps of one trajectory.
type walk struct {
	importer
	header  trajectories.Header
	opening chat.Opening
	out     *episode.Writer // nil until the header is written
	count   int             // of steps
	gap     bool            // step ids are not as they should be
	asked   map[string]int  // the turns that point to embedded trajectories, by their ids
}

// run goes over the list of steps.
func (w *walk) run(steps *document.Node) error {
	for n, err := range steps.Elements() {
		if err == nil {
			err = w.ctx.Err()
		}
		if err != nil {
			return err
		}
		w.count++
		var s step
		if ok, err := w.decode(n, &s); err != nil {
			return err
		} else if !ok {
			continue
		}
		if s.StepID.Int() != w.count && !w.gap {
			w.gap = true
			w.in.Warn(n, "step_id is %d where %d was to come", s.StepID.Int(), w.count)
		}
		if err := w.step(n, &s); err != nil {
			return err
		}
	}
	return w.begin()
}

func (w *walk) step(n *document.Node, s *step) error {
	if w.opens(s) {
		return nil
	}
	if err := w.begin(); err != nil {
		return err
	}
	if s.Source == "agent" {
		return w.turn(n, s)
	}
	return w.message(n, s)
}

// opens takes the system message and the prompt into the header: a first step
// of the system, and a step of the user at the beginning or right behind it.
func (w *walk) opens(s *step) bool {
	if w.out != nil || s.Observation != nil || s.agentOnly() || s.boundary() || s.Source == "developer" {
		return false
	}
	extra := w.extra(s)
	if !s.Timestamp.IsZero() && s.Timestamp.Text == "" {
		extra.Add("timestamp", s.Timestamp.Time)
	}
	if s.IsCopiedContext {
		extra.Add("is_copied_context", true)
	}
	extra.AddRaw("message", s.Message.Raw)
	if !w.opening.Take(&w.header, string(s.Source), s.Message.Text, extra) {
		return false
	}
	if w.header.Started.IsZero() {
		w.header.Started = s.Timestamp.Time
	}
	return true
}

// begin writes the header, if that has not been done.
func (w *walk) begin() error {
	if w.out != nil {
		return nil
	}
	w.opening.Keep(&w.header)
	out, err := episode.Begin(w.to, w.header)
	w.out = out
	return err
}

// extra is what every step may have and no event has a field for.
func (w *walk) extra(s *step) *members.List {
	var extra members.List
	if s.Timestamp.Text != "" {
		extra.Add("timestamp", s.Timestamp.Text)
	}
	if s.Extra.Kind() != 'n' {
		extra.AddRaw("extra", s.Extra)
	}
	extra.AddAll(s.Rest)
	return &extra
}

// message writes a step of the user or the system, and what it observed.
func (w *walk) message(n *document.Node, s *step) error {
	extra := w.extra(s)
	m := trajectories.Message{
		Role: string(s.Source), Kind: trajectories.MessageNote,
		Shown: s.Source == "user", Text: s.Message.Text, Time: s.Timestamp.Time,
	}
	switch {
	case bool(s.IsCopiedContext):
		m.Kind = trajectories.MessageContext
	case s.boundary():
		m.Kind = trajectories.MessageCondensation
	}
	if s.Source != "user" && s.Source != "system" {
		w.in.Warn(n, "%q is no source of steps; the step is kept as the system's", s.Source)
		m.Role = "system"
		extra.Add("source", s.Source)
	}
	if s.agentOnly() {
		w.in.Warn(n, "a step of the %s with members that only the agent's have; they are kept and mean nothing", m.Role)
		for _, name := range []string{"model_name", "reasoning_content", "tool_calls", "metrics"} {
			if v, ok := n.Get(name); ok {
				raw, err := v.Raw()
				if err := w.in.Forgive(err); err != nil {
					return err
				}
				extra.AddRaw(name, raw)
			}
		}
	}
	m.Origin = chat.Origin(s.Message, extra)
	if err := w.out.Message(m); err != nil {
		return err
	}
	return w.results(n, s)
}

// parsing begins what Terminus says of an answer that it could not read.
const parsing = "Previous response had parsing errors"

// turn writes a step of the agent, and what it observed.
func (w *walk) turn(n *document.Node, s *step) error {
	extra := w.extra(s)
	t := trajectories.Turn{
		Time: s.Timestamp.Time, Reasoning: s.ReasoningContent.Text, Message: s.Message.Text,
		Copied: bool(s.IsCopiedContext),
	}
	if model := string(s.ModelName); model != w.header.Policy.Model {
		t.Model = model
	}
	if s.Metrics != nil {
		t.Usage = s.Metrics.usage()
		extra.AddRaw("metrics", s.Metrics.Rest)
	}
	switch {
	case s.LLMCallCount != nil:
		t.Usage.Calls = s.LLMCallCount.Int()
		t.Synthetic = t.Usage.Calls == 0
	case !t.Copied:
		t.Usage.Calls = 1 // the format has one step per answer of the model
	}
	t.Actions, t.Calls = actions(s.ToolCalls)
	if o := s.Observation; o != nil {
		extra.AddRaw("observation", o.Rest)
		if len(s.ToolCalls) == 0 && len(o.Results) > 0 && strings.HasPrefix(o.Results[0].Content.Text, parsing) {
			t.FormatError = strings.TrimSuffix(o.Results[0].Content.Text, "\n")
		}
	}
	t.Origin = chat.Origin(s.Message, extra)
	if err := w.out.Turn(t); err != nil {
		return err
	}
	return w.results(n, s)
}

func actions(calls []call) ([]env.Action, []trajectories.Call) {
	all := make([]chat.ToolCall, len(calls))
	for i, c := range calls {
		c.restore()
		all[i] = chat.ToolCall{ID: c.ToolCallID, Rest: c.Rest, Function: chat.Function{Name: c.FunctionName, Arguments: c.Arguments}}
	}
	return chat.Actions(all)
}

// restore takes arguments that are no object from where export puts them.
func (c *call) restore() {
	extra := member(c.Rest, "extra")
	raw := jsontext.Value(member(extra, argumentsText))
	if raw.Kind() != '"' {
		return
	}
	c.Arguments = chat.Arguments(text(raw))
	var rest, inner members.List
	for name, value := range members.All(extra) {
		if name != argumentsText {
			inner.Add(name, value)
		}
	}
	for name, value := range members.All(c.Rest) {
		if name != "extra" {
			rest.Add(name, value)
		} else {
			rest.AddRaw(name, inner.Object())
		}
	}
	c.Rest = []byte(rest.Object())
}
