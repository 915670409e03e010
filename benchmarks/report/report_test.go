package report_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/benchmarks"
	"github.com/apprentice-rl/apprentice/benchmarks/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

func TestJSONAndMarkdownAreAsBefore(t *testing.T) {
	for _, tc := range []struct {
		name string
		run  report.Run
	}{
		{"demo", demo()},
		{"troubled", troubled()},
		{"nothing", report.Run{Name: "nothing"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := report.New(tc.run)
			data, err := r.JSON()
			require.NoError(t, err)
			golden(t, tc.name+".json", data)
			golden(t, tc.name+".md", r.Markdown())
		})
	}
}

func TestReadGivesBackWhatWasWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "runs", "night")
	require.NoError(t, report.Write(dir, troubled()))
	got, err := report.Read(filepath.Join(dir, "report.json"))
	require.NoError(t, err)
	require.Equal(t, report.New(troubled()), got)
	require.Equal(t, []string{"qwen3-8b", "oracle", "empty"}, []string{got.Sets[0].Name, got.Sets[1].Name, got.Sets[2].Name}, "the order is kept")
	md, err := os.ReadFile(filepath.Join(dir, "report.md"))
	require.NoError(t, err)
	require.Equal(t, string(md), string(got.Markdown()), "what was read renders the same")
}

func TestWriteReplacesWholeFilesAndLeavesNothingElse(t *testing.T) {
	dir := t.ArtifactDir() // -artifacts keeps the page for looking at
	require.NoError(t, report.Write(dir, troubled()))
	require.NoError(t, report.Write(dir, demo()))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	require.Equal(t, []string{"report.html", "report.json", "report.md"}, names)
	r, err := report.Read(filepath.Join(dir, "report.json"))
	require.NoError(t, err)
	require.Equal(t, "demo", r.Name)
}

func TestWriteSaysWhereItCannot(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	err := report.Write(filepath.Join(file, "run"), demo())
	require.ErrorContains(t, err, "writing the report")
	require.ErrorContains(t, err, file)
}

func TestDecodeRefusesWhatIsNoReport(t *testing.T) {
	for _, tc := range []struct{ name, data, want string }{
		{"not JSON", "resolved!", "x.json is not a report"},
		{"sets as a list", `{"schema_version":1,"sets":[]}`, "sets must be an object"},
		{"a set that is none", `{"schema_version":1,"sets":{"mine":{"total":"many"}}}`, "set mine"},
		{"a later version", `{"schema_version":2}`, "schema_version 2"},
		{"no version", `{}`, "schema_version 0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := report.Decode("x.json", strings.NewReader(tc.data))
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func FuzzDecode(f *testing.F) {
	data, err := report.New(troubled()).JSON()
	require.NoError(f, err)
	f.Add(data)
	f.Add([]byte(`{"schema_version":1,"sets":{"a":{},"a":{"tasks":{"t":{"verdict":"x"}}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := report.Decode("fuzz", bytes.NewReader(data))
		if err != nil {
			return
		}
		again, err := r.JSON()
		require.NoError(t, err)
		second, err := report.Decode("fuzz", bytes.NewReader(again))
		require.NoError(t, err)
		require.Equal(t, string(r.Markdown()), string(second.Markdown()))
		_, err = r.HTML()
		require.NoError(t, err)
	})
}

// set is a set of one task.
func set(name string, kind report.Kind, e ...benchmarks.Evaluation) report.Set {
	return report.Set{Name: name, Kind: kind, Results: e}
}

func TestHeadlineSaysWhatWasFound(t *testing.T) {
	skipped := benchmarks.Evaluation{Task: taskIDs[1], Verdict: benchmarks.Skipped, Detail: "no go"}
	broken := benchmarks.Evaluation{Task: taskIDs[1], Verdict: benchmarks.InfrastructureFailure, Detail: "no daemon"}
	for _, tc := range []struct {
		name string
		sets []report.Set
		want string
	}{
		{"nothing", nil, "Nothing was graded in this run."},
		{"all checks hold", demo().Sets, "The pipeline holds: the oracle resolved all 12 tasks, and no empty or wrong patch did."},
		{"a task was skipped", []report.Set{set("oracle", report.Oracle, resolved(0), resolved(2), skipped)},
			"The pipeline holds: the oracle resolved both tasks that could be scored."},
		{"only wrong patches", []report.Set{set("wrong", report.Wrong, failed(0, 1))}, "The pipeline holds: no wrong patch resolved a task."},
		{"the oracle falls short", []report.Set{set("oracle", report.Oracle, resolved(0), failed(1, 1)), set("empty", report.Empty, failed(0, 9))},
			"The pipeline does not hold: the oracle resolved 1 of 2 tasks."},
		{"a wrong patch passes", []report.Set{set("oracle", report.Oracle, resolved(0)), set("wrong", report.Wrong, resolved(0))},
			"The pipeline does not hold: 1 wrong patch was not told from a right one."},
		{"nothing could be scored", []report.Set{set("oracle", report.Oracle, broken)},
			"The pipeline does not hold: nothing of the set oracle could be scored."},
		{"a model is measured", []report.Set{set("mine", report.Measured, resolved(0), failed(1, 1)), set("oracle", report.Oracle, resolved(0))},
			"mine resolved 1 of 2 tasks."},
		{"two models are measured", []report.Set{set("a", report.Measured, failed(0, 1), failed(1, 1)), set("b", report.Measured, resolved(0), resolved(1))},
			"a resolved none of 2 tasks; b resolved both tasks."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.want, report.New(report.Run{Sets: tc.sets}).Headline())
		})
	}
}

func TestSurprisesAreWhatChecksMustNotShow(t *testing.T) {
	unresolved := func(reason benchmarks.Reason) benchmarks.Evaluation {
		return benchmarks.Evaluation{Task: taskIDs[0], Verdict: benchmarks.Unresolved, Reason: reason}
	}
	oldFails := failed(0, 9)
	oldFails.Grade.PassToPass.Failure = []string{"test_old"}
	for _, tc := range []struct {
		name string
		kind report.Kind
		e    benchmarks.Evaluation
		want string // "" for none
	}{
		{"a gold patch resolves", report.Oracle, resolved(0), ""},
		{"a gold patch does not", report.Oracle, failed(0, 1), "the oracle does not resolve"},
		{"a gold patch was not scored", report.Oracle, benchmarks.Evaluation{Task: "t", Verdict: benchmarks.InfrastructureFailure}, ""},
		{"an empty patch fails", report.Empty, failed(0, 9), ""},
		{"an empty patch was not tested", report.Empty, unresolved(benchmarks.ReasonEmptyPatch), ""},
		{"an empty patch resolves", report.Empty, resolved(0), "an empty patch resolves the task"},
		{"a new test passes with nothing done", report.Empty, failed(0, 1), "FAIL_TO_PASS passes"},
		{"an old test fails with nothing done", report.Empty, oldFails, "PASS_TO_PASS fails"},
		{"a wrong patch fails", report.Wrong, failed(0, 1), ""},
		{"a wrong patch hangs", report.Wrong, unresolved(benchmarks.ReasonTimeout), ""},
		{"a wrong patch resolves", report.Wrong, resolved(0), "a wrong patch resolves the task"},
		{"a wrong patch does not apply", report.Wrong, unresolved(benchmarks.ReasonPatchDoesNotApply), "no patch to test"},
		{"a log says nothing", report.Wrong, unresolved(benchmarks.ReasonLogNotGradable), "cannot be graded"},
		{"a model fails", report.Measured, failed(0, 1), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			surprises := report.New(report.Run{Sets: []report.Set{set("s", tc.kind, tc.e)}}).Surprises()
			if tc.want == "" {
				require.Empty(t, surprises)
				return
			}
			require.Len(t, surprises, 1)
			require.Equal(t, tc.e.Task, surprises[0].Task)
			require.Contains(t, surprises[0].Text, tc.want)
		})
	}
}

func TestNewLeavesTheRunAlone(t *testing.T) {
	run := demo()
	r := report.New(run)
	r.Versions["go"] = "changed"
	r.Sets[0].Tasks[taskIDs[0]].PassToPass.Success[0] = "changed"
	require.Equal(t, demo(), run)
	require.Equal(t, time.UTC, r.Created.Location())
}
