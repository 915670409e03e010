package sft_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/formatstest"
	"github.com/apprentice-rl/apprentice/trajectories/formats/openai"
	"github.com/apprentice-rl/apprentice/trajectories/formats/sft"
)

func rowOf(t *testing.T, f formats.Format, tr *trajectories.Trajectory) string {
	t.Helper()
	var row bytes.Buffer
	require.NoError(t, f.Export(formats.Of(tr), &row))
	require.Equal(t, 1, strings.Count(row.String(), "\n"), "a row is a line")
	return row.String()
}

func bash(id, arguments string) []env.Action {
	return []env.Action{{ID: id, Tool: "bash", Arguments: []byte(arguments)}}
}

// mixed is a trajectory with turns of all kinds.
func mixed() *trajectories.Trajectory {
	return &trajectories.Trajectory{
		Header: trajectories.Header{
			ID: "t.2", Task: trajectories.Task{ID: "t", Repo: "a/b"}, Policy: trajectories.Policy{Name: "llm", Model: "m"},
			System: "S", Prompt: "P", Tools: []trajectories.Tool{{Name: "bash", Parameters: []byte(`{}`)}},
			// It is of a format whose own rows hold more.
			Source: &trajectories.Source{Format: openai.Name}, Origin: &trajectories.Origin{Extra: []byte(`{"secret":1}`)},
		},
		Turns: []trajectories.Turn{
			{N: 1, Message: "M", Reasoning: "R", Actions: bash("a", `{"command":"ls"}`), Origin: &trajectories.Origin{Parts: []byte(`[{"text":"M"},{"type":"image_url"}]`), Extra: []byte(`{"weight":0}`)}},
			{N: 2, Message: "?", FormatError: "No call."},
			{N: 3, Copied: true, Actions: bash("b", `{}`)},
			{N: 4, Synthetic: true, Actions: bash("c", `{}`)},
			{N: 5, Actions: bash("d", `{}`), Calls: []trajectories.Call{{Text: `{"command`, Invalid: true}}},
			{N: 6, Lost: true},
			{N: 7, Message: "Done."},
		},
		Observations: []trajectories.Observation{{Turn: 1, Observation: env.Observation{Action: "a", Text: "x"}, Origin: &trajectories.Origin{Parts: []byte(`[{"type":"text","text":"x"},"y"]`)}}},
		Messages: []trajectories.Message{
			{Role: "assistant", Kind: trajectories.MessageDemonstration, Shown: true, Text: "As in this."},
			{Role: "user", Kind: trajectories.MessageDemonstration, Text: "And this."},
			{After: 7, Role: "tool", Kind: trajectories.MessageOrphan, Shown: true, Text: "of no call"},
			{After: 7, Role: "user", Kind: trajectories.MessageExit, Text: "exit"},
		},
		Views: []trajectories.View{{Turn: 0}, {Turn: 7, Form: trajectories.ViewQuery}},
		End:   &trajectories.End{Status: trajectories.ExitSubmitted, Patch: "diff\n"},
	}
}

func TestMessagesSayWhatIsToBeLearned(t *testing.T) {
	require.JSONEq(t, `{"id": "t.2", "task": "t", "repo": "a/b", "model": "m", "status": "submitted",
		"tools": [{"type": "function", "function": {"name": "bash", "parameters": {}}}],
		"messages": [
		{"role": "system", "content": "S", "train": false}, {"role": "user", "content": "P", "train": false},
		{"role": "assistant", "content": "As in this.", "train": false},
		{"role": "assistant", "content": "M", "reasoning_content": "R", "train": true, "tool_calls": [{"id": "a", "type": "function", "function": {"name": "bash", "arguments": "{\"command\":\"ls\"}"}}]},
		{"role": "tool", "tool_call_id": "a", "content": "x", "train": false},
		{"role": "assistant", "content": "?", "train": false}, {"role": "user", "content": "No call.", "train": false},
		{"role": "assistant", "content": "", "train": false, "tool_calls": [{"id": "b", "type": "function", "function": {"name": "bash", "arguments": "{}"}}]},
		{"role": "assistant", "content": "", "train": false, "tool_calls": [{"id": "c", "type": "function", "function": {"name": "bash", "arguments": "{}"}}]},
		{"role": "assistant", "content": "", "train": false, "tool_calls": [{"id": "d", "type": "function", "function": {"name": "bash", "arguments": "{}"}}]},
		{"role": "assistant", "content": "Done.", "train": false}]}`, rowOf(t, sft.Format(), mixed()))
}

func TestCallsStandInTheTextOfTheOtherForm(t *testing.T) {
	tr := mixed()
	tr.Header.Tools = nil
	tr.Turns, tr.Messages, tr.Views, tr.End = tr.Turns[:2], nil, nil, nil
	require.JSONEq(t, `{"id": "t.2", "task": "t", "repo": "a/b", "model": "m", "status": "unknown", "messages": [
		{"role": "system", "content": "S", "train": false}, {"role": "user", "content": "P", "train": false},
		{"role": "assistant", "content": "M\n\n<function=bash>\n<parameter=command>ls</parameter>\n</function>", "train": true},
		{"role": "user", "content": "x", "train": false},
		{"role": "assistant", "content": "?", "train": false}, {"role": "user", "content": "No call.", "train": false}]}`, rowOf(t, sft.XML(), tr))
}

func TestRowsHaveTheSameMembers(t *testing.T) {
	require.JSONEq(t, `{"id": "", "task": "", "repo": "", "model": "", "tools": [], "messages": [], "status": "unknown"}`,
		rowOf(t, sft.Format(), &trajectories.Trajectory{}))
}

func TestWhatAModelWillNotSeeIsListed(t *testing.T) {
	for _, tt := range []struct {
		format formats.Format
		want   map[string]int
	}{
		{sft.Format(), map[string]int{
			"turn.lost": 6, "turn.origin.parts": 1, "turn.calls": 5, "view": 7,
			"message.demonstration": 0, "message.orphan": 7, "message.exit": 7,
		}},
		{sft.XML(), map[string]int{
			"turn.lost": 6, "turn.origin.parts": 1, "turn.calls": 5, "view": 7,
			"message.demonstration": 0, "message.exit": 7, "turn.reasoning": 1,
		}},
	} {
		t.Run(tt.format.Name, func(t *testing.T) {
			got := map[string]int{}
			for _, l := range tt.format.Lossy(mixed()) {
				require.NotEmpty(t, l.Why)
				got[l.Field] = l.Example
			}
			require.Equal(t, tt.want, got)
		})
	}
}

func TestAnExportThatCannotBeWrittenSaysSo(t *testing.T) {
	formatstest.Full(t, sft.Format(), mixed(), 1)
	formatstest.Full(t, sft.XML(), mixed(), 1)
}
