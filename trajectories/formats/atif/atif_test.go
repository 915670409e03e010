package atif_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories/formats/atif"
	"github.com/apprentice-rl/apprentice/trajectories/formats/formatstest"
)

func suite() formatstest.Suite {
	return formatstest.Suite{
		Format: atif.Format(),
		Files: func(path string) bool {
			return strings.HasPrefix(path, "atif/") && strings.Contains(path, ".trajectory.")
		},
		Want:    6,
		Count:   count,
		Samples: map[string]string{"1.5": sample15, "1.7": sample17},
	}
}

func TestImporter(t *testing.T) { formatstest.Run(t, suite()) }

func FuzzImport(f *testing.F) { formatstest.Fuzz(f, suite()) }

func TestABrokenNameOfAnEmbeddedTrajectoryCostsNoneOfThem(t *testing.T) {
	one := func(name string) string {
		return `{"schema_version":"ATIF-v1.7","trajectory_id":` + name + `,"agent":{"name":"helper","version":"1"},"steps":[{"step_id":1,"source":"user","message":"Help."}]}`
	}
	path := filepath.Join(t.TempDir(), "a.json")
	text := strings.TrimSuffix(one(`"main"`), "}") + `,"subagent_trajectories":[` + one(`"\z"`) + "," + one(`"sub"`) + "]}"
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	report, all, err := suite().Import(t, path, true)
	require.NoError(t, err)
	require.Len(t, all, 3)
	require.Len(t, report.Warnings, 1)
	require.Equal(t, "/subagent_trajectories/0/trajectory_id", report.Warnings[0].Field)
}

// count counts a document: of the results, those that name a call, and as many
// of the others as their step has calls that none names.
func count(document any) formatstest.Tally {
	all := formatstest.Tally{Trajectories: 1}
	for _, s := range document.(map[string]any)["steps"].([]any) {
		step := s.(map[string]any)
		calls, _ := step["tool_calls"].([]any)
		for _, c := range calls {
			all.Actions++
			all.ActionBytes += size(c.(map[string]any)["arguments"])
		}
		observation, _ := step["observation"].(map[string]any)
		results, _ := observation["results"].([]any)
		open := len(calls)
		for _, r := range results {
			if r.(map[string]any)["source_call_id"] != nil {
				open--
			}
		}
		for _, r := range results {
			result := r.(map[string]any)
			if result["source_call_id"] == nil {
				if open--; open < 0 {
					continue
				}
			}
			all.Observations++
			content, _ := result["content"].(string)
			all.ObservationBytes += len(content)
		}
	}
	return all
}

// size is the length of a value as JSON without white space.
func size(v any) int {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return -1
	}
	return b.Len() - 1
}

// sample15 is a trajectory as version 1.5 has it: results without ids, an answer
// that could not be read, copied context, a pointer to the trajectory of another
// agent.
const sample15 = `{
	"schema_version": "ATIF-v1.5",
	"session_id": "s-1",
	"agent": {"name": "terminus-2", "version": "2.0.0", "model_name": "m", "extra": {"parser": "json"}},
	"steps": [
		{"step_id": 1, "source": "user", "message": "Do it.\n\nTask Description:\nMake a file.\n\n\nCurrent terminal state:\n$ "},
		{"step_id": 2, "source": "agent", "message": "Copied.", "is_copied_context": true, "extra": {"note": "copied"},
		 "tool_calls": [{"tool_call_id": "call_0_1", "function_name": "bash_command", "arguments": {"keystrokes": "ls\n", "wait": true}}],
		 "observation": {"results": [{"content": "New Terminal Output:\n"}]}},
		{"step_id": 3, "source": "user", "message": "Copied too.", "is_copied_context": true},
		{"step_id": 4, "source": "agent", "model_name": "m", "message": "{", "reasoning_content": "Hm.",
		 "observation": {"results": [{"content": "Previous response had parsing errors:\nERROR: no JSON\n"}]},
		 "metrics": {"prompt_tokens": 10, "completion_tokens": 2, "cost_usd": 0.5, "prompt_token_ids": [1, 2], "logprobs": [-0.1]}},
		{"step_id": 5, "source": "agent", "model_name": "m2", "message": "Two at once.",
		 "tool_calls": [{"tool_call_id": "call_1_1", "function_name": "bash_command", "arguments": {"keystrokes": "touch a\n"}},
		                {"tool_call_id": "call_1_2", "function_name": "bash_command", "arguments": {"keystrokes": "touch b\n"}}],
		 "observation": {"results": [{"content": "$ touch a\n$ touch b\n"}]}, "metrics": {"prompt_tokens": 20}},
		{"step_id": 6, "source": "system", "message": "Summarized.",
		 "observation": {"results": [{"subagent_trajectory_ref": [{"session_id": "s-1-summary", "trajectory_path": "trajectory.summary.json"}]}]}},
		{"step_id": 7, "source": "user", "message": "The answers."},
		{"step_id": 8, "source": "agent", "model_name": "m", "message": "Done.",
		 "tool_calls": [{"tool_call_id": "call_1_1", "function_name": "mark_task_complete", "arguments": {}}],
		 "observation": {"results": [{"content": "Bye."}]}}
	],
	"final_metrics": {"total_prompt_tokens": 40, "total_completion_tokens": 4, "total_cached_tokens": 0, "total_cost_usd": 0.75}
}`

// sample17 is a trajectory as version 1.7 has it: ids, parts, images, several
// answers, embedded trajectories, a step that no model made.
const sample17 = `{
	"schema_version": "ATIF-v1.7", "trajectory_id": "main", "notes": "Two steps were left out.",
	"agent": {"name": "openhands", "version": "1.0.0", "model_name": "m",
		"tool_definitions": [{"type": "function", "function": {"name": "bash", "description": "Runs.", "parameters": {"type": "object"}, "strict": true}}]},
	"steps": [
		{"step_id": 1, "timestamp": "2026-01-02T03:04:05Z", "source": "system", "message": "You are helpful."},
		{"step_id": 2, "timestamp": "2026-01-02T03:04:06.5", "source": "user", "message": [{"type": "text", "text": "Look at "}, {"type": "image", "source": {"media_type": "image/png", "path": "a.png"}}, {"type": "text", "text": "this."}]},
		{"step_id": 3, "timestamp": "2026-01-02T03:04:07+02:00", "source": "agent", "message": "Both.", "reasoning_effort": "high", "reasoning_content": "I think.", "llm_call_count": 2,
		 "tool_calls": [{"tool_call_id": "a", "function_name": "bash", "arguments": {"command": "ls"}, "extra": {"n": 1}},
		                {"tool_call_id": "b", "function_name": "delegate", "arguments": {"to": "helper"}},
		                {"tool_call_id": "c", "function_name": "bash", "arguments": {"command": "true"}}],
		 "observation": {"results": [
			{"source_call_id": "b", "content": null, "subagent_trajectory_ref": [{"trajectory_id": "sub-1"}]},
			{"content": [{"type": "text", "text": "a file"}]},
			{"source_call_id": "zz", "content": "Whose is this?"},
			{"content": ""},
			{"content": "One too many."}]},
		 "metrics": {"prompt_tokens": 10, "cached_tokens": 5, "completion_tokens": 3, "cost_usd": 0.25, "extra": {"ttft": 1}}},
		{"step_id": 4, "source": "agent", "message": "Dispatched.", "llm_call_count": 0,
		 "tool_calls": [{"tool_call_id": "d", "function_name": "bash", "arguments": {"command": "pwd"}}],
		 "observation": {"results": [{"source_call_id": "d", "content": "/"}]}},
		{"step_id": 5, "source": "system", "message": "Condensed.", "extra": {"context_management": {"boundary": "replace"}},
		 "observation": {"results": [{"content": "What happened so far."}]}}
	],
	"final_metrics": {"total_steps": 7, "total_prompt_tokens": 10, "extra": {"x": 1}},
	"extra": {"trial": 3},
	"subagent_trajectories": [
		{"schema_version": "ATIF-v1.7", "trajectory_id": "sub-1", "agent": {"name": "helper", "version": "1"},
		 "steps": [{"step_id": 1, "source": "user", "message": "Help."},
		           {"step_id": 2, "source": "agent", "message": "No.", "tool_calls": [{"tool_call_id": "x", "function_name": "finish", "arguments": {}}]}]}
	]
}`
