// Package chat reads messages as language models and programs exchange them:
// the chat completions API of OpenAI, and the many formats that repeat its
// objects. Where one of them ends up in a trajectory, and what it answers, is
// for the formats to say.
package chat

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats/loose"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// A Message is one of the chat completions API.
type Message struct {
	Role       loose.String `json:"role"`
	Content    loose.Text   `json:"content"`
	ToolCalls  []ToolCall   `json:"tool_calls"`
	ToolCallID loose.String `json:"tool_call_id"`
	Name       loose.String `json:"name"`

	// FunctionCall is how calls were made before there were several at a time.
	FunctionCall *Function `json:"function_call"`

	// Reasoning has no name that all agree on: it is reasoning_content with
	// DeepSeek, litellm and older vLLM, reasoning with vLLM since November 2025,
	// and a list of blocks with signatures with Anthropic.
	ReasoningContent loose.Text     `json:"reasoning_content"`
	ReasoningText    loose.Text     `json:"reasoning"`
	ThinkingBlocks   jsontext.Value `json:"thinking_blocks"`

	// Rest are the members without a field.
	Rest jsontext.Value `json:",embed"`
}

// A ToolCall is one call of an assistant's message.
type ToolCall struct {
	ID       loose.String   `json:"id"`
	Type     loose.String   `json:"type"`
	Function Function       `json:"function"`
	Rest     jsontext.Value `json:",embed"`
}

// A Function is what a call calls.
type Function struct {
	Name      loose.String   `json:"name"`
	Arguments Arguments      `json:"arguments"`
	Rest      jsontext.Value `json:",embed"`
}

// Arguments is the text of a call's arguments. The API has it as a string that
// holds JSON, and some data sets as the JSON itself.
type Arguments string

// UnmarshalJSON takes a string as it is, and the text of any other value.
func (a *Arguments) UnmarshalJSON(b []byte) error {
	var text loose.Text
	if err := text.UnmarshalJSON(b); err != nil {
		return err
	}
	*a = Arguments(text.Text)
	if text.Raw != nil {
		*a = Arguments(text.Raw)
	}
	return nil
}

// Calls returns the calls of the message, an old function_call among them.
func (m *Message) Calls() []ToolCall {
	if m.FunctionCall == nil || len(m.ToolCalls) > 0 {
		return m.ToolCalls
	}
	return []ToolCall{{Type: "function", Function: *m.FunctionCall}}
}

// Reasoning is what the model thought, under whichever name that is kept.
func (m *Message) Reasoning() string {
	switch {
	case m.ReasoningContent.Text != "":
		return m.ReasoningContent.Text
	case m.ReasoningText.Text != "":
		return m.ReasoningText.Text
	}
	return thinking(m.ThinkingBlocks)
}

// thinking is the text of Anthropic's blocks. What was redacted has none.
func thinking(raw jsontext.Value) string {
	var blocks []struct {
		Thinking loose.Text `json:"thinking"`
	}
	if loose.Unmarshal(raw, &blocks) != nil {
		return ""
	}
	var all bytes.Buffer
	for _, b := range blocks {
		if all.Len() > 0 && b.Thinking.Text != "" {
			all.WriteByte('\n')
		}
		all.WriteString(b.Thinking.Text)
	}
	return all.String()
}

// Action is a call as the log has it. Its id is the source's.
func (c *ToolCall) Action() (env.Action, trajectories.Call) {
	arguments, call := trajectories.ParseArguments(string(c.Function.Arguments))
	var extra members.List
	extra.AddAll(c.Rest)
	extra.AddAll(c.Function.Rest)
	if c.Type != "" && c.Type != "function" {
		extra.Add("type", c.Type)
	}
	call.Extra = extra.Object()
	return env.Action{ID: string(c.ID), Tool: string(c.Function.Name), Arguments: arguments}, call
}

// Actions turns calls into actions, and into what actions cannot hold, which is
// nil where there is nothing of that.
func Actions(calls []ToolCall) ([]env.Action, []trajectories.Call) {
	var actions []env.Action
	var rest []trajectories.Call
	for i := range calls {
		a, c := calls[i].Action()
		actions, rest = append(actions, a), append(rest, c)
	}
	return actions, Needed(rest)
}

// Needed returns the calls, or nil if none of them holds anything.
func Needed(calls []trajectories.Call) []trajectories.Call {
	if slices.ContainsFunc(calls, func(c trajectories.Call) bool {
		return c.ID != "" || c.Text != "" || c.Invalid || c.Extra != nil
	}) {
		return calls
	}
	return nil
}
