package sweagent_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
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
	"github.com/apprentice-rl/apprentice/trajectories/formats/mini"
	"github.com/apprentice-rl/apprentice/trajectories/formats/openai"
	"github.com/apprentice-rl/apprentice/trajectories/formats/openhands"
	"github.com/apprentice-rl/apprentice/trajectories/formats/sweagent"
	"github.com/apprentice-rl/apprentice/trajectories/formats/swesmith"
)

// What an import of the export lacks is what was listed, and nothing else.
func TestTrajectoriesOfOtherFormatsLackWhatIsListed(t *testing.T) {
	others := []formats.Format{mini.Format1(), mini.Format11(), openhands.V0(), openhands.V1(), swesmith.Format(), atif.Format(), openai.Format()}
	var all formats.Collector
	for _, err := range formats.Import(t.Context(), []string{formatstest.Root(t)}, formats.Options{Formats: others, To: &all, KeepGoing: true}) {
		require.NoError(t, err)
	}
	require.Greater(t, len(all.Whole), 40)
	for _, first := range all.Whole {
		t.Run(first.Header.Source.Format+"/"+first.Header.Source.File, func(t *testing.T) { lacks(t, first) })
	}
	t.Run("made by hand", func(t *testing.T) { lacks(t, foreign()) })
}

func lacks(t *testing.T, first *trajectories.Trajectory) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.traj")
	text := export(t, first)
	require.NoError(t, os.WriteFile(path, text, 0o600))
	_, again, err := suite().Import(t, path, false)
	require.NoError(t, err)
	require.Len(t, again, 1)
	if len(first.Turns) > 0 {
		require.Equal(t, "1.1", again[0].Header.Source.Version)
	}
	lost := sweagent.Format().Lossy(first)
	listed := func(field string) bool {
		return slices.ContainsFunc(lost, func(l formats.Loss) bool { return l.Field == field })
	}
	// What an import has more of.
	if first.Header.Policy.Name == "" {
		lost = append(lost, formats.Loss{Field: "header.policy.name"}) // the program's
	}
	if first.End == nil || first.End.Usage == (trajectories.Usage{}) {
		lost = append(lost, formats.Loss{Field: "end.usage"}) // the sum of the turns
	}
	if first.End == nil {
		lost = append(lost, formats.Loss{Field: "end"}) // that it is not known
	}
	if listed("message.after") || listed("observation.turn") {
		lost = append(lost, formats.Loss{Field: "view"}) // that it was not so
	}
	if listed("observation.turn") {
		lost = append(lost, formats.Loss{Field: "observation"}, formats.Loss{Field: "message.orphan"}) // the one in place of the other
	}
	if listed("header.prompt") || listed("header.system") {
		lost = append(lost, formats.Loss{Field: "message"}) // the header has it
	}
	want, got := without(t, split(first), lost), without(t, again[0], lost)
	for i := range min(len(want), len(got)) {
		require.JSONEq(t, want[i], got[i])
	}
	require.Len(t, got, len(want))
	require.Empty(t, sweagent.Format().Lossy(again[0]))
	require.JSONEq(t, string(text), string(export(t, again[0])), "and is the same file when it is written again")
}

// split makes a turn of each call, as an export does.
func split(t *trajectories.Trajectory) *trajectories.Trajectory {
	c := *t
	c.Turns, c.Observations, c.Messages, c.Views, c.Order = nil, nil, nil, nil, nil
	turns, actions := map[int]int{0: 0}, map[string]int{}
	for _, turn := range t.Turns {
		actionsOf, callsOf := turn.Actions, turn.Calls
		if turn.FormatError != "" {
			actionsOf, callsOf, turn.Actions, turn.Calls = nil, nil, nil, nil
		}
		for k := range max(1, len(actionsOf)) {
			if k > 0 {
				turn = trajectories.Turn{}
			}
			turn.N = len(c.Turns) + 1
			if len(actionsOf) > 0 {
				turn.Actions = actionsOf[k : k+1]
				actions[actionsOf[k].ID] = turn.N
			}
			if callsOf != nil {
				turn.Calls = callsOf[k : k+1]
			}
			c.Turns = append(c.Turns, turn)
		}
		turns[len(turns)] = len(c.Turns)
	}
	for _, o := range t.Observations {
		if o.Turn = actions[o.Action]; o.Turn > 0 {
			c.Observations = append(c.Observations, o)
		}
	}
	slices.SortStableFunc(c.Observations, func(a, b trajectories.Observation) int { return a.Turn - b.Turn })
	for _, m := range t.Messages {
		m.After = turns[m.After]
		c.Messages = append(c.Messages, m)
	}
	return &c
}

// without is a log without the fields that are lost, and without those that are
// not the episode's.
func without(t *testing.T, tr *trajectories.Trajectory, lost []formats.Loss) []string {
	t.Helper()
	var log bytes.Buffer
	e := trajectories.NewEncoder(&log)
	for event := range tr.Events() {
		if o := event.Observation; o != nil {
			raw := rawOf(*o, false)
			o.Raw = &raw
		}
		require.NoError(t, e.Event(event))
	}
	moved := slices.ContainsFunc(lost, func(l formats.Loss) bool { return l.Field == "message.after" || l.Field == "message.place" })
	var lines, messages []string
	for line := range strings.Lines(log.String()) {
		var event map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &event))
		if dropped(event, lost) {
			continue
		}
		for _, name := range []string{"id", "version", "attempt", "source", "origin", "source_status"} {
			delete(event, name)
		}
		for _, l := range lost {
			path := strings.Split(l.Field, ".")
			if path[0] == event["type"] {
				remove(event, path[1:])
			}
		}
		text, err := json.Marshal(event)
		require.NoError(t, err)
		if moved && event["type"] == "message" {
			messages = append(messages, string(text))
			continue
		}
		lines = append(lines, string(text))
	}
	slices.Sort(messages)
	return append(lines, messages...)
}

func remove(object map[string]any, path []string) {
	if len(path) == 1 {
		delete(object, path[0])
		return
	}
	if len(path) > 1 {
		if inner, ok := object[path[0]].(map[string]any); ok {
			remove(inner, path[1:])
		}
	}
}

// dropped says whether an event is listed as a whole.
func dropped(event map[string]any, lost []formats.Loss) bool {
	return slices.ContainsFunc(lost, func(l formats.Loss) bool {
		return l.Field == event["type"] || event["type"] == "message" && l.Field == "message."+event["kind"].(string)
	})
}

func TestOtherTrajectoriesAreWrittenAsVersion11(t *testing.T) {
	require.JSONEq(t, `{
	 "trajectory": [
	  {"action": "ls", "observation": "a", "response": "I look.", "thought": "I look.", "execution_time": 1, "state": {}, "extra_info": {}, "query": [
	   {"role": "system", "content": "S", "agent": "main", "message_type": "system_prompt"},
	   {"role": "user", "content": "P", "agent": "main", "message_type": "observation"}]},
	  {"action": "str_replace_editor view 'a b' --view_range 1 2", "observation": "line 1", "response": "", "thought": "", "execution_time": 0, "state": {}, "extra_info": {}},
	  {"action": "", "observation": "no call", "response": "Hello?", "thought": "Hello?", "execution_time": 0, "state": {}, "extra_info": {}},
	  {"action": "", "observation": "", "response": "Bye.", "thought": "Bye.", "execution_time": 0, "state": {}, "extra_info": {}},
	  {"action": "submit", "observation": null, "response": "", "thought": "", "execution_time": 0, "state": {}, "extra_info": {}, "query": [
	   {"role": "system", "content": "S", "agent": "main", "message_type": "system_prompt"},
	   {"role": "user", "content": "P", "agent": "main", "message_type": "observation"},
	   {"role": "assistant", "content": "I look.", "agent": "main", "message_type": "action", "thought": "I look.", "action": "ls",
	    "thinking_blocks": [{"type": "thinking", "thinking": "Hm."}],
	    "tool_calls": [{"id": "1", "type": "function", "function": {"name": "bash", "arguments": "{\"command\":\"ls\"}"}}]},
	   {"role": "tool", "content": "a", "agent": "main", "message_type": "observation", "tool_call_ids": ["1"]},
	   {"role": "assistant", "content": "", "agent": "main", "message_type": "action", "thought": "", "action": "str_replace_editor view 'a b' --view_range 1 2",
	    "tool_calls": [{"id": "2", "type": "function", "function": {"name": "str_replace_editor", "arguments": "{\"command\":\"view\",\"path\":\"a b\",\"view_range\":[1,2]}"}}]},
	   {"role": "tool", "content": "line 1", "agent": "main", "message_type": "observation", "tool_call_ids": ["2"]},
	   {"role": "user", "content": "careful", "agent": "main", "message_type": "observation"},
	   {"role": "assistant", "content": "Bye.", "agent": "main", "message_type": "action", "thought": "Bye.", "action": ""}]}],
	 "history": [
	   {"role": "system", "content": "S", "agent": "main", "message_type": "system_prompt"},
	   {"role": "user", "content": "P", "agent": "main", "message_type": "observation"},
	   {"role": "assistant", "content": "I look.", "agent": "main", "message_type": "action", "thought": "I look.", "action": "ls",
	    "thinking_blocks": [{"type": "thinking", "thinking": "Hm."}],
	    "tool_calls": [{"id": "1", "type": "function", "function": {"name": "bash", "arguments": "{\"command\":\"ls\"}"}}]},
	   {"role": "tool", "content": "a", "agent": "main", "message_type": "observation", "tool_call_ids": ["1"]},
	   {"role": "assistant", "content": "", "agent": "main", "message_type": "action", "thought": "", "action": "str_replace_editor view 'a b' --view_range 1 2",
	    "tool_calls": [{"id": "2", "type": "function", "function": {"name": "str_replace_editor", "arguments": "{\"command\":\"view\",\"path\":\"a b\",\"view_range\":[1,2]}"}}]},
	   {"role": "tool", "content": "line 1", "agent": "main", "message_type": "observation", "tool_call_ids": ["2"]},
	   {"role": "user", "content": "careful", "agent": "main", "message_type": "observation"},
	   {"role": "assistant", "content": "Bye.", "agent": "main", "message_type": "action", "thought": "Bye.", "action": ""},
	   {"role": "assistant", "content": "", "agent": "main", "message_type": "action", "thought": "", "action": "submit",
	    "tool_calls": [{"id": "3", "type": "function", "function": {"name": "submit", "arguments": "{}"}}]}],
	 "info": {"model_stats": {"instance_cost": 1.5, "tokens_sent": 9, "tokens_received": 1000000, "api_calls": 3}, "exit_status": "submitted (exit_cost)", "submission": "diff --git a/a b/a\n"},
	 "replay_config": "{\"problem_statement\":{\"text\":\"It is broken.\",\"id\":\"a__b-1\",\"type\":\"text\"},\"env\":{\"repo\":{\"github_url\":\"https://github.com/a/b\",\"base_commit\":\"0123456789\",\"type\":\"github\"},\"deployment\":{\"image\":\"i\",\"type\":\"docker\"}},\"agent\":{\"model\":{\"name\":\"m\"}}}",
	 "environment": "a__b-1"}`, string(export(t, foreign())))
}

func TestCallsAreRenderedAsCommands(t *testing.T) {
	for _, tt := range []struct{ tool, arguments, want string }{
		{"bash", `{"command":"ls -a\n","timeout":5}`, "ls -a\n"},
		{"execute_bash", `{"command":"ls"}`, "ls"},
		{"bash_command", `{"keystrokes":"ls\n","duration":0.1}`, "ls\n"},
		{"bash", `{"command":" "}`, "bash --command ' '"},
		{"bash", `{}`, "bash"},
		{"submit", `{}`, "submit"},
		{"str_replace_editor", `{"command":"insert","path":"/a","insert_line":3,"new_str":"it's"}`, `str_replace_editor insert /a --insert_line 3 --new_str 'it'"'"'s'`},
		{"file_editor", `{"command":"view","path":"/a","view_range":[1,-1]}`, "file_editor view /a --view_range 1 -1"},
		{"odd tool", `{"a b":null,"c":[],"d":["x"],"e":{"f":1}}`, `'odd tool' '--a b' null --c '[]' --d '["x"]' --e '{"f":1}'`},
	} {
		tr := foreign()
		tr.Turns, tr.Observations = []trajectories.Turn{{N: 1, Actions: []env.Action{{ID: "1", Tool: tt.tool, Arguments: json.RawMessage(tt.arguments)}}}}, nil
		var file struct{ Trajectory []struct{ Action string } }
		require.NoError(t, json.Unmarshal(export(t, tr), &file))
		require.Equal(t, tt.want, file.Trajectory[0].Action)
	}
}

func TestWhatCannotBeHeldIsListed(t *testing.T) {
	var fields []string
	for _, l := range sweagent.Format().Lossy(foreign()) {
		fields = append(fields, l.Field)
		require.NotEmpty(t, l.Why)
	}
	require.Equal(t, []string{
		"header.run", "header.attempt", "header.started", "header.policy.name", "header.policy.version", "header.tools", "header.notes",
		"turn.usage", "turn.actions", "turn.format_error", "observation.failed", "observation.result", "end.detail",
	}, fields)
}

// Each is foreign with one thing that is rare.
func TestWhatIsRareIsListedOrComesBack(t *testing.T) {
	tests := map[string]func(*trajectories.Trajectory){
		"no header texts": func(tr *trajectories.Trajectory) {
			tr.Header.System, tr.Header.Prompt = "", ""
			tr.Messages = slices.Insert(tr.Messages, 0, trajectories.Message{Role: "user", Kind: trajectories.MessageNote, Text: "x"}, trajectories.Message{Role: "system", Kind: trajectories.MessageNote, Text: "y"})
		},
		"no facts of the task": func(tr *trajectories.Trajectory) { tr.Header.Task = trajectories.Task{ID: "main"} },
		"odd facts of the task": func(tr *trajectories.Trajectory) {
			tr.Header.Task.Repo, tr.Header.Task.BaseCommit = "https://elsewhere.org/a", "HEAD"
		},
		"another repository": func(tr *trajectories.Trajectory) { tr.Header.Task.Repo = "a/./b.git" },
		"a late answer": func(tr *trajectories.Trajectory) {
			tr.Order = []trajectories.Ref{{Type: trajectories.EventTurn}, {Type: trajectories.EventObservation}, {Type: trajectories.EventMessage},
				{Type: trajectories.EventTurn, Index: 1}, {Type: trajectories.EventObservation, Index: 1}, {Type: trajectories.EventTurn, Index: 2}, {Type: trajectories.EventTurn, Index: 3}}
		},
		"a message between answers": func(tr *trajectories.Trajectory) {
			tr.Order = []trajectories.Ref{{Type: trajectories.EventTurn}, {Type: trajectories.EventObservation}, {Type: trajectories.EventMessage}, {Type: trajectories.EventObservation, Index: 1},
				{Type: trajectories.EventTurn, Index: 1}, {Type: trajectories.EventTurn, Index: 2}, {Type: trajectories.EventTurn, Index: 3}}
		},
		"messages of all kinds": func(tr *trajectories.Trajectory) {
			for _, kind := range []trajectories.MessageKind{"note", "demonstration", "context", "feedback", "condensation", "subagent", "orphan", "exit", "abandoned", "state"} {
				for _, role := range []string{"system", "user", "assistant", "tool", "environment"} {
					tr.Messages = append(tr.Messages, trajectories.Message{After: 4, Role: role, Kind: kind, Shown: role == "user", Text: role})
				}
			}
		},
		"a wrong answer with calls": func(tr *trajectories.Trajectory) {
			tr.Turns[0].FormatError = "Two calls are one too many."
		},
		"a wrong answer without a reason": func(tr *trajectories.Trajectory) { tr.Turns[1].FormatError = " " },
		"an answer that sounds like SWE-agent": func(tr *trajectories.Trajectory) {
			tr.Turns[1].Message, tr.Turns[2].Message = "Exit due to cost limit", "Exited"
		},
		"wrong answers at the ends": func(tr *trajectories.Trajectory) {
			tr.Turns[0] = trajectories.Turn{N: 1, Lost: true, FormatError: "Lost."}
			tr.Turns[3] = trajectories.Turn{N: 4, FormatError: "Again.", Reasoning: "Hm."}
			tr.Observations = nil
		},
		"arguments of all kinds": func(tr *trajectories.Trajectory) {
			tr.Turns[0].Actions[0].Arguments = json.RawMessage(`{"command":"  "}`)
			tr.Turns[0].Actions[1] = env.Action{ID: "2", Tool: "odd tool", Arguments: json.RawMessage(`{"a b":{"c":null},"d":[],"e":[1,"x"],"f":true}`)}
			tr.Turns[0].Calls = []trajectories.Call{{ID: "z", Text: "{ }", Extra: json.RawMessage(`{"leak":1}`)}, {Text: "oops", Invalid: true}}
			tr.Turns[0].Actions[0].Arguments = json.RawMessage(`{}`)
		},
		"a command that SWE-agent writes itself": func(tr *trajectories.Trajectory) {
			tr.Turns[0].Actions[0].Arguments = json.RawMessage(`{"command":"exit_cost"}`)
		},
		"raw outputs that stand in what was shown, or do not": func(tr *trajectories.Trajectory) {
			inside, same, outside := "a", "line 1", "line 0"
			tr.Observations[0].Text, tr.Observations[0].Raw = "<exception>late</exception>\na", &inside
			tr.Observations[1].Raw = &same
			if len(tr.Observations) > 2 {
				tr.Observations[2].Raw = &outside
			}
		},
		"a submission that is answered with the patch": func(tr *trajectories.Trajectory) {
			tr.Observations = append(tr.Observations, trajectories.Observation{Turn: 4, Observation: env.Observation{Action: "3", Text: tr.End.Patch, Submitted: true}})
		},
		"a submission that is answered with words": func(tr *trajectories.Trajectory) {
			tr.Observations = append(tr.Observations, trajectories.Observation{Turn: 4, Observation: env.Observation{Action: "3", Text: "Thanks.", Submitted: true}})
		},
		"no end": func(tr *trajectories.Trajectory) { tr.End = nil },
		"an end without a patch": func(tr *trajectories.Trajectory) {
			submission := "done"
			tr.End = &trajectories.End{Status: trajectories.ExitStepLimit, SourceStatus: "MaxSteps", PatchUnknown: true, Submission: &submission}
		},
		"nothing but a header": func(tr *trajectories.Trajectory) {
			tr.Turns, tr.Observations, tr.Messages, tr.End = nil, nil, nil, nil
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			tr := foreign()
			change(tr)
			lacks(t, tr)
		})
	}
}

// What the policy was shown holds the output, so an import keeps no other.
func TestARawOutputIsListedWhereAnImportKeepsNone(t *testing.T) {
	for raw, listed := range map[string]bool{"a": true, "<e>late</e>\na": true, "b": false, "": false} {
		tr := foreign()
		tr.Observations[0].Text, tr.Observations[0].Raw = "<e>late</e>\na", &raw
		lost := slices.ContainsFunc(sweagent.Format().Lossy(tr), func(l formats.Loss) bool { return l.Field == "observation.raw" })
		require.Equal(t, listed, lost, "%q", raw)
		path := filepath.Join(t.TempDir(), "x.traj")
		require.NoError(t, os.WriteFile(path, export(t, tr), 0o600))
		_, again, err := suite().Import(t, path, false)
		require.NoError(t, err)
		require.Equal(t, listed, again[0].Observations[0].Raw == nil, "%q", raw)
	}
}

func TestEachExitStatusComesBackOrIsListed(t *testing.T) {
	for _, status := range []trajectories.ExitStatus{
		trajectories.ExitSubmitted, trajectories.ExitStepLimit, trajectories.ExitTokenLimit, trajectories.ExitCostLimit, trajectories.ExitTimeLimit, trajectories.ExitFormatErrors,
		trajectories.ExitGaveUp, trajectories.ExitInfrastructure, trajectories.ExitCommandTimeouts, trajectories.ExitCancelled, trajectories.ExitCrashed, trajectories.ExitUnknown,
	} {
		tr := foreign()
		tr.End = &trajectories.End{Status: status}
		lacks(t, tr)
		tr.End = &trajectories.End{Status: trajectories.ExitSubmitted, Limit: status}
		lacks(t, tr)
	}
}

// What another format's import keeps for its own export stays out.
func TestOriginsOfOtherFormatsAreNotWritten(t *testing.T) {
	tr := foreign()
	secret := &trajectories.Origin{Text: new(string), Index: 7, Parts: json.RawMessage(`["leak"]`), Extra: json.RawMessage(`{"leak":1,"step":{"leak":1},"message":{"leak":1},"info":{"leak":1},"rest":{"leak":1},"native":"leak"}`)}
	tr.Header.Source = &trajectories.Source{Format: "other"}
	tr.Header.Origin, tr.Turns[0].Origin, tr.Turns[1].Origin, tr.Observations[0].Origin, tr.Messages[0].Origin, tr.End.Origin = secret, secret, secret, secret, secret, secret
	tr.Turns[0].Calls = []trajectories.Call{{Extra: json.RawMessage(`{"leak":1}`)}, {}}
	tr.Views = []trajectories.View{{Turn: 1, Form: trajectories.ViewQuery, Add: []json.RawMessage{json.RawMessage(`"leak"`)}, Shows: []trajectories.Run{{Count: 1}}}}
	require.NotContains(t, string(export(t, tr)), "leak")
	lacks(t, tr)
}

// foreign is an episode of our own, as no SWE-agent would have it.
func foreign() *trajectories.Trajectory {
	return &trajectories.Trajectory{
		Header: trajectories.Header{
			ID: "a__b-1.2", Run: "r", Attempt: 2, Started: time.Unix(1, 0).UTC(),
			Task:   trajectories.Task{ID: "a__b-1", Repo: "a/b", BaseCommit: "0123456789", ProblemStatement: "It is broken.", Image: "i"},
			Policy: trajectories.Policy{Name: "llm", Model: "m", Version: "7"},
			System: "S", Prompt: "P", Notes: "n", Tools: []trajectories.Tool{{Name: "bash"}},
		},
		Turns: []trajectories.Turn{
			{N: 1, Reasoning: "Hm.", Message: "I look.", Actions: []env.Action{
				{ID: "1", Tool: "bash", Arguments: json.RawMessage(`{"command":"ls"}`)},
				{ID: "2", Tool: "str_replace_editor", Arguments: json.RawMessage(`{"command":"view","path":"a b","view_range":[1,2]}`)},
			}, Usage: trajectories.Usage{Calls: 1, PromptTokens: 5, Cost: 0.5}},
			{N: 2, Message: "Hello?", FormatError: "no call"},
			{N: 3, Message: "Bye."},
			{N: 4, Actions: []env.Action{{ID: "3", Tool: "submit", Arguments: json.RawMessage(`{}`)}}},
		},
		Observations: []trajectories.Observation{
			{Turn: 1, Observation: env.Observation{Action: "1", Text: "a", Failed: true, Result: &sandbox.Result{End: sandbox.EndTimeout, ExitCode: -1}, Duration: time.Second}},
			{Turn: 1, Observation: env.Observation{Action: "2", Text: "line 1"}},
		},
		Messages: []trajectories.Message{{After: 1, Role: "user", Kind: trajectories.MessageNote, Shown: true, Text: "careful"}},
		End:      &trajectories.End{Status: trajectories.ExitSubmitted, Limit: trajectories.ExitCostLimit, Detail: "no idea", Patch: "diff --git a/a b/a\n", Usage: trajectories.Usage{Calls: 3, Cost: 1.5, PromptTokens: 9, CompletionTokens: 1000000}},
	}
}

// FuzzTranslate checks that an export of anything lacks what is listed and
// nothing else.
func FuzzTranslate(f *testing.F) {
	f.Add([]byte(`{"instance_id": "a", "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "P"},
		{"role": "assistant", "content": "I look.", "reasoning_content": "Hm.", "tool_calls": [
			{"id": "1", "type": "function", "function": {"name": "bash", "arguments": "{\"command\": \"ls\"}"}},
			{"id": "2", "type": "function", "function": {"name": "f", "arguments": "{"}}]},
		{"role": "user", "content": "careful"}, {"role": "tool", "tool_call_id": "2", "content": "b"}, {"role": "tool", "tool_call_id": "1", "content": "a"},
		{"role": "assistant", "content": "Bye.", "weight": 0}, {"role": "tool", "tool_call_id": "9", "content": "c"}, {"role": "critic", "content": "d"},
		{"role": "assistant", "content": null, "tool_calls": [{"id": "1", "function": {"name": "submit", "arguments": {}}}]}], "exit_status": "submitted", "model_patch": "diff\n"}`))
	f.Add([]byte(`{"schema_version": "ATIF-v1.7", "agent": {"name": "a", "version": "1"}, "steps": [
		{"step_id": 1, "source": "user", "message": "P"},
		{"step_id": 2, "source": "agent", "message": "M", "tool_calls": [{"tool_call_id": "c", "function_name": "f", "arguments": {}}], "observation": {"results": [{"source_call_id": "c", "content": "x"}, {"content": "y"}]}},
		{"step_id": 3, "source": "agent", "message": "?", "observation": {"results": [{"content": "No call."}]}},
		{"step_id": 4, "source": "system", "message": "note"},
		{"step_id": 5, "source": "agent", "message": "N", "is_copied_context": true, "llm_call_count": 0}]}`))
	others := []formats.Format{mini.Format11(), mini.Format1(), openhands.V0(), openhands.V1(), swesmith.Format(), atif.Format(), openai.Format()}
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "x.json")
		require.NoError(t, os.WriteFile(path, content, 0o600))
		var all formats.Collector
		for _, err := range formats.Import(t.Context(), []string{path}, formats.Options{Formats: others, To: &all, KeepGoing: true}) {
			require.NoError(t, err)
		}
		for _, first := range all.Whole {
			lacks(t, first)
		}
	})
}
