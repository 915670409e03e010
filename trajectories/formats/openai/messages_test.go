package openai_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/formatstest"
)

func load(t *testing.T, content string) (formats.Report, []*trajectories.Trajectory) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rows.jsonl")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	report, all, err := suite().Import(t, path, false)
	require.NoError(t, err)
	return report, all
}

func TestCountsEqualThoseOfTheRow(t *testing.T) {
	want := count(formatstest.Decode(t, []byte(sampleRow))[0])
	report, _ := load(t, sampleRow)
	require.Equal(t, want.Actions, report.Actions)
	require.Equal(t, want.Observations, report.Observations)
	require.Equal(t, 1, report.Orphans)
}

func TestAnswersFindTheirCallsById(t *testing.T) {
	_, all := load(t, sampleRow)
	got := all[0]
	require.Equal(t, []string{"c2", "c1", "turn-2.1"}, []string{got.Observations[0].Action, got.Observations[1].Action, got.Observations[2].Action})
	require.Equal(t, 1, got.Observations[1].Turn, "behind a message of the user")
	require.Equal(t, "c1", got.Turns[1].Calls[0].ID, "an id that was used before is kept beside the new one")
	require.JSONEq(t, `[{"type": "text", "text": "/"}]`, string(got.Observations[2].Origin.Parts))
	require.Equal(t, trajectories.MessageOrphan, got.Messages[1].Kind)
	require.JSONEq(t, `{"tool_call_id": "c9"}`, string(got.Messages[1].Origin.Extra))
}

func TestArgumentsKeepTheirText(t *testing.T) {
	_, all := load(t, sampleRow)
	turn := all[0].Turns[0]
	require.Equal(t, `{"command": "ls"}`, turn.ArgumentText(0))
	require.Equal(t, `{not JSON`, turn.ArgumentText(1))
	require.True(t, turn.Calls[1].Invalid)
	require.False(t, turn.Trainable())
}

func TestReasoningIsFoundUnderItsNames(t *testing.T) {
	tests := []struct{ name, message, reasoning, says string }{
		{"reasoning_content", `"content": "M", "reasoning_content": "R"`, "R", "M"},
		{"reasoning", `"content": "M", "reasoning": "R"`, "R", "M"},
		{"thinking blocks", `"content": "M", "thinking_blocks": [{"type": "thinking", "thinking": "R"}, {"type": "redacted_thinking", "data": "x"}, {"thinking": "S"}]`, "R\nS", "M"},
		{"inline", `"content": "<think>\nR\n</think>\n\nM"`, "R", "M"},
		{"inline, its beginning in the prompt", `"content": "R</think>M"`, "R", "M"},
		{"a text about the tags", `"content": "Write <think> and </think>."`, "", "Write <think> and </think>."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, all := load(t, `{"messages": [{"role": "user", "content": "P"}, {"role": "assistant", `+tt.message+`}]}`)
			require.Equal(t, tt.reasoning, all[0].Turns[0].Reasoning)
			require.Equal(t, tt.says, all[0].Turns[0].Message)
		})
	}
}

func TestTheRowIsInTheHeader(t *testing.T) {
	_, all := load(t, sampleRow)
	h := all[0].Header
	require.Equal(t, "a__b-1", h.Task.ID)
	require.Equal(t, "m", h.Policy.Model)
	require.Equal(t, "You are helpful.", h.System)
	require.Equal(t, "Mend this.", h.Prompt)
	require.JSONEq(t, `{"resolved": true, "header_messages": [{"role": "developer"}, {"content": [{"type":"text","text":"Mend "},{"type":"text","text":"this."}]}]}`, string(h.Origin.Extra))
	require.Equal(t, "diff --git a/x b/x\n", all[0].End.Patch)
	require.False(t, all[0].End.PatchUnknown)
	require.Equal(t, trajectories.ExitSubmitted, all[0].End.Status)
}

func TestItemsOfOneAnswerAreOneTurn(t *testing.T) {
	_, all := load(t, sampleItems)
	got := all[0]
	require.Len(t, got.Turns, 2)
	require.Equal(t, "I think.", got.Turns[0].Reasoning)
	require.Equal(t, "I look.", got.Turns[0].Message)
	require.Len(t, got.Turns[0].Actions, 2)
	require.Equal(t, []string{"f1", "f2"}, []string{got.Observations[0].Action, got.Observations[1].Action})
	require.JSONEq(t, `{"strict": true}`, string(got.Header.Tools[0].Extra))
}

func TestAnswersFromBeforeCallsHadIds(t *testing.T) {
	_, all := load(t, sampleList)
	require.Equal(t, "turn-1.1", all[0].Observations[0].Action)
	require.Equal(t, "rows", all[0].Header.Task.ID, "the file names a task that nothing else names")
}

func TestEachRowIsATrajectory(t *testing.T) {
	report, all := load(t, sampleText+"\n"+sampleItems+"\n")
	require.Equal(t, 2, report.Trajectories)
	require.Equal(t, 1, all[0].Header.Source.Row)
	require.Equal(t, 2, all[1].Header.Source.Row)
	require.Equal(t, "7", all[0].Header.Task.ID)
}
