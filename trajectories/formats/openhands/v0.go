package openhands

import (
	"context"
	"iter"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/chat"
	"github.com/apprentice-rl/apprentice/trajectories/formats/loose"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// loadV0 imports rows, or events.
func loadV0(ctx context.Context, in *formats.Input, to formats.Sink) error {
	return loadAny(in, func(r *row, events iter.Seq2[*document.Node, error]) error {
		v := &v0{talk: newTalk(in, to, r)}
		return v.run(ctx, events)
	})
}

// loadAny finds the streams of events in an input: the input itself, the list
// that its document is, or the histories of its rows.
func loadAny(in *formats.Input, load func(*row, iter.Seq2[*document.Node, error]) error) error {
	if in.Match.Events {
		return load(&row{}, in.Documents())
	}
	doc, err := in.Document()
	if err != nil {
		return err
	}
	rows := func(yield func(*document.Node, error) bool) { yield(doc, nil) }
	if first := formats.First(doc); formats.Has(first, "history") {
		rows = doc.Elements()
	}
	for n, err := range rows {
		if err == nil {
			err = loadRow(in, n, load)
		}
		if err = in.Forgive(err); err != nil {
			return err
		}
	}
	return nil
}

func loadRow(in *formats.Input, n *document.Node, load func(*row, iter.Seq2[*document.Node, error]) error) error {
	r, err := readRow(in, n)
	if err != nil {
		return err
	}
	events, err := history(n)
	if err != nil {
		return err
	}
	return load(r, events.Elements())
}

type (
	v0Event struct {
		ID          loose.String   `json:"id"`
		Timestamp   loose.Time     `json:"timestamp"`
		Source      loose.String   `json:"source"`
		Message     jsontext.Value `json:"message"` // says in words what the rest says
		Action      loose.String   `json:"action"`
		Args        jsontext.Value `json:"args"`
		Observation loose.String   `json:"observation"`
		Content     loose.Text     `json:"content"`
		Extras      jsontext.Value `json:"extras"`
		Cause       loose.String   `json:"cause"`
		Call        *v0Call        `json:"tool_call_metadata"`
		Metrics     *metrics       `json:"llm_metrics"`
		Rest        jsontext.Value `json:",embed"`
	}

	v0Call struct {
		FunctionName loose.String   `json:"function_name"`
		ToolCallID   loose.String   `json:"tool_call_id"`
		Response     jsontext.Value `json:"model_response"`
		Total        loose.Number   `json:"total_calls_in_response"`
	}

	// response is the part of a provider's response that is looked at.
	response struct {
		ID      loose.String `json:"id"`
		Model   loose.String `json:"model"`
		Choices []struct {
			Message chat.Message `json:"message"`
		} `json:"choices"`
		Usage struct {
			PromptTokens     loose.Number `json:"prompt_tokens"`
			CompletionTokens loose.Number `json:"completion_tokens"`
			Details          *struct {
				CachedTokens loose.Number `json:"cached_tokens"`
			} `json:"prompt_tokens_details"`
		} `json:"usage"`
	}

	// v0Args are the arguments of the actions that are no calls.
	v0Args struct {
		Content loose.Text     `json:"content"`
		Thought loose.Text     `json:"thought"`
		Summary loose.Text     `json:"summary"`
		Tools   []chat.Tool    `json:"tools"`
		Version loose.String   `json:"openhands_version"`
		Rest    jsontext.Value `json:",embed"`
	}

	// v0Extras is what is looked at of an observation's extras.
	v0Extras struct {
		ExitCode *loose.Number `json:"exit_code"` // of older versions
		Metadata *struct {
			ExitCode *loose.Number `json:"exit_code"`
		} `json:"metadata"`
		AgentState loose.String `json:"agent_state"`
	}
)

// v0 reads the events of a task.
type v0 struct {
	*talk
	cost  float64 // of all answers so far
	state string  // the last one of the agent
}

func (v *v0) run(ctx context.Context, events iter.Seq2[*document.Node, error]) error {
	for n, err := range events {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = v.element(n)
		}
		if err = v.in.Forgive(err); err != nil {
			return err
		}
	}
	return v.end(v.state, v.usage())
}

// element takes an event, or a pair of an action and its observation, as the
// first versions wrote them: without ids.
func (v *v0) element(n *document.Node) error {
	if n.Kind() != document.Array {
		return v.event(n, "")
	}
	pair := n.Position().Field
	for e, err := range n.Elements() {
		if err == nil {
			err = v.event(e, pair)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// event takes an event. In a pair, the pair stands for the ids that it lacks.
func (v *v0) event(n *document.Node, pair string) error {
	var e v0Event
	if err := n.Decode(&e); err != nil {
		return err
	}
	if pair != "" && e.ID == "" && e.Cause == "" {
		if e.Action != "" {
			e.ID = loose.String(pair)
		} else if e.Observation != "null" {
			e.Cause = loose.String(pair)
		}
	}
	if v.row.header.Started.IsZero() && v.out == nil {
		v.row.header.Started = e.Timestamp.Time
	}
	switch {
	case e.Action != "":
		return v.action(n, &e)
	case e.Observation != "":
		return v.then(func() error { return v.observation(n, &e) })
	}
	return v.then(func() error { return v.message(e.note(trajectories.MessageState, "")) })
}

// isCall reports whether an action is one that the agent chose to do. The names
// of those that are none are in ActionType of OpenHands.
func (e *v0Event) isCall() bool {
	if e.Call != nil {
		return true
	}
	switch e.Action {
	case "system", "message", "recall", "condensation", "condensation_request", "change_agent_state",
		"null", "pause", "resume", "stop", "start", "loop_recovery", "initialize", "summarize":
		return false
	}
	return e.Source == "agent" || e.Source == ""
}

func (v *v0) action(n *document.Node, e *v0Event) error {
	if e.isCall() {
		return v.call(n, e)
	}
	var args v0Args
	if len(e.Args) > 0 {
		if err := loose.Unmarshal(e.Args, &args); err != nil {
			return v.in.Fault(n, "the arguments of the action cannot be read: %w", err)
		}
	}
	if v.opens(e, &args) {
		return nil
	}
	return v.then(func() error { return v.said(e, &args) })
}

// opens takes the system message and the prompt into the header.
func (v *v0) opens(e *v0Event, args *v0Args) bool {
	if v.out != nil || v.group != nil {
		return false
	}
	var extra members.List
	extra.AddAll(args.Rest)
	h := &v.row.header
	switch {
	case e.Action == "system" && v.opening.Take(h, "system", args.Content.Text, &extra):
		h.Tools = chat.Tools(args.Tools)
		h.Policy.Version = string(args.Version)
		return true
	case e.Action == "message" && e.Source == "user":
		problem := h.Task.ProblemStatement
		taken := v.opening.Take(h, "user", args.Content.Text, &extra)
		if problem != "" {
			h.Task.ProblemStatement = problem
		}
		return taken
	}
	return false
}

// said writes an action that is no call.
func (v *v0) said(e *v0Event, args *v0Args) error {
	switch {
	case e.Action == "message" && e.Source == "agent":
		return v.turn(trajectories.Turn{
			Time: e.Timestamp.Time, Message: args.Content.Text, Usage: v.spent(e, nil),
			Origin: &trajectories.Origin{ID: string(e.ID), Extra: e.extra()},
		})
	case e.Action == "message", e.Action == "system":
		m := e.note(trajectories.MessageNote, args.Content.Text)
		m.Shown = true
		return v.message(m)
	case e.Action == "condensation":
		return v.message(e.note(trajectories.MessageCondensation, args.Summary.Text))
	}
	return v.message(e.note(trajectories.MessageState, ""))
}

// note is the event as a message.
func (e *v0Event) note(kind trajectories.MessageKind, text string) trajectories.Message {
	role := "environment"
	switch e.Source {
	case "user":
		role = "user"
	case "agent":
		role = "assistant"
	}
	var extra members.List
	extra.AddAll(e.extra())
	extra.AddRaw("args", e.Args)
	return trajectories.Message{Role: role, Kind: kind, Text: text, Time: e.Timestamp.Time, Origin: &trajectories.Origin{ID: string(e.ID), Parts: []byte(e.Content.Raw), Extra: extra.Object()}}
}

// extra is what the event has and no event of a log has a field for.
func (e *v0Event) extra() []byte {
	var extra members.List
	if e.Action != "" {
		extra.Add("action", e.Action)
	}
	if e.Observation != "" {
		extra.Add("observation", e.Observation)
	}
	if e.Timestamp.Text != "" && e.Timestamp.IsZero() {
		extra.Add("timestamp", e.Timestamp.Text)
	}
	extra.AddRaw("extras", e.Extras)
	extra.AddAll(e.Rest)
	return extra.Object()
}

// call takes an action that is a call.
func (v *v0) call(n *document.Node, e *v0Event) error {
	t := trajectories.Turn{Time: e.Timestamp.Time, Origin: &trajectories.Origin{ID: string(e.ID), Extra: e.extra()}}
	var args v0Args
	if len(e.Args) > 0 {
		if err := loose.Unmarshal(e.Args, &args); err != nil {
			return v.in.Fault(n, "the arguments of the action cannot be read: %w", err)
		}
	}
	t.Message = args.Thought.Text
	if e.Call == nil {
		t.Usage = v.spent(e, nil)
		t.Actions = []env.Action{e.translated(string(e.Action), "")}
		return v.act("", 1, string(e.ID), t)
	}
	var r response
	if e.Call.Response.Kind() == '{' {
		if err := loose.Unmarshal(e.Call.Response, &r); err != nil {
			return v.in.Fault(n, "the model's response cannot be read: %w", err)
		}
		t.Response = []byte(loose.Raw(e.Call.Response))
	}
	if h := &v.row.header; h.Policy.Model == "" && v.out == nil {
		h.Policy.Model = string(r.Model)
	} else if h.Policy.Model == "" {
		t.Model = string(r.Model)
	}
	t.Actions = []env.Action{e.translated(string(e.Call.FunctionName), string(e.Call.ToolCallID))}
	found := false
	for _, c := range r.Choices {
		for i := range c.Message.ToolCalls {
			call := &c.Message.ToolCalls[i]
			if call.ID == e.Call.ToolCallID && !found {
				found = true
				t.Message, t.Reasoning = c.Message.Content.Text, c.Message.Reasoning()
				call.Rest = nil // it is in the response
				t.Actions, t.Calls = one(call.Action())
			}
		}
	}
	if !found {
		v.in.Warn(n, "the model's response does not hold the call %q; the action is taken for it", e.Call.ToolCallID)
	}
	if g := v.group; g == nil || g.response != string(r.ID) {
		t.Usage = v.spent(e, &r)
	} else {
		t.Message, t.Reasoning, t.Response = g.turn.Message, g.turn.Reasoning, nil
	}
	return v.act(string(r.ID), e.Call.Total.Int(), string(e.ID), t)
}

// translated is the action as OpenHands has it, for calls of which no more is
// there.
func (e *v0Event) translated(tool, id string) env.Action {
	var arguments members.List
	for name, value := range members.All(e.Args) {
		if name != "thought" {
			arguments.Add(name, value)
		}
	}
	object := arguments.Object()
	if object == nil {
		object = []byte("{}")
	}
	return env.Action{ID: id, Tool: tool, Arguments: object}
}

// spent is what an answer has cost: its tokens by the response, and its dollars
// by the difference of the sums on this event and the last.
func (v *v0) spent(e *v0Event, r *response) trajectories.Usage {
	u := trajectories.Usage{Calls: 1}
	if r != nil {
		u.PromptTokens, u.CompletionTokens = r.Usage.PromptTokens.Int(), r.Usage.CompletionTokens.Int()
		if d := r.Usage.Details; d != nil {
			u.CachedTokens = d.CachedTokens.Int()
		}
	}
	if e.Metrics != nil {
		u.Cost = max(0, float64(e.Metrics.AccumulatedCost)-v.cost)
		v.cost = float64(e.Metrics.AccumulatedCost)
	}
	return u
}

func (v *v0) usage() trajectories.Usage {
	if v.out == nil {
		return trajectories.Usage{}
	}
	return v.out.Usage()
}

func (v *v0) observation(n *document.Node, e *v0Event) error {
	var extras v0Extras
	if e.Extras.Kind() == '{' {
		if err := loose.Unmarshal(e.Extras, &extras); err != nil {
			return v.in.Fault(n, "the extras of the observation cannot be read: %w", err)
		}
	}
	_, known := v.calls[string(e.Cause)]
	switch {
	case known && e.Cause != "", e.Call != nil:
		a := answer{cause: string(e.Cause)}
		if e.Call != nil {
			a.callID, a.tool = string(e.Call.ToolCallID), string(e.Call.FunctionName)
		}
		a.Text, a.Time = e.Content.Text, e.Timestamp.Time
		a.Failed = e.Observation == "error" || e.Observation == "user_rejected"
		a.Result = extras.result()
		a.Failed = a.Failed || a.Result != nil && !a.Result.Succeeded()
		a.Origin = &trajectories.Origin{ID: string(e.ID), Parts: []byte(e.Content.Raw), Extra: e.extra()}
		return v.answer(n, a)
	case e.Observation == "error" && e.Source == "agent":
		// The reply to a call that was malformed, and was not kept.
		if err := v.turn(trajectories.Turn{Time: e.Timestamp.Time, Lost: true, FormatError: e.Content.Text, Usage: trajectories.Usage{Calls: 1}}); err != nil {
			return err
		}
		v.in.Warn(n, "this says that a call was malformed, which is not in the file; it is kept as a message")
		m := e.note(trajectories.MessageFeedback, e.Content.Text)
		m.Role, m.Shown = "tool", true
		return v.message(m)
	case e.Observation == "agent_state_changed":
		v.state = string(extras.AgentState)
		return v.message(e.note(trajectories.MessageState, e.Content.Text))
	}
	m := e.note(trajectories.MessageNote, e.Content.Text)
	m.Role = "environment"
	return v.message(m)
}

// result is the end of a command. The code -1 stands for one that goes on.
func (x *v0Extras) result() *sandbox.Result {
	code := x.ExitCode
	if x.Metadata != nil && x.Metadata.ExitCode != nil {
		code = x.Metadata.ExitCode
	}
	if code == nil || *code < 0 {
		return nil
	}
	return &sandbox.Result{End: sandbox.EndExit, ExitCode: code.Int()}
}
