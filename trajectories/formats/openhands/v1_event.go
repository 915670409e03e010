package openhands

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats/chat"
	"github.com/apprentice-rl/apprentice/trajectories/formats/loose"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

type (
	// v1Event holds the members of all kinds of events that are looked at.
	v1Event struct {
		Kind      loose.String `json:"kind"`
		ID        loose.String `json:"id"`
		ParentID  loose.String `json:"parent_id"`
		Timestamp loose.Time   `json:"timestamp"`
		Source    loose.String `json:"source"`

		// SystemPromptEvent
		SystemPrompt loose.Text  `json:"system_prompt"`
		Tools        []chat.Tool `json:"tools"`

		// MessageEvent
		LLMMessage *chat.Message `json:"llm_message"`

		// ActionEvent
		Thought          loose.Text     `json:"thought"`
		ReasoningContent loose.Text     `json:"reasoning_content"`
		Action           jsontext.Value `json:"action"`
		ToolName         loose.String   `json:"tool_name"`
		ToolCallID       loose.String   `json:"tool_call_id"`
		ToolCall         *v1Call        `json:"tool_call"`
		ResponseID       loose.String   `json:"llm_response_id"`

		// ObservationEvent, UserRejectObservation, AgentErrorEvent
		Observation     jsontext.Value `json:"observation"`
		ActionID        loose.String   `json:"action_id"`
		Error           loose.Text     `json:"error"`
		RejectionReason loose.Text     `json:"rejection_reason"`

		// Condensation has one, and actions have one that is another.
		Summary loose.Text `json:"summary"`

		// ConversationStateUpdateEvent
		Key   loose.String   `json:"key"`
		Value jsontext.Value `json:"value"`

		// ConversationErrorEvent
		Code   loose.String `json:"code"`
		Detail loose.Text   `json:"detail"`

		Rest jsontext.Value `json:",embed"`
	}

	v1Call struct {
		ID        loose.String   `json:"id"`
		Name      loose.String   `json:"name"`
		Arguments chat.Arguments `json:"arguments"`
		Rest      jsontext.Value `json:",embed"`
	}

	v1Observation struct {
		Kind     loose.String  `json:"kind"`
		Content  loose.Text    `json:"content"`
		IsError  loose.Bool    `json:"is_error"`
		ExitCode *loose.Number `json:"exit_code"`
		Timeout  loose.Bool    `json:"timeout"`
		Metadata *struct {
			ExitCode *loose.Number `json:"exit_code"`
		} `json:"metadata"`
		Rest jsontext.Value `json:",embed"`
	}
)

// answers reports whether the event answers a call.
func (e *v1Event) answers() bool {
	switch e.Kind {
	case "ObservationEvent", "AgentErrorEvent", "UserRejectObservation":
		return true
	}
	return false
}

// turn is the turn of an ActionEvent, with its one call.
func (e *v1Event) turn() trajectories.Turn {
	t := trajectories.Turn{Time: e.Timestamp.Time, Reasoning: e.ReasoningContent.Text, Message: e.Thought.Text}
	t.Origin = &trajectories.Origin{ID: string(e.ID), Extra: notNull(e.Rest)}
	// Some servers leave the reasoning in the text, and OpenHands takes it out of
	// there without taking it away.
	inline, rest := chat.SplitThinking(e.Thought.Text)
	if inline != "" && (t.Reasoning == "" || equalTrimmed(t.Reasoning, inline)) {
		whole := e.Thought.Text
		t.Reasoning, t.Message, t.Origin.Text = inline, rest, &whole
	}
	t.Actions, t.Calls = one(e.call())
	return t
}

func (e *v1Event) call() (env.Action, trajectories.Call) {
	c := chat.ToolCall{ID: e.ToolCallID, Function: chat.Function{Name: e.ToolName}}
	if e.ToolCall != nil {
		c.ID, c.Function.Name, c.Function.Arguments = e.ToolCall.ID, e.ToolCall.Name, e.ToolCall.Arguments
	} else {
		var arguments members.List
		for name, value := range members.All(e.Action) {
			if name != "kind" {
				arguments.Add(name, value)
			}
		}
		c.Function.Arguments = "{}"
		if object := arguments.Object(); object != nil {
			c.Function.Arguments = chat.Arguments(object)
		}
	}
	a, call := c.Action()
	if e.Action.Kind() == 'n' { // it could not be carried out
		call.Extra = []byte(`{"action":null}`)
	}
	return a, call
}

// observation is what came back, without the call that it answers.
func (e *v1Event) observation(o *v1Observation) trajectories.Observation {
	b := trajectories.Observation{Time: e.Timestamp.Time}
	extra := e.extra()
	switch e.Kind {
	case "AgentErrorEvent":
		b.Text, b.Failed = e.Error.Text, true
	case "UserRejectObservation":
		b.Text, b.Failed = e.RejectionReason.Text, true
	default:
		b.Text = o.Content.Text
		b.Result = o.result()
		b.Failed = bool(o.IsError) || bool(o.Timeout) || b.Result != nil && !b.Result.Succeeded()
		var rest members.List
		for name, value := range members.All(e.Observation) {
			if name != "content" {
				rest.Add(name, value)
			}
		}
		extra.AddRaw("observation", rest.Object())
	}
	b.Origin = &trajectories.Origin{ID: string(e.ID), Extra: extra.Object()}
	if !oneText(o.Content) {
		b.Origin.Parts = []byte(o.Content.Raw)
	}
	return b
}

// result is the end of a command, as far as it is known: a command that timed
// out goes on, and one without a code that is an error was never begun.
func (o *v1Observation) result() *sandbox.Result {
	code := o.ExitCode
	if code == nil && o.Metadata != nil {
		code = o.Metadata.ExitCode
	}
	switch {
	case code == nil || bool(o.Timeout):
		return nil
	case *code >= 0:
		return &sandbox.Result{End: sandbox.EndExit, ExitCode: code.Int()}
	case bool(o.IsError):
		return &sandbox.Result{End: sandbox.EndRefused, ExitCode: -1}
	}
	return nil
}

// oneText reports whether a text comes in one part, as nearly all do, so that
// the parts say no more than the text.
func oneText(t loose.Text) bool {
	var parts []jsontext.Value
	return json.Unmarshal(t.Raw, &parts) == nil && len(parts) == 1 && t.Text != ""
}
