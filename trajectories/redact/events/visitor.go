package events

import (
	"encoding/json"
	"slices"

	"github.com/apprentice-rl/apprentice/trajectories"
)

// A visitor is shown the texts of events that are gone over, and says what
// stands there afterwards. Fields have the names that the log gives them.
//
// A field that is added to the types of events belongs in here, or into the list
// of those that are left out, which a test keeps.
type visitor struct {
	// id is shown what other events, and files, are called by. It is the same
	// wherever the same id stands. Nil leaves ids alone.
	id   func(field, s string) string
	text func(field, s string) string
	json func(field string, raw json.RawMessage) json.RawMessage
}

// event returns a copy of the event with what the visitor says. Patches are not
// shown to it.
func (v visitor) event(e trajectories.Event) trajectories.Event {
	switch {
	case e.Header != nil:
		e.Header = v.header(*e.Header)
	case e.Turn != nil:
		e.Turn = v.turn(*e.Turn)
	case e.Observation != nil:
		e.Observation = v.observation(*e.Observation)
	case e.Message != nil:
		e.Message = v.message(*e.Message)
	case e.View != nil:
		e.View = v.view(*e.View)
	case e.End != nil:
		e.End = v.end(*e.End)
	}
	return e
}

func (v visitor) header(h trajectories.Header) *trajectories.Header {
	h.ID = v.named("header.id", h.ID)
	h.Session = v.named("header.session", h.Session)
	h.Task.ID = v.named("header.task.id", h.Task.ID)
	if h.Parent != nil {
		parent := *h.Parent
		parent.Trajectory = v.named("header.parent.trajectory", parent.Trajectory)
		h.Parent = &parent
	}
	h.Task.BaseCommit = v.text("header.task.base_commit", h.Task.BaseCommit)
	h.Task.Repo = v.text("header.task.repo", h.Task.Repo)
	h.Task.ProblemStatement = v.text("header.task.problem_statement", h.Task.ProblemStatement)
	h.Task.Image = v.text("header.task.image", h.Task.Image)
	h.Policy.Name = v.text("header.policy.name", h.Policy.Name)
	h.Policy.Model = v.text("header.policy.model", h.Policy.Model)
	h.Policy.Version = v.text("header.policy.version", h.Policy.Version)
	if h.Source != nil {
		source := *h.Source
		source.File = v.named("header.source.file", source.File)
		source.Version = v.text("header.source.version", source.Version)
		h.Source = &source
	}
	h.Tools = slices.Clone(h.Tools)
	for i := range h.Tools {
		t := &h.Tools[i]
		t.Name = v.text("header.tools.name", t.Name)
		t.Description = v.text("header.tools.description", t.Description)
		t.Parameters = v.json("header.tools.parameters", t.Parameters)
		t.Extra = v.json("header.tools.extra", t.Extra)
	}
	h.System = v.text("header.system", h.System)
	h.Prompt = v.text("header.prompt", h.Prompt)
	h.Notes = v.text("header.notes", h.Notes)
	h.Origin = v.origin("header.origin", h.Origin)
	return &h
}

func (v visitor) turn(t trajectories.Turn) *trajectories.Turn {
	t.Model = v.text("turn.model", t.Model)
	t.Reasoning = v.text("turn.reasoning", t.Reasoning)
	t.Message = v.text("turn.message", t.Message)
	t.Actions = slices.Clone(t.Actions)
	t.Calls = slices.Clone(t.Calls)
	for i := range t.Actions {
		a := &t.Actions[i]
		a.ID = v.named("turn.actions.id", a.ID)
		a.Tool = v.text("turn.actions.tool", a.Tool)
		var call trajectories.Call
		if i < len(t.Calls) {
			call = t.Calls[i]
		}
		a.Arguments, call = v.arguments(a.Arguments, call)
		call.ID = v.named("turn.calls.id", call.ID)
		call.Extra = v.json("turn.calls.extra", call.Extra)
		if i < len(t.Calls) {
			t.Calls[i] = call
		}
	}
	t.FormatError = v.text("turn.format_error", t.FormatError)
	t.Request = v.json("turn.request", t.Request)
	t.Response = v.json("turn.response", t.Response)
	t.Origin = v.origin("turn.origin", t.Origin)
	return &t
}

// arguments keeps the two ways in which arguments may be held the same: what is
// changed in one of them is not looked for in the other.
func (v visitor) arguments(arguments json.RawMessage, call trajectories.Call) (json.RawMessage, trajectories.Call) {
	const field = "turn.actions.arguments"
	if call.Text == "" {
		return v.json(field, arguments), call
	}
	text := string(v.json(field, json.RawMessage(call.Text)))
	if text == call.Text || call.Invalid {
		call.Text = text
		return v.json(field, arguments), call
	}
	arguments, parsed := trajectories.ParseArguments(text)
	call.Text, call.Invalid = parsed.Text, parsed.Invalid
	return arguments, call
}

func (v visitor) observation(o trajectories.Observation) *trajectories.Observation {
	o.Action = v.named("observation.action", o.Action)
	o.Text = v.text("observation.text", o.Text)
	if o.Result != nil {
		result := *o.Result
		result.Reason = v.text("observation.result.reason", result.Reason)
		o.Result = &result
	}
	o.Raw = v.optional("observation.raw", o.Raw)
	o.Origin = v.origin("observation.origin", o.Origin)
	return &o
}

func (v visitor) message(m trajectories.Message) *trajectories.Message {
	m.Role = v.text("message.role", m.Role)
	m.Text = v.text("message.text", m.Text)
	m.Origin = v.origin("message.origin", m.Origin)
	return &m
}

func (v visitor) view(w trajectories.View) *trajectories.View {
	w.Add = slices.Clone(w.Add)
	for i := range w.Add {
		w.Add[i] = v.json("view.add", w.Add[i])
	}
	return &w
}

func (v visitor) end(e trajectories.End) *trajectories.End {
	e.SourceStatus = v.text("end.source_status", e.SourceStatus)
	e.Detail = v.text("end.detail", e.Detail)
	e.Origin = v.origin("end.origin", e.Origin)
	return &e
}

func (v visitor) origin(field string, o *trajectories.Origin) *trajectories.Origin {
	if o == nil {
		return nil
	}
	return &trajectories.Origin{
		Index: o.Index,
		ID:    v.text(field+".id", o.ID),
		Text:  v.optional(field+".text", o.Text),
		Parts: v.json(field+".parts", o.Parts),
		Extra: v.json(field+".extra", o.Extra),
	}
}

func (v visitor) named(field, s string) string {
	if v.id == nil {
		return s
	}
	return v.id(field, s)
}

func (v visitor) optional(field string, s *string) *string {
	if s == nil {
		return nil
	}
	text := v.text(field, *s)
	return &text
}
