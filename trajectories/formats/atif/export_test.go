package atif_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/atif"
	"github.com/apprentice-rl/apprentice/trajectories/formats/formatstest"
)

// export writes a trajectory as a document, which has to be valid.
func export(t *testing.T, tr *trajectories.Trajectory) string {
	t.Helper()
	var document bytes.Buffer
	require.NoError(t, atif.Format().Export(formats.Of(tr), &document))
	require.Empty(t, atif.Validate(document.Bytes()), document.String())
	return document.String()
}

// log is a trajectory as a log, without what its file and its name have to do
// with.
func log(t *testing.T, tr *trajectories.Trajectory) string {
	t.Helper()
	c := *tr
	c.Header.ID, c.Header.Attempt, c.Header.Source, c.Header.Parent = "", 0, nil, nil
	c.Header.Task.ID = ""
	var b bytes.Buffer
	e := trajectories.NewEncoder(&b)
	for event := range c.Events() {
		require.NoError(t, e.Event(event))
	}
	return b.String()
}

func sameAgain(t *testing.T, first *trajectories.Trajectory) {
	t.Helper()
	document := export(t, first)
	_, second := load(t, document)
	require.Len(t, second, 1)
	require.Equal(t, log(t, first), log(t, second[0]))
	require.Equal(t, document, export(t, second[0]))
}

func TestWhatWasImportedAndExportedIsImportedTheSame(t *testing.T) {
	for name, sample := range map[string]string{
		"1.5": sample15,
		"1.7": strings.Replace(sample17, `{"source_call_id": "zz", "content": "Whose is this?"},`, "", 1),
		// Neither is valid, but what they hold can be written.
		"calls that share an id":          file(`"tool_calls": [{"tool_call_id": "a", "function_name": "f", "arguments": {}}, {"tool_call_id": "a", "function_name": "f", "arguments": {}}], "observation": {"results": [{"source_call_id": "a", "content": "1"}, {"source_call_id": "a", "content": "2"}]}`),
		"arguments that are no object":    file(`"tool_calls": [{"tool_call_id": "a", "function_name": "f", "arguments": "ls", "extra": {"n": 1}}, {"tool_call_id": "b", "function_name": "f", "arguments": "x"}]`),
		"calls without ids":               file(`"tool_calls": [{"function_name": "f", "arguments": {}}], "observation": {"results": [{"content": "1"}]}`),
		"times in all spellings":          file(`"timestamp": "2026-01-02 03:04:05", "extra": {}`),
		"copied context with its metrics": file(`"is_copied_context": true, "llm_call_count": 1, "metrics": {"prompt_tokens": 3}`),
	} {
		t.Run(name, func(t *testing.T) {
			_, all := load(t, sample)
			for _, first := range all {
				sameAgain(t, first)
				for _, l := range atif.Format().Lossy(first) {
					require.Equal(t, "header.parent", l.Field)
				}
			}
		})
	}
}

func TestRealTrajectoriesAreTheSameAgain(t *testing.T) {
	root := formatstest.Root(t)
	n := 0
	require.NoError(t, filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !suite().Files(filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator)))) {
			return err
		}
		n++
		_, all, err := suite().Import(t, path, false)
		require.NoError(t, err)
		sameAgain(t, all[0])
		require.Empty(t, atif.Format().Lossy(all[0]), path)
		return nil
	}))
	require.Equal(t, 6, n)
}

// foreign is a trajectory of our own with more than a document can hold.
func foreign() *trajectories.Trajectory {
	return &trajectories.Trajectory{
		Header: trajectories.Header{
			ID: "t.1", Task: trajectories.Task{ID: "t", Repo: "a/b"}, Policy: trajectories.Policy{Name: "llm", Model: "m"},
			System: "S", Prompt: "P", Tools: []trajectories.Tool{{Name: "bash", Parameters: []byte(`{}`)}},
			Origin: &trajectories.Origin{Extra: []byte(`{"extra":{"of":"another"}}`)},
		},
		Turns: []trajectories.Turn{
			{N: 1, Time: time.Unix(1, 0).UTC(), Message: "M", Reasoning: "R", Usage: trajectories.Usage{Calls: 1, PromptTokens: 3, Cost: 0.5},
				Actions: []env.Action{{ID: "a", Tool: "bash", Arguments: []byte(`{}`)}, {ID: "b", Tool: "bash", Arguments: []byte(`{}`)}},
				Calls:   []trajectories.Call{{Text: "{", Invalid: true}, {}}},
			{N: 2, Message: "?", FormatError: "No call.", Usage: trajectories.Usage{Calls: 1}},
			{N: 3, Synthetic: true, Reasoning: "none", Actions: []env.Action{{ID: "c", Tool: "submit", Arguments: []byte(`{}`)}}},
		},
		Observations: []trajectories.Observation{
			{Turn: 1, Observation: env.Observation{Action: "a", Text: "x", Result: &sandbox.Result{End: sandbox.EndExit}}},
			{Turn: 1, Observation: env.Observation{Action: "b", Text: "late"}},
		},
		Messages: []trajectories.Message{
			{After: 2, Role: "environment", Kind: trajectories.MessageState},
			{After: 3, Role: "tool", Kind: trajectories.MessageOrphan, Text: "Whose is this?"},
		},
		Order: []trajectories.Ref{
			{Type: trajectories.EventTurn}, {Type: trajectories.EventObservation}, {Type: trajectories.EventTurn, Index: 1},
			{Type: trajectories.EventObservation, Index: 1}, {Type: trajectories.EventMessage}, {Type: trajectories.EventTurn, Index: 2},
			{Type: trajectories.EventMessage, Index: 1},
		},
		End: &trajectories.End{Status: trajectories.ExitStepLimit, Patch: "diff\n"},
	}
}

func TestATrajectoryOfOurOwnBecomesADocument(t *testing.T) {
	require.JSONEq(t, `{"schema_version": "ATIF-v1.7",
		"agent": {"name": "llm", "version": "", "model_name": "m", "tool_definitions": [{"type": "function", "function": {"name": "bash", "parameters": {}}}]},
		"steps": [
		{"step_id": 1, "source": "system", "message": "S"},
		{"step_id": 2, "source": "user", "message": "P"},
		{"step_id": 3, "source": "agent", "timestamp": "1970-01-01T00:00:01Z", "message": "M", "reasoning_content": "R", "metrics": {"prompt_tokens": 3, "cost_usd": 0.5},
		 "tool_calls": [{"tool_call_id": "a", "function_name": "bash", "arguments": {}, "extra": {"arguments_text": "{"}}, {"tool_call_id": "b", "function_name": "bash", "arguments": {}}],
		 "observation": {"results": [{"source_call_id": "a", "content": "x"}]}},
		{"step_id": 4, "source": "agent", "message": "?", "observation": {"results": [{"content": "No call."}, {"content": "late"}]}},
		{"step_id": 5, "source": "agent", "message": "", "llm_call_count": 0, "tool_calls": [{"tool_call_id": "c", "function_name": "submit", "arguments": {}}]},
		{"step_id": 6, "source": "system", "message": "", "observation": {"results": [{"content": "Whose is this?"}]}}],
		"extra": {"task_id": "t", "exit_status": "step_limit", "patch": "diff\n"}}`, export(t, foreign()))
}

func TestWhatADocumentCannotHoldIsListed(t *testing.T) {
	var got []string
	for _, l := range atif.Format().Lossy(foreign()) {
		require.NotEmpty(t, l.Why)
		got = append(got, l.Field)
	}
	require.Equal(t, []string{"header.origin", "header.task.problem_statement", "header.task", "observation.result", "turn.format_error", "observation.turn", "message.state", "turn.usage", "message.orphan", "message.kind"}, got)
}

func TestMembersThatTheSchemaForbidsAreNotWritten(t *testing.T) {
	_, all := load(t, `{"schema_version": "ATIF-v1.7", "agent": {"name": "a", "version": "1", "nick": "b"}, "verdict": 7,
		"steps": [{"step_id": 1, "source": "agent", "message": "M", "mood": "good",
		"tool_calls": [{"tool_call_id": "c", "function_name": "f", "arguments": {}, "risk": 1}], "observation": {"results": [{"source_call_id": "c", "content": "x", "color": "red"}], "more": 1},
		"metrics": {"seconds": 1}}], "final_metrics": {"watts": 1, "total_steps": 9}}`)
	document := export(t, all[0])
	for _, name := range []string{"nick", "verdict", "mood", "risk", "color", "more", "seconds", "watts", "total_steps"} {
		require.NotContains(t, document, name)
	}
	var got []string
	for _, l := range atif.Format().Lossy(all[0]) {
		got = append(got, l.Field)
	}
	require.Equal(t, []string{"header.origin", "header.origin.agent", "turn.origin", "turn.origin.metrics", "turn.calls", "observation.origin", "end.origin", "end.origin.total_steps"}, got)
}

// FuzzExport checks that whatever was imported becomes a valid document, which
// is the same again where nothing is listed as lost.
func FuzzExport(f *testing.F) {
	for _, sample := range suite().Samples {
		f.Add([]byte(sample))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "x.json")
		require.NoError(t, os.WriteFile(path, content, 0o600))
		_, all, err := suite().Import(t, path, true)
		require.NoError(t, err)
		for _, first := range all {
			var document bytes.Buffer
			require.NoError(t, atif.Format().Export(formats.Of(first), &document))
			if len(first.Turns)+len(first.Messages) == 0 || len(atif.Format().Lossy(first)) > 0 {
				continue
			}
			require.NoError(t, os.WriteFile(path, document.Bytes(), 0o600))
			_, second, err := suite().Import(t, path, true)
			require.NoError(t, err)
			require.Equal(t, log(t, first), log(t, second[0]), document.String())
		}
	})
}

func TestWhatBecameOfATaskComesBack(t *testing.T) {
	tr := foreign()
	_, all := load(t, export(t, tr))
	require.Len(t, all, 1)
	back := all[0]
	require.Equal(t, "t", back.Header.Task.ID, "whatever the file is called")
	require.Equal(t, trajectories.ExitStepLimit, back.End.Status)
	require.Equal(t, "diff\n", back.End.Patch)
	require.False(t, back.End.PatchUnknown)
	_, all = load(t, export(t, back))
	require.Equal(t, back.End, all[0].End, "now it is the file's own")

	tr.End.Patch, tr.End.PatchUnknown = "", true
	_, all = load(t, export(t, tr))
	require.True(t, all[0].End.PatchUnknown)

	tr.End.PatchUnknown = false
	_, all = load(t, export(t, tr))
	require.Empty(t, all[0].End.Patch)
	require.False(t, all[0].End.PatchUnknown, "an empty patch is a patch")
}
