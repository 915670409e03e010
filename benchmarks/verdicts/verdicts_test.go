package verdicts_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/benchmarks"
	"github.com/apprentice-rl/apprentice/benchmarks/report"
	"github.com/apprentice-rl/apprentice/benchmarks/verdicts"
	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/filter"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/summary"
)

// files writes files of these names below a new folder.
func files(t *testing.T, contents map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range contents {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return dir
}

// tried is an attempt that submitted this patch.
func tried(id, task, patch string) summary.Summary {
	s, err := summary.Of(formats.Of(&trajectories.Trajectory{
		Header: trajectories.Header{ID: id, Task: trajectories.Task{ID: task}},
		End:    &trajectories.End{Status: trajectories.ExitSubmitted, Patch: patch},
	}))
	if err != nil {
		panic(err)
	}
	return s
}

const (
	resolved   = `{"t-1": {"resolved": true}}`
	unresolved = `{"t-1": {"resolved": false}}`
	notScored  = `{"t-1": {"resolved": false, "apprentice": {"verdict": "infrastructure_failure"}}}`
	testsFail  = `{"t-1": {"resolved": false, "apprentice": {"verdict": "unresolved", "reason": "tests_failed"}}}`
	infra      = `{"t-1": {"resolved": false, "infra_failure": true}}`
)

func TestAVerdictIsAboutAPatch(t *testing.T) {
	right, wrong := tried("t-1.1", "t-1", "right"), tried("t-1.2", "t-1", "wrong")
	unknown := right
	unknown.PatchDigest, unknown.PatchUnknown = "", true
	part := tried("t-1.3", "t-1", "of the part")
	part.Parent = "t-1.1"
	run := map[string]string{
		"evaluation/llm/t-1/1/report.json": resolved, "evaluation/llm/t-1/1/patch.diff": "right",
		"evaluation/wrong/t-1/1/report.json": testsFail, "evaluation/wrong/t-1/1/patch.diff": "wrong",
		"evaluation/empty/t-1/1/report.json": unresolved, "evaluation/empty/t-1/1/patch.diff": "",
		"report.json": `{"schema_version": 1, "sets": {"wrong": {"tasks": {"t-1": {"verdict": "unresolved"}}}}}`,
	}
	const ids = `{"resolved_ids": ["t-1"], "unresolved_ids": ["t-2"], "empty_patch_ids": ["t-3"], "error_ids": ["t-4"]}`
	for name, tt := range map[string]struct {
		files map[string]string
		path  string // below the folder
		of    summary.Summary
		all   []summary.Summary // others that are filtered, too
		want  filter.Verdict
		why   string
	}{
		"its own patch resolves":             {run, "", right, nil, filter.Resolved, ""},
		"its own patch does not":             {run, "", wrong, nil, filter.Unresolved, "unresolved: tests_failed"},
		"the empty patch":                    {run, "", tried("t-1.4", "t-1", ""), nil, filter.Unresolved, "unresolved"},
		"the run's report means its patches": {run, "report.json", right, nil, filter.Resolved, ""},
		"a folder of runs":                   {map[string]string{"r/evaluation/l/t-1/1/report.json": resolved, "r/evaluation/l/t-1/1/patch.diff": "right", "r/report.json": run["report.json"]}, "", wrong, nil, filter.Unknown, "its task was graded with other patches, and not with this one"},
		"another patch":                      {run, "", tried("t-1.5", "t-1", "other"), nil, filter.Unknown, "its task was graded with other patches, and not with this one"},
		"a patch that is not known":          {run, "", unknown, nil, filter.Unknown, "its patch is not known"},
		"another task":                       {run, "", tried("t-2.1", "t-2", "right"), nil, filter.Unknown, "its task was not graded"},
		"the harness's folders": {
			map[string]string{"logs/run_evaluation/r/m/t-1/report.json": resolved, "logs/run_evaluation/r/m/t-1/patch.diff": "right"},
			"", right, []summary.Summary{wrong}, filter.Resolved, "",
		},
		"infrastructure is no verdict": {map[string]string{"t/report.json": notScored, "t/patch.diff": "right"}, "", right, nil, filter.Unknown, "its task was not graded"},
		"nor in release 5":             {map[string]string{"t/report.json": infra, "t/patch.diff": "right"}, "", right, nil, filter.Unknown, "its task was not graded"},
		"two verdicts on one patch": {
			map[string]string{"a/report.json": resolved, "a/patch.diff": "right", "b/report.json": unresolved, "b/patch.diff": "right"},
			"", right, nil, filter.Unknown, "it was graded more than once, and the verdicts differ",
		},
		"twice the same": {
			map[string]string{"a/report.json": resolved, "a/patch.diff": "right", "b/report.json": resolved, "b/patch.diff": "right"},
			"", right, nil, filter.Resolved, "",
		},
		"a task by its name":       {map[string]string{"r.json": ids}, "r.json", right, nil, filter.Resolved, ""},
		"a task in an older form":  {map[string]string{"r.json": `{"no_logs": [], "resolved": ["t-1"]}`}, "r.json", right, nil, filter.Resolved, ""},
		"unresolved by its name":   {map[string]string{"r.json": ids}, "r.json", tried("t-2.1", "t-2", "p"), nil, filter.Unresolved, "unresolved"},
		"empty by its name":        {map[string]string{"r.json": ids}, "r.json", tried("t-3.1", "t-3", ""), nil, filter.Unresolved, "unresolved: empty_patch"},
		"an error is no verdict":   {map[string]string{"r.json": ids}, "r.json", tried("t-4.1", "t-4", "p"), nil, filter.Unknown, "its task was not graded"},
		"true and false":           {map[string]string{"r.json": `{"t-1": true, "t-2": false}`}, "r.json", right, nil, filter.Resolved, ""},
		"an attempt by its name":   {map[string]string{"r.json": `{"t-1.1": true, "t-1.2": false}`}, "r.json", right, []summary.Summary{wrong}, filter.Resolved, ""},
		"the same patch again":     {map[string]string{"r.json": ids}, "r.json", right, []summary.Summary{tried("t-1.2", "t-1", "right")}, filter.Resolved, ""},
		"parts have other patches": {map[string]string{"r.json": ids}, "r.json", right, []summary.Summary{part}, filter.Resolved, ""},
		"a run's report alone": {
			map[string]string{"report.json": `{"schema_version": 1, "sets": {"llm": {"tasks": {"t-1": {"verdict": "unresolved", "reason": "timeout"}, "t-2": {"verdict": "skipped"}}}}}`},
			"", right, nil, filter.Unresolved, "unresolved: timeout",
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := files(t, tt.files)
			v, err := verdicts.Read(filepath.Join(dir, tt.path))
			require.NoError(t, err)
			got, why := v.Of(append(tt.all, tt.of))(tt.of)
			require.Equal(t, tt.want, got)
			require.Equal(t, tt.why, why)
		})
	}
}

func TestANameAloneDoesNotTellWhichPatch(t *testing.T) {
	dir := files(t, map[string]string{"r.json": `{"resolved_ids": ["t-1"]}`})
	v, err := verdicts.Read(filepath.Join(dir, "r.json"))
	require.NoError(t, err)
	require.Equal(t, 1, v.Len())
	right, wrong := tried("t-1.1", "t-1", "right"), tried("t-1.2", "t-1", "wrong")
	got, why := v.Of([]summary.Summary{right, wrong})(right)
	require.Equal(t, filter.Unknown, got)
	require.Contains(t, why, "2 different patches")
}

func TestWhatIsNoReport(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":       `{"t-1": `,
		"a list":        `[]`,
		"a number":      `7`,
		"nothing":       `{}`,
		"predictions":   `{"t-1": {"model_patch": "diff"}}`,
		"ids of no use": `{"resolved_ids": [1]}`,
		"a newer run":   `{"schema_version": 99, "sets": {}}`,
		"null":          `{"t-1": null}`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := files(t, map[string]string{"t/report.json": text})
			for _, path := range []string{dir, filepath.Join(dir, "t/report.json")} {
				_, err := verdicts.Read(path)
				var none *verdicts.NoneError
				require.ErrorAs(t, err, &none)
				require.Equal(t, filepath.Join(dir, "t/report.json"), none.Path)
			}
		})
	}
	_, err := verdicts.Read(t.TempDir())
	var none *verdicts.NoneError
	require.ErrorAs(t, err, &none)
	_, err = verdicts.Read(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.False(t, errors.As(err, &none))
}

// What package benchmarks keeps is what is read here.
func TestReportsOfRunsAreRead(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, report.Write(dir, report.Run{Name: "r", Sets: []report.Set{
		{Name: "llm", Results: benchmarks.Results{{Task: "t-1", Verdict: benchmarks.Resolved}, {Task: "t-2", Verdict: benchmarks.Skipped}}},
	}}))
	v, err := verdicts.Read(dir)
	require.NoError(t, err)
	require.Equal(t, 1, v.Len())
}

func TestRealReportsAreRead(t *testing.T) {
	data := os.Getenv("APPRENTICE_TESTDATA")
	if data == "" {
		sandboxtest.Missing(t, "testdata", "APPRENTICE_TESTDATA is not set")
	}
	for _, tt := range []struct {
		path string
		want int
	}{
		{"harness-runs/verified/gpt-5-mini", 18},
		{"harness-runs/summaries/gold.fresh-verified.json", 500},
		{"harness-runs/summaries/rust-swe-bench.openhands_claude.json", 504},
		{"harness-runs/summaries/swe-bench-java.deepseek-coder-v2.results.json", 91},
	} {
		v, err := verdicts.Read(filepath.Join(data, tt.path))
		require.NoError(t, err)
		require.Equal(t, tt.want, v.Len(), tt.path)
	}
}
