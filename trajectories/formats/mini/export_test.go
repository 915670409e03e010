package mini_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/formatstest"
	"github.com/apprentice-rl/apprentice/trajectories/formats/mini"
)

func TestVersion11ComesBackAsItWas(t *testing.T) { formatstest.RoundTrip(t, suite11()) }

// The files themselves come back, too, but for the order of members and what
// is smaller than a microsecond.
func TestRealFilesAreWrittenAsTheyWere(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(formatstest.Root(t), "mini-swe-agent/gpt-5-mini/*/*.traj.json"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		_, all, err := suite11().Import(t, path, false)
		require.NoError(t, err)
		var b bytes.Buffer
		require.NoError(t, mini.Format11().Export(formats.Of(all[0]), &b))
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		want, got := formatstest.Decode(t, raw), formatstest.Decode(t, b.Bytes())
		require.Equal(t, rounded(want[0]), rounded(got[0]), path)
	}
}

func TestTheThreeShapesOfAnswersAreKept(t *testing.T) {
	for name, want := range map[string][]string{
		"calls":     {`"role":"tool"`, `"tool_calls":[{`},
		"blocks":    {`"content":"<returncode>1`, "mswea_bash_command"},
		"responses": {`"type":"function_call_output"`, `"output":[{"type":"reasoning"`},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "a.json")
		require.NoError(t, os.WriteFile(path, []byte(suite11().Samples[name]), 0o600))
		_, all, err := suite11().Import(t, path, false)
		require.NoError(t, err)
		var b bytes.Buffer
		require.NoError(t, mini.Format11().Export(formats.Of(all[0]), &b))
		for _, w := range want {
			require.Contains(t, b.String(), w, name)
		}
		if name != "calls" {
			require.NotContains(t, b.String(), `"role":"tool"`, name)
		}
	}
}

// rounded rounds the times of a document to microseconds.
func rounded(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			if at, ok := v[k].(float64); ok && k == "timestamp" {
				v[k] = math.Round(at * 1e6)
				continue
			}
			v[k] = rounded(v[k])
		}
	case []any:
		for i := range v {
			v[i] = rounded(v[i])
		}
	}
	return v
}

// foreign is an episode of our own, as no mini-swe-agent would have it.
func foreign() *trajectories.Trajectory {
	return &trajectories.Trajectory{
		Header: trajectories.Header{
			ID: "a__b-1.2", Run: "r", Attempt: 2, Started: time.Unix(1, 0).UTC(),
			Task:   trajectories.Task{ID: "a__b-1", Repo: "a/b", ProblemStatement: "It is broken."},
			Policy: trajectories.Policy{Name: "llm", Model: "m"},
			System: "S", Prompt: "P", Notes: "n",
			Tools: []trajectories.Tool{{Name: "bash"}, {Name: "view"}},
		},
		Turns: []trajectories.Turn{
			{N: 1, Reasoning: "Hm.", Message: "I look.", Actions: []env.Action{
				{ID: "1", Tool: "bash", Arguments: json.RawMessage(`{"command":"ls"}`)},
				{ID: "2", Tool: "view", Arguments: json.RawMessage(`{"path":"a"}`)},
			}, Usage: trajectories.Usage{Calls: 1, PromptTokens: 5, Cost: 0.5}},
			{N: 2, Message: "Hello?", FormatError: "no call"},
			{N: 3, Copied: true, Message: "Bye."},
		},
		Observations: []trajectories.Observation{
			{Turn: 1, Observation: env.Observation{Action: "1", Text: "a", Failed: true, Result: &sandbox.Result{End: sandbox.EndTimeout, ExitCode: -1, Duration: time.Second}, Duration: time.Second}},
			{Turn: 1, Observation: env.Observation{Action: "2", Text: "line 1", Failed: true}},
		},
		Messages: []trajectories.Message{{After: 1, Role: "environment", Kind: trajectories.MessageFeedback, Text: "careful"}},
		Views:    []trajectories.View{{Turn: 1, Form: trajectories.ViewQuery}},
		End:      &trajectories.End{Status: trajectories.ExitGaveUp, Detail: "no idea", Patch: "diff --git a/a b/a\n", Usage: trajectories.Usage{Calls: 3, Cost: 1.5, PromptTokens: 9}},
	}
}

func TestOtherTrajectoriesAreWritten(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, mini.Format11().Export(formats.Of(foreign()), &b))
	require.JSONEq(t, `{
	 "messages": [
	  {"role": "system", "content": "S"},
	  {"role": "user", "content": "P"},
	  {"role": "assistant", "content": "I look.", "reasoning_content": "Hm.", "tool_calls": [
	   {"id": "1", "type": "function", "function": {"name": "bash", "arguments": "{\"command\":\"ls\"}"}},
	   {"id": "2", "type": "function", "function": {"name": "view", "arguments": "{\"path\":\"a\"}"}}],
	   "extra": {"actions": [{"command": "ls", "tool_call_id": "1"}, {"command": "", "tool_call_id": "2"}], "cost": 0.5}},
	  {"role": "tool", "tool_call_id": "1", "content": "a", "extra": {"raw_output": "a", "returncode": -1, "exception_type": "TimeoutExpired"}},
	  {"role": "tool", "tool_call_id": "2", "content": "line 1"},
	  {"role": "user", "content": "careful"},
	  {"role": "user", "content": "no call", "extra": {"interrupt_type": "FormatError", "response": {"choices": [{"message": {"role": "assistant", "content": "Hello?"}}]}}},
	  {"role": "assistant", "content": "Bye."},
	  {"role": "exit", "content": "diff --git a/a b/a\n", "extra": {"exit_status": "gave_up", "submission": "diff --git a/a b/a\n"}}],
	 "info": {"model_stats": {"instance_cost": 1.5, "api_calls": 3}, "mini_version": "", "exit_status": "gave_up", "submission": "diff --git a/a b/a\n",
	  "config": {"model": {"model_name": "m"}, "environment": {"image": ""}}, "exception_str": "no idea"},
	 "trajectory_format": "mini-swe-agent-1.1", "instance_id": "a__b-1"}`, b.String())
}

func TestWhatCannotBeHeldIsListed(t *testing.T) {
	var fields []string
	for _, l := range mini.Format11().Lossy(foreign()) {
		fields = append(fields, l.Field)
		require.NotEmpty(t, l.Why)
	}
	require.Equal(t, []string{
		"header.run", "header.attempt", "header.started", "header.task.repo", "header.task.problem_statement", "header.policy.name",
		"header.tools", "header.notes", "turn.usage", "turn.actions.tool", "turn.copied",
		"observation.duration", "observation.result", "observation.failed", "message.feedback", "view", "end.status", "end.usage",
	}, fields)
}

// What another format's import keeps for its own export stays out.
func TestOriginsOfOtherFormatsAreNotWritten(t *testing.T) {
	tr := foreign()
	secret := &trajectories.Origin{Text: new(string), Parts: json.RawMessage(`["leak"]`), Extra: json.RawMessage(`{"leak":1,"message":{"leak":1},"extra":{"leak":1},"info":{"leak":1},"rest":{"leak":1}}`)}
	tr.Header.Source = &trajectories.Source{Format: "other"}
	tr.Header.Origin, tr.Turns[0].Origin, tr.Turns[1].Origin, tr.Observations[0].Origin, tr.Messages[0].Origin, tr.End.Origin = secret, secret, secret, secret, secret, secret
	var b bytes.Buffer
	require.NoError(t, mini.Format11().Export(formats.Of(tr), &b))
	require.NotContains(t, b.String(), "leak")
}

// A program may complain of an answer and do what it says all the same. What was
// done and answered stays.
func TestAnAnswerThatWasActedOnKeepsItsCalls(t *testing.T) {
	tr := &trajectories.Trajectory{
		Header: trajectories.Header{Version: 1, ID: "a", Task: trajectories.Task{ID: "a"}},
		Turns: []trajectories.Turn{{
			N: 1, FormatError: "cannot be read in full",
			Actions: []env.Action{{ID: "c", Tool: "bash", Arguments: json.RawMessage(`{"command":"ls"}`)}},
		}},
		Observations: []trajectories.Observation{{Turn: 1, Observation: env.Observation{Action: "c", Text: "x"}}},
	}
	var b bytes.Buffer
	require.NoError(t, mini.Format11().Export(formats.Of(tr), &b))
	require.Contains(t, b.String(), `"tool_calls"`)
	require.Contains(t, b.String(), `"role":"tool"`)
	var fields []string
	for _, l := range mini.Format11().Lossy(tr) {
		fields = append(fields, l.Field)
	}
	require.Contains(t, fields, "turn.format_error")
	require.NotContains(t, fields, "turn.actions")
}

// A program may have thought before it said what is in the wrong form. A response
// of another API does not tell an import of it, and stays as it is.
func TestAnAnswerInTheWrongFormKeepsItsReasoning(t *testing.T) {
	for response, want := range map[string][]string{
		"": nil,
		`{"choices":[{"message":{"content":"M","reasoning_content":"R"}}]}`: nil,
		`{"choices":[{"message":{"content":"M"}}]}`:                         {"turn.reasoning"},
		`{"output":[]}`: {"turn.message", "turn.reasoning"},
	} {
		tr := &trajectories.Trajectory{
			Header: trajectories.Header{Version: 1, ID: "a", Task: trajectories.Task{ID: "a", ProblemStatement: "P"}, System: "S", Prompt: "P", Tools: []trajectories.Tool{{Name: "bash"}}},
			Turns:  []trajectories.Turn{{N: 1, Message: "M", Reasoning: "R", FormatError: "No call."}},
		}
		if response != "" {
			tr.Turns[0].Response = json.RawMessage(response)
		}
		var lost []string
		for _, l := range mini.Format11().Lossy(tr) {
			lost = append(lost, l.Field)
		}
		require.Equal(t, want, lost, response)
		var b bytes.Buffer
		require.NoError(t, mini.Format11().Export(formats.Of(tr), &b))
		path := filepath.Join(t.TempDir(), "a.traj.json")
		require.NoError(t, os.WriteFile(path, b.Bytes(), 0o600))
		_, again, err := suite11().Import(t, path, false)
		require.NoError(t, err)
		turn := again[0].Turns[0]
		require.Equal(t, slices.Contains(want, "turn.message"), turn.Message != "M", response)
		require.Equal(t, slices.Contains(want, "turn.reasoning"), turn.Reasoning != "R", response)
	}
}
