package openai_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/formatstest"
	"github.com/apprentice-rl/apprentice/trajectories/formats/openai"
)

// export writes trajectories as rows.
func export(t *testing.T, all ...*trajectories.Trajectory) string {
	t.Helper()
	var rows bytes.Buffer
	for _, tr := range all {
		require.NoError(t, openai.Format().Export(formats.Of(tr), &rows))
	}
	require.Equal(t, len(all), bytes.Count(rows.Bytes(), []byte{'\n'}), "a row is a line")
	return rows.String()
}

// log is a trajectory as a log, without what its file and its name have to do
// with.
func log(t *testing.T, tr *trajectories.Trajectory) string {
	t.Helper()
	c := *tr
	c.Header.ID, c.Header.Attempt, c.Header.Source = "", 0, nil
	var b bytes.Buffer
	e := trajectories.NewEncoder(&b)
	for event := range c.Events() {
		require.NoError(t, e.Event(event))
	}
	return b.String()
}

func TestWhatWasImportedAndExportedIsImportedTheSame(t *testing.T) {
	for name, sample := range suite().Samples {
		t.Run(name, func(t *testing.T) {
			_, first := load(t, sample)
			rows := export(t, first...)
			_, second := load(t, rows)
			require.Len(t, second, len(first))
			for i := range first {
				require.Equal(t, log(t, first[i]), log(t, second[i]))
				require.Empty(t, openai.Format().Lossy(first[i]))
			}
			require.Equal(t, rows, export(t, second...))
		})
	}
}

func TestEmptyAndMissingMembersStayWhatTheyAre(t *testing.T) {
	for _, sample := range []string{
		`{"messages": [{"role": "system", "content": ""}, {"role": "user", "content": "P", "name": "x"}]}`,
		`{"messages": [{"role": "user", "content": ""}, {"role": "assistant", "content": null}]}`,
		`{"messages": [{"role": "assistant", "content": "", "tool_calls": [{"id": "", "function": {"name": "f", "arguments": ""}}]}, {"role": "tool", "content": "x"}]}`,
		`{"id": null, "messages": [{"role": "user", "content": "P"}, {"role": "critic", "content": "C"}], "tools": null, "exit_status": "exit_cost"}`,
		`{"messages": [{"role": "user", "content": "P"}, {"role": "assistant", "content": "M", "weight": 0, "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}]}]}`,
		`{"messages": [{"role": "user", "content": "P"}, {"role": "tool", "tool_call_id": "gone", "content": "x"}]}`,
	} {
		_, first := load(t, sample)
		_, second := load(t, export(t, first...))
		require.Equal(t, log(t, first[0]), log(t, second[0]), sample)
	}
}

// foreign is a trajectory of our own with more than a row can hold.
func foreign() *trajectories.Trajectory {
	text := "of its source"
	return &trajectories.Trajectory{
		Header: trajectories.Header{
			ID: "t.1", Task: trajectories.Task{ID: "t", Repo: "a/b"}, Policy: trajectories.Policy{Name: "llm", Model: "m"},
			System: "S", Prompt: "P", Tools: []trajectories.Tool{{Name: "bash", Parameters: []byte(`{}`)}},
			Origin: &trajectories.Origin{Extra: []byte(`{"secret":1}`)},
		},
		Turns: []trajectories.Turn{
			{N: 1, Message: "M", Reasoning: "R", Actions: []env.Action{{ID: "a", Tool: "bash", Arguments: []byte(`{"command":"ls"}`)}}, Origin: &trajectories.Origin{Text: &text}},
			{N: 2, Message: "?", FormatError: "No call."},
			{N: 3, Copied: true, Actions: []env.Action{{ID: "b", Tool: "bash", Arguments: []byte(`{}`)}}},
			{N: 4, Lost: true, FormatError: "Lost."},
			{N: 5, Actions: []env.Action{{ID: "c", Tool: "submit", Arguments: []byte(`{}`)}}, Time: time.Unix(1, 0)},
		},
		Observations: []trajectories.Observation{
			{Turn: 1, Observation: env.Observation{Action: "a", Text: "x", Result: &sandbox.Result{End: sandbox.EndExit}}},
			{Turn: 3, Observation: env.Observation{Action: "b", Text: "y"}},
		},
		Messages: []trajectories.Message{
			{After: 4, Role: "environment", Kind: trajectories.MessageState},
			{After: 4, Role: "tool", Kind: trajectories.MessageFeedback, Shown: true, Text: "Lost, says the program."},
		},
		Views: []trajectories.View{{Turn: 5, Form: trajectories.ViewQuery}},
		End:   &trajectories.End{Status: trajectories.ExitStepLimit, Patch: "diff\n"},
	}
}

func TestATrajectoryOfOurOwnBecomesARow(t *testing.T) {
	require.JSONEq(t, `{"instance_id": "t", "model": "m", "tools": [{"type": "function", "function": {"name": "bash", "parameters": {}}}],
		"messages": [
		{"role": "system", "content": "S"}, {"role": "user", "content": "P"},
		{"role": "assistant", "content": "M", "reasoning_content": "R", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "bash", "arguments": "{\"command\":\"ls\"}"}}]},
		{"role": "tool", "tool_call_id": "a", "content": "x"},
		{"role": "assistant", "content": "?"}, {"role": "user", "content": "No call."},
		{"role": "assistant", "content": null, "weight": 0, "tool_calls": [{"id": "b", "type": "function", "function": {"name": "bash", "arguments": "{}"}}]},
		{"role": "tool", "tool_call_id": "b", "content": "y"},
		{"role": "user", "content": "Lost."}, {"role": "user", "content": "Lost, says the program."},
		{"role": "assistant", "content": null, "tool_calls": [{"id": "c", "type": "function", "function": {"name": "submit", "arguments": "{}"}}]}],
		"exit_status": "step_limit", "model_patch": "diff\n"}`, export(t, foreign()))
}

func TestWhatARowCannotHoldIsListed(t *testing.T) {
	var got []string
	for _, l := range openai.Format().Lossy(foreign()) {
		require.NotEmpty(t, l.Why)
		got = append(got, l.Field)
	}
	require.Equal(t, []string{
		"header.task", "header.origin", "header.policy", "turn.usage", "turn.origin", "turn.format_error", "turn.copied", "turn.lost",
		"turn.time", "observation.result", "message.state", "message.kind", "message.role", "view",
	}, got)
}

func TestWhatIsNotToBeLearnedFromStaysSo(t *testing.T) {
	_, again := load(t, export(t, foreign()))
	var got []bool
	for _, turn := range again[0].Turns {
		got = append(got, turn.Trainable())
	}
	require.Equal(t, []bool{true, false, false, true}, got)
	require.Equal(t, trajectories.ExitStepLimit, again[0].End.Status)
}

func TestAnExportThatCannotBeWrittenSaysSo(t *testing.T) {
	formatstest.Full(t, openai.Format(), foreign(), 1)
}

func TestALaterAttemptIsListed(t *testing.T) {
	tr := foreign()
	fields := func() (all []string) {
		for _, l := range openai.Format().Lossy(tr) {
			all = append(all, l.Field)
		}
		return all
	}
	tr.Header.Attempt = 1
	require.NotContains(t, fields(), "header.attempt")
	tr.Header.Attempt = 2
	require.Contains(t, fields(), "header.attempt")
	tr.Header.Source = &trajectories.Source{Format: openai.Name}
	require.NotContains(t, fields(), "header.attempt", "the import has numbered the rows of a task, and does so again")
}

func FuzzRoundTrip(f *testing.F) {
	for _, sample := range suite().Samples {
		f.Add([]byte(sample))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "rows.jsonl")
		require.NoError(t, os.WriteFile(path, content, 0o600))
		_, first, err := suite().Import(t, path, true)
		require.NoError(t, err)
		if len(first) == 0 {
			return
		}
		rows := export(t, first...)
		require.NoError(t, os.WriteFile(path, []byte(rows), 0o600))
		// Raw JSON may have a name twice. The format is named, because a row whose
		// messages were all broken is an empty list, which no format is told by.
		var second formats.Collector
		for r, err := range formats.Import(t.Context(), []string{path}, formats.Options{Formats: []formats.Format{openai.Format()}, From: openai.Name, To: &second, KeepGoing: true}) {
			require.NoError(t, err, rows)
			require.Empty(t, r.Refused, rows)
		}
		require.Len(t, second.Whole, len(first))
		for i := range first {
			require.Equal(t, log(t, first[i]), log(t, second.Whole[i]), rows)
		}
	})
}
