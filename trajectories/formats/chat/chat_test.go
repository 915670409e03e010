package chat_test

import (
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories/formats/chat"
)

func TestContentThatIsNullOrEmpty(t *testing.T) {
	tests := []struct{ message, extra string }{
		{`{"content": null, "tool_calls": [{"id": "a"}]}`, ""},
		{`{"content": "", "tool_calls": [{"id": "a"}]}`, `{"content":""}`},
		{`{"content": ""}`, ""},
		{`{"content": null}`, `{"content":null}`},
		{`{"content": "x", "tool_calls": [{"id": "a"}]}`, ""},
	}
	for _, tt := range tests {
		var m chat.Message
		require.NoError(t, json.Unmarshal([]byte(tt.message), &m))
		turn := m.Turn()
		if tt.extra == "" {
			require.Nil(t, turn.Origin, tt.message)
			continue
		}
		require.Equal(t, tt.extra, string(turn.Origin.Extra), tt.message)
	}
}

func TestDefinitionsOfTools(t *testing.T) {
	for _, definition := range []string{
		`{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"a": 1}, "strict": true}}`,
		`{"type": "function", "name": "f", "description": "d", "parameters": {"a": 1}, "strict": true}`,
	} {
		var tool chat.Tool
		require.NoError(t, json.Unmarshal([]byte(definition), &tool))
		got := tool.Tool()
		require.Equal(t, "f", got.Name)
		require.Equal(t, "d", got.Description)
		require.Equal(t, `{"a":1}`, string(got.Parameters))
		require.Equal(t, `{"strict":true}`, string(got.Extra))
	}
}

func TestTheProblemIsFoundInThePrompt(t *testing.T) {
	for prompt, want := range map[string]string{
		"x\n<pr_description>\nP\n</pr_description>\ny":                   "P",
		"x <issue_description>\nP</issue_description>":                   "P",
		"<pr_description>a </pr_description> b</pr_description>":         "a </pr_description> b",
		"Rules.\n\nTask Description:\nP\n\n\nCurrent terminal state:\n$": "P",
		"P":                  "P",
		"<pr_description> P": "<pr_description> P",
	} {
		require.Equal(t, want, chat.Problem(prompt))
	}
}
