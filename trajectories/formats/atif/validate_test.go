package atif_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories/formats/atif"
)

const valid = `{"schema_version": "ATIF-v1.7", "agent": {"name": "a", "version": "1"}, "steps": [
	{"step_id": 1, "source": "user", "message": [{"type": "text", "text": "P"}, {"type": "image", "source": {"media_type": "image/png", "path": "a.png"}}]},
	{"step_id": 2, "source": "agent", "message": "M", "timestamp": "2026-01-02T03:04:05Z", "reasoning_content": null, "tool_calls": [{"tool_call_id": "c", "function_name": "f", "arguments": {}}],
	 "observation": {"results": [{"source_call_id": "c", "content": null, "subagent_trajectory_ref": [{"trajectory_id": "s"}]}]}, "metrics": {"prompt_tokens": 1}}],
	"final_metrics": {"total_steps": 2},
	"subagent_trajectories": [{"schema_version": "ATIF-v1.7", "trajectory_id": "s", "agent": {"name": "b", "version": "1"}, "steps": [{"step_id": 1, "source": "system", "message": ""}]}]}`

func TestValidate(t *testing.T) {
	require.Empty(t, atif.Validate([]byte(valid)))
	tests := []struct{ name, old, new, want string }{
		{"not JSON", `{"schema`, `{schema`, ": it is no JSON"},
		{"another version", `{"schema_version": "ATIF-v1.7", "agent": {"name": "a"`, `{"schema_version": "ATIF-v1.5", "agent": {"name": "a"`, `/schema_version: it is "ATIF-v1.5", not "ATIF-v1.7"`},
		{"an unknown member", `"metrics": {`, `"metrics": {"x": 1, `, "/steps/1/metrics/x: the schema has no such member"},
		{"a missing member", `"name": "a", `, ``, "/agent: name is missing"},
		{"another type", `"arguments": {}`, `"arguments": "{}"`, "/steps/1/tool_calls/0/arguments: it may not be a JSON string"},
		{"a gap in the steps", `"step_id": 2`, `"step_id": 3`, "/steps/1/step_id: it is 3 where 2 was to come"},
		{"a source that is none", `"source": "user"`, `"source": "critic"`, `/steps/0/source: "critic" is no source`},
		{"a time that is none", `2026-01-02T03:04:05Z`, `noon`, `/steps/1/timestamp: "noon" is no time of ISO 8601`},
		{"metrics of a user", `"source": "user"`, `"source": "user", "metrics": {}`, "/steps/0/metrics: only steps of the agent may have it"},
		{"metrics where no model was called", `"message": "M"`, `"message": "M", "llm_call_count": 0`, "/steps/1/metrics: a step without a call of a model has none"},
		{"an answer to no call", `"source_call_id": "c"`, `"source_call_id": "d"`, `/steps/1/observation/results/0/source_call_id: the step has no call "d"`},
		{"a reference to nothing", `{"trajectory_id": "s"}`, `{"session_id": "s"}`, "/steps/1/observation/results/0/subagent_trajectory_ref/0: it needs a trajectory_id or a trajectory_path"},
		{"steps that nobody counted", `"total_steps": 2`, `"total_steps": 3`, "/final_metrics/total_steps: it is 3 where there are 2 steps, and no notes explain that"},
		{"an embedded one without a name", `"trajectory_id": "s", `, ``, "/subagent_trajectories/0: an embedded trajectory needs a trajectory_id"},
		{"no steps", `[{"step_id": 1, "source": "system", "message": ""}]`, `[]`, "/subagent_trajectories/0/steps: there has to be a step"},
		{"a part with both", `{"type": "text", "text": "P"}`, `{"type": "image", "text": "P"}`, `/steps/0/message/0: a part of the type "image" has to hold that and nothing else`},
		{"a kind of image", `image/png`, `image/tiff`, `/steps/0/message/1/source/media_type: "image/tiff" is no type of images that is allowed`},
		{"no type of a part", `"type": "text"`, `"type": "sound"`, `/steps/0/message/0/type: "sound" is no type of parts`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Contains(t, valid, tt.old)
			var got []string
			for _, v := range atif.Validate([]byte(strings.Replace(valid, tt.old, tt.new, 1))) {
				got = append(got, v.String())
			}
			require.Equal(t, []string{tt.want}, got)
		})
	}
}

func FuzzValidate(f *testing.F) {
	f.Add([]byte(valid))
	f.Add([]byte(sample15))
	f.Fuzz(func(_ *testing.T, document []byte) { atif.Validate(document) })
}

func TestTheFormatChecksItsDocuments(t *testing.T) {
	err := atif.Format().Check([]byte(`{"schema_version":"ATIF-v1.7","agent":{"name":"a","version":"1"},"steps":[{"step_id":1,"source":"nobody","message":"m"}]}`))
	require.EqualError(t, err, `/steps/0/source: "nobody" is no source`)
	err = atif.Format().Check([]byte(`{"schema_version":"ATIF-v1.7"}`))
	require.ErrorContains(t, err, "(and 1 more)")
	require.NoError(t, atif.Format().Check([]byte(`{"schema_version":"ATIF-v1.7","agent":{"name":"a","version":"1"},"steps":[{"step_id":1,"source":"user","message":"m"}]}`)))
}
