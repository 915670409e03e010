package atif_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

// load imports one file, which has to be without faults.
func load(t *testing.T, content string) (formats.Report, []*trajectories.Trajectory) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.json")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	report, all, err := suite().Import(t, path, false)
	require.NoError(t, err)
	return report, all
}

// file is a trajectory with a prompt and one step of the agent.
func file(step string) string {
	return `{"schema_version": "ATIF-v1.7", "agent": {"name": "a", "version": "1", "model_name": "m"}, "steps": [
		{"step_id": 1, "source": "user", "message": "P"}, {"step_id": 2, "source": "agent", "message": "M", ` + step + `}]}`
}

const threeCalls = `"tool_calls": [{"tool_call_id": "a", "function_name": "f", "arguments": {}},
	{"tool_call_id": "b", "function_name": "f", "arguments": {}}, {"tool_call_id": "c", "function_name": "f", "arguments": {}}]`

func TestResultsFindTheirCalls(t *testing.T) {
	tests := []struct {
		name    string
		results string
		want    []string // "call=text"
		rest    []string // "kind=text"
	}{
		{"by id", `{"source_call_id": "b", "content": "1"}, {"source_call_id": "a", "content": "2"}`, []string{"b=1", "a=2"}, nil},
		{"by place", `{"content": "1"}, {"content": "2"}`, []string{"a=1", "b=2"}, nil},
		{"a single one is the state after all calls", `{"content": "1"}`, []string{"c=1"}, nil},
		{"by place among the calls that no id names", `{"content": "1"}, {"source_call_id": "a", "content": "2"}, {"content": "3"}`, []string{"b=1", "a=2", "c=3"}, nil},
		{"more results than calls", `{"content": "1"}, {"content": "2"}, {"content": "3"}, {"content": "4"}`, []string{"a=1", "b=2", "c=3"}, []string{"feedback=4"}},
		{"an unknown id", `{"source_call_id": "z", "content": "1"}`, nil, []string{"orphan=1"}},
		{"a second answer", `{"source_call_id": "a", "content": "1"}, {"source_call_id": "a", "content": "2"}`, []string{"a=1"}, []string{"orphan=2"}},
		{"a pointer to another trajectory answers, too", `{"source_call_id": "a", "subagent_trajectory_ref": [{"trajectory_id": "x"}]}`, []string{"a="}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			report, all := load(t, file(threeCalls+`, "observation": {"results": [`+tt.results+`]}`))
			var got, rest []string
			for _, o := range all[0].Observations {
				got = append(got, o.Action+"="+o.Text)
			}
			for _, m := range all[0].Messages {
				require.Equal(t, "tool", m.Role)
				rest = append(rest, fmt.Sprintf("%s=%s", m.Kind, m.Text))
			}
			require.Equal(t, tt.want, got)
			require.Equal(t, tt.rest, rest)
			require.Len(t, report.Warnings, len(tt.rest), "what answers no call is said")
		})
	}
}

func TestWhatNoModelDidHereIsNotTrainable(t *testing.T) {
	tests := []struct {
		name string
		step string
		want bool
	}{
		{"a step", threeCalls, true},
		{"copied context", threeCalls + `, "is_copied_context": true`, false},
		{"copied context, in Python's spelling", threeCalls + `, "is_copied_context": "True"`, false},
		{"a step without a call of a model", threeCalls + `, "llm_call_count": 0`, false},
		{"several calls of a model", threeCalls + `, "llm_call_count": 3`, true},
		{"arguments that are no object", `"tool_calls": [{"tool_call_id": "a", "function_name": "f", "arguments": "{"}]`, false},
		{"no tool call", `"extra": {}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, all := load(t, file(tt.step))
			require.Equal(t, tt.want, all[0].Turns[0].Trainable())
		})
	}
}

func TestTheOpeningGoesIntoTheHeader(t *testing.T) {
	_, all := load(t, sample17)
	h := all[0].Header
	require.Equal(t, "You are helpful.", h.System)
	require.Equal(t, "Look at this.", h.Prompt)
	require.Equal(t, "2026-01-02T03:04:05Z", h.Started.Format("2006-01-02T15:04:05Z07:00"))
	require.Equal(t, trajectories.Policy{Name: "openhands", Version: "1.0.0", Model: "m"}, h.Policy)
	require.Equal(t, "bash", h.Tools[0].Name)
	require.JSONEq(t, `{"strict": true}`, string(h.Tools[0].Extra))
	require.Equal(t, "Two steps were left out.", h.Notes)
	require.Equal(t, "1.7", h.Source.Version)
	require.Contains(t, string(h.Origin.Extra), `"trajectory_id":"main"`)
	require.Contains(t, string(h.Origin.Extra), "a.png", "images are kept")

	_, all = load(t, sample15)
	require.Equal(t, "Make a file.\n", all[0].Header.Task.ProblemStatement+"\n", "the task is found in the prompt of Terminus")
}

func TestAStepBecomesATurn(t *testing.T) {
	_, all := load(t, sample17)
	turn := all[0].Turns[0]
	require.Equal(t, "I think.", turn.Reasoning)
	require.Equal(t, "Both.", turn.Message)
	require.Equal(t, trajectories.Usage{Calls: 2, PromptTokens: 10, CachedTokens: 5, CompletionTokens: 3, Cost: 0.25}, turn.Usage)
	require.JSONEq(t, `{"reasoning_effort": "high", "metrics": {"extra": {"ttft": 1}}}`, string(turn.Origin.Extra))
	require.JSONEq(t, `{"extra": {"n": 1}}`, string(turn.Calls[0].Extra))
	require.Equal(t, "2026-01-02T03:04:07+02:00", turn.Time.Format("2006-01-02T15:04:05Z07:00"))
}

func TestAnAnswerThatCouldNotBeReadIsAFormatError(t *testing.T) {
	report, all := load(t, sample15)
	require.Contains(t, all[0].Turns[1].FormatError, "no JSON")
	require.False(t, all[0].Turns[1].Trainable())
	require.Equal(t, 2, report.Unaddressed, "the complaint, and the pointer to other trajectories")
	require.Equal(t, 1, report.CopiedActions)
	require.Equal(t, 1, report.CopiedObservations)
	require.Equal(t, trajectories.ExitSubmitted, all[0].End.Status)
	require.Equal(t, 0.75, all[0].End.Usage.Cost)
	require.True(t, all[0].End.PatchUnknown)
}

func TestMessagesKeepTheirPlaceAndKind(t *testing.T) {
	_, all := load(t, sample15)
	var got []string
	for _, m := range all[0].Messages {
		got = append(got, fmt.Sprintf("%d %s %s", m.After, m.Role, m.Kind))
	}
	require.Equal(t, []string{"1 user context", "2 tool feedback", "3 system note", "3 tool subagent", "3 user note"}, got)
	_, all = load(t, sample17)
	last := all[0].Messages[len(all[0].Messages)-2]
	require.Equal(t, trajectories.MessageCondensation, last.Kind)
}

func TestEmbeddedTrajectoriesAreParts(t *testing.T) {
	report, all := load(t, sample17)
	require.Equal(t, 2, report.Trajectories)
	require.Equal(t, &trajectories.Parent{Trajectory: all[0].Header.ID, Turn: 1, Kind: trajectories.ParentSubagent}, all[1].Header.Parent)
	require.NotEqual(t, all[0].Header.ID, all[1].Header.ID)
}

func TestATrialNamesItsTask(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "some-task__AbCd123", "agent")
	require.NoError(t, os.MkdirAll(dir, 0o700))
	path := filepath.Join(dir, "trajectory.json")
	require.NoError(t, os.WriteFile(path, []byte(sample15), 0o600))
	_, all, err := suite().Import(t, path, false)
	require.NoError(t, err)
	require.Equal(t, "some-task__AbCd123", all[0].Header.Task.ID)
}

func TestWhatTheSchemaForbidsIsKeptAndSaid(t *testing.T) {
	tests := []struct{ name, file, says, keeps string }{
		{"member of the root", `{"schema_version": "ATIF-v1.5", "agent": {}, "steps": [], "verdict": 7}`, "no such member", `"verdict":7`},
		{"a version of the future", `{"schema_version": "ATIF-v1.8", "agent": {}, "steps": [], "extra": {}}`, `version "1.8" is newer`, `"extra":{}`},
		{"a step out of order", `{"schema_version": "ATIF-v1.5", "agent": {}, "steps": [{"step_id": 3, "source": "system", "message": "S"}], "extra": {}}`, "step_id is 3", `"extra":{}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			report, all := load(t, tt.file)
			require.Len(t, report.Warnings, 1)
			require.Contains(t, report.Warnings[0].Text, tt.says)
			require.Contains(t, string(all[0].Header.Origin.Extra), tt.keeps)
		})
	}
}

func TestToolCallsOfAUserAreNoActions(t *testing.T) {
	report, all := load(t, `{"schema_version": "ATIF-v1.5", "agent": {}, "steps": [{"step_id": 1, "source": "user", "message": "U", `+threeCalls+`}]}`)
	require.Zero(t, report.Actions)
	require.Len(t, report.Warnings, 1)
	require.Contains(t, string(all[0].Messages[0].Origin.Extra), `"tool_call_id":"c"`)
}

func TestTrajectoriesWithinEachOtherHaveABound(t *testing.T) {
	inner := `{"schema_version": "ATIF-v1.7", "agent": {}, "steps": []}`
	for range 120 {
		inner = `{"schema_version": "ATIF-v1.7", "agent": {}, "steps": [], "subagent_trajectories": [` + inner + `]}`
	}
	path := filepath.Join(t.TempDir(), "x.json")
	require.NoError(t, os.WriteFile(path, []byte(inner), 0o600))
	_, _, err := suite().Import(t, path, false)
	require.ErrorContains(t, err, "embedded more than 100 deep")
}
