package llm

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	openai "github.com/sashabaranov/go-openai"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
)

// What stands in a conversation where an endpoint wants text and there is
// none.
const (
	noMessage = "(no message)"
	notDone   = "This call was not carried out."
)

// request renders a trajectory as a conversation. The model's name and the
// sampling options are put in by the exchange.
func request(t *trajectories.Trajectory) openai.ChatCompletionRequest {
	var r openai.ChatCompletionRequest
	say := func(role, text string) {
		r.Messages = append(r.Messages, openai.ChatCompletionMessage{Role: role, Content: text})
	}
	if t.Header.System != "" {
		say(openai.ChatMessageRoleSystem, t.Header.System)
	}
	say(openai.ChatMessageRoleUser, t.Header.Prompt)

	seen := make(map[string]string, len(t.Observations))
	for _, o := range t.Observations {
		seen[o.Action] = o.Text
	}
	for _, turn := range t.Turns {
		m := openai.ChatCompletionMessage{Role: openai.ChatMessageRoleAssistant, Content: turn.Message, ReasoningContent: turn.Reasoning}
		for _, a := range turn.Actions {
			m.ToolCalls = append(m.ToolCalls, openai.ToolCall{
				ID: a.ID, Type: openai.ToolTypeFunction,
				Function: openai.FunctionCall{Name: a.Tool, Arguments: string(a.Arguments)},
			})
		}
		if m.Content == "" && len(m.ToolCalls) == 0 {
			m.Content = noMessage
		}
		r.Messages = append(r.Messages, m)
		for _, a := range turn.Actions {
			text, ok := seen[a.ID]
			if !ok {
				text = notDone
			}
			r.Messages = append(r.Messages, openai.ChatCompletionMessage{Role: openai.ChatMessageRoleTool, ToolCallID: a.ID, Content: text})
		}
		if turn.FormatError != "" {
			say(openai.ChatMessageRoleUser, turn.FormatError)
		}
	}

	for _, tool := range t.Header.Tools {
		parameters := tool.Parameters
		if len(parameters) == 0 {
			parameters = json.RawMessage(`{"type":"object","properties":{}}`)
		}
		r.Tools = append(r.Tools, openai.Tool{Type: openai.ToolTypeFunction, Function: &openai.FunctionDefinition{
			Name: tool.Name, Description: tool.Description, Parameters: parameters,
		}})
	}
	return r
}

// read turns an answer into a turn. What is wrong with it is said for the
// model to read.
func read(choice openai.ChatCompletionChoice, tools []trajectories.Tool) trajectories.Turn {
	m := choice.Message
	turn := trajectories.Turn{Reasoning: m.ReasoningContent, Message: m.Content}
	for _, part := range m.MultiContent {
		turn.Message += part.Text
	}
	if turn.Message == "" {
		turn.Message = m.Refusal
	}
	for _, call := range m.ToolCalls {
		action, problem := action(call)
		if problem != "" {
			turn.Actions = nil // half of an answer is not acted on
			turn.FormatError = problem
			break
		}
		turn.Actions = append(turn.Actions, action)
	}
	if len(m.ToolCalls) == 0 {
		turn.FormatError = "Your answer holds no tool call."
	}
	if turn.FormatError == "" {
		return turn
	}
	if choice.FinishReason == openai.FinishReasonLength {
		turn.FormatError += " It was cut off because it was too long: be brief."
	}
	var names []string
	for _, t := range tools {
		names = append(names, t.Name)
	}
	turn.FormatError += fmt.Sprintf(" Nothing was done. Answer again, with a call of one of these tools: %s.", strings.Join(names, ", "))
	return turn
}

// callable is what endpoints accept as a function's name. A name outside it
// cannot be given back to them in the history.
var callable = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// action reads one tool call, or says what is wrong with it.
func action(call openai.ToolCall) (a env.Action, problem string) {
	name := call.Function.Name
	if !callable.MatchString(name) {
		return a, fmt.Sprintf("Your answer calls a tool by the name %q, which no tool can have.", excerpt(name))
	}
	arguments := strings.TrimSpace(call.Function.Arguments)
	if arguments == "" || arguments == "null" {
		arguments = "{}" // the usual way to call a tool without arguments
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(arguments), &object); err != nil {
		return a, fmt.Sprintf("The arguments of your call of %s are not one JSON object (%v): `%s`.", name, err, excerpt(arguments))
	}
	return env.Action{ID: call.ID, Tool: name, Arguments: json.RawMessage(arguments)}, ""
}

// excerpt shortens text for a message.
func excerpt(text string) string {
	const most = 300
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}
