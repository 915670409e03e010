package chat_test

import (
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories/formats/chat"
)

func TestExtraKeepsTheFirstOfAName(t *testing.T) {
	var e chat.Extra
	require.Nil(t, e.Object())
	e.Add("b", 1)
	e.AddAll([]byte(`{"a": [1.0e5, "\u00e9"], "b": 2}`))
	e.AddAll([]byte(`7`))
	e.AddRaw("none", nil)
	e.Add("n", nil)
	require.Equal(t, `{"b":1,"a":[1.0e5,"\u00e9"],"n":null}`, string(e.Object()), "and the spelling of what it is given")
}

func TestMembersOfABrokenObjectEndWithIt(t *testing.T) {
	var names []string
	for name := range chat.Members([]byte(`{"a": 1, "b": {}, "c": `)) {
		names = append(names, name)
	}
	require.Equal(t, []string{"a", "b"}, names)
}

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
