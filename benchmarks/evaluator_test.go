package benchmarks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/apprentice-rl/apprentice/benchmarks"
	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// task has a test that passes when answer.txt says TWO, and one that passes
// while it has three lines.
func task(id string) env.Task {
	return env.Task{
		ID: id, LogParser: "parse_log_pytest", FailToPass: []string{"test_two"}, PassToPass: []string{"test_lines"},
		EvalScript: `#!/bin/bash
set -uxo pipefail
: '>>>>> Start Test Output'
grep -q TWO answer.txt && echo "PASSED test_two" || echo "FAILED test_two - no TWO"
[ "$(wc -l < answer.txt)" = 3 ] && echo "PASSED test_lines" || echo "FAILED test_lines - not 3"
if grep -q SLEEP answer.txt; then sleep 60; fi
if grep -q EXIT answer.txt; then exit 3; fi
! grep -q FAKE answer.txt
: '>>>>> End Test Output'
`,
	}
}

func edit(to string) *string { return replacing("two", to) }

func replacing(from, to string) *string {
	return patch("diff --git a/answer.txt b/answer.txt\n--- a/answer.txt\n+++ b/answer.txt\n@@ -1,3 +1,3 @@\n one\n-" + from + "\n+" + to + "\n three\n")
}

func TestVerdicts(t *testing.T) {
	tests := []struct {
		name    string
		patch   *string
		rules   benchmarks.Rules
		runs    bool // of the tests on empty patches
		timeout time.Duration
		verdict benchmarks.Verdict
		reason  benchmarks.Reason
		by      string
		sandbox bool // whether one was used
	}{
		{name: "right", patch: edit("TWO"), verdict: benchmarks.Resolved, by: "git apply --verbose", sandbox: true},
		{name: "right by release 5", patch: edit("TWO"), rules: benchmarks.V5, verdict: benchmarks.Resolved, by: "git apply --verbose", sandbox: true},
		{name: "wrong", patch: edit("2"), verdict: benchmarks.Unresolved, reason: benchmarks.ReasonTestsFailed, by: "git apply --verbose", sandbox: true},
		{name: "garbage", patch: patch("I am sorry"), verdict: benchmarks.Unresolved, reason: benchmarks.ReasonPatchDoesNotApply, sandbox: true},
		{
			name:  "context of another version",
			patch: patch("diff --git a/answer.txt b/answer.txt\n--- a/answer.txt\n+++ b/answer.txt\n@@ -1,3 +1,3 @@\n uno\n-two\n+TWO\n three\n"),
			by:    "patch --batch --fuzz=5 -p1 -i", verdict: benchmarks.Resolved, sandbox: true,
		},
		{
			name: "there already, by release 4, which takes it back", patch: replacing("2", "two"),
			by: "patch --batch --fuzz=5 -p1 -i", verdict: benchmarks.Unresolved, reason: benchmarks.ReasonTestsFailed, sandbox: true,
		},
		{
			name: "there already, by release 5", patch: replacing("2", "two"), rules: benchmarks.V5,
			by: "git apply --check --reverse", verdict: benchmarks.Unresolved, reason: benchmarks.ReasonTestsFailed, sandbox: true,
		},
		{name: "endless", patch: edit("SLEEP"), timeout: 300 * time.Millisecond, verdict: benchmarks.Unresolved, reason: benchmarks.ReasonTimeout, by: "git apply --verbose", sandbox: true},
		{name: "ends before its end", patch: edit("EXIT"), verdict: benchmarks.Unresolved, reason: benchmarks.ReasonLogNotGradable, by: "git apply --verbose", sandbox: true},
		{name: "results that the exit code contradicts", patch: edit("TWO FAKE"), rules: benchmarks.V5, verdict: benchmarks.Unresolved, reason: benchmarks.ReasonLogNotGradable, by: "git apply --verbose", sandbox: true},
		{name: "empty", patch: patch(""), verdict: benchmarks.Unresolved, reason: benchmarks.ReasonEmptyPatch},
		{name: "none", verdict: benchmarks.Unresolved, reason: benchmarks.ReasonEmptyPatch},
		{name: "empty and run", patch: patch(""), runs: true, verdict: benchmarks.Unresolved, reason: benchmarks.ReasonTestsFailed, sandbox: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			lab, evaluator := newLab(t)
			evaluator.Rules, evaluator.RunEmpty = test.rules, test.runs
			if test.timeout > 0 {
				evaluator.Timeout = test.timeout
			}
			prediction := benchmarks.Prediction{ID: "a-1", Patch: test.patch}
			got, err := evaluator.Grade(t.Context(), task("a-1"), "set", prediction)
			require.NoError(t, err)
			require.Equal(t, test.verdict, got.Verdict, got.Detail)
			require.Equal(t, test.reason, got.Reason)
			require.Equal(t, test.by, got.AppliedBy)
			if test.sandbox {
				require.Equal(t, 1, lab.launched)
			} else {
				require.Zero(t, lab.launched)
			}
			require.Equal(t, lab.launched, lab.closed)
			require.Empty(t, lab.warnings)

			again, err := evaluator.Grade(t.Context(), task("a-1"), "set", prediction)
			require.NoError(t, err)
			require.True(t, again.Reused)
			require.Equal(t, lab.launched, lab.closed)
			again.Reused = false
			require.Equal(t, got, again)
		})
	}
}

func TestEvaluationIsKeptInSWEBenchsForm(t *testing.T) {
	_, evaluator := newLab(t)
	evaluator.Attempt = 2
	right := edit("TWO")
	result, err := evaluator.Grade(t.Context(), task("a-1"), "set", benchmarks.Prediction{ID: "a-1", Patch: right})
	require.NoError(t, err)
	require.Equal(t, filepath.Join(evaluator.Dir, "evaluation", "set", "a-1", "2"), result.Dir)

	kept, err := os.ReadFile(filepath.Join(result.Dir, "patch.diff"))
	require.NoError(t, err)
	require.Equal(t, *right, string(kept))
	log, err := os.ReadFile(filepath.Join(result.Dir, "test_output.txt"))
	require.NoError(t, err)
	require.Contains(t, string(log), "+ : '>>>>> Start Test Output'\n")

	data, err := os.ReadFile(filepath.Join(result.Dir, "report.json"))
	require.NoError(t, err)
	var report map[string]map[string]any
	require.NoError(t, json.Unmarshal(data, &report))
	own, ok := report["a-1"]["apprentice"].(map[string]any)
	require.True(t, ok)
	require.Equal(t, "resolved", own["verdict"])
	require.Equal(t, "sha256:1", own["image"])
	delete(report["a-1"], "apprentice")
	require.Equal(t, map[string]any{
		"patch_is_None": false, "patch_exists": true, "patch_successfully_applied": true, "resolved": true,
		"tests_status": map[string]any{
			"FAIL_TO_PASS": map[string]any{"success": []any{"test_two"}, "failure": []any{}},
			"PASS_TO_PASS": map[string]any{"success": []any{"test_lines"}, "failure": []any{}},
			"FAIL_TO_FAIL": map[string]any{"success": []any{}, "failure": []any{}},
			"PASS_TO_FAIL": map[string]any{"success": []any{}, "failure": []any{}},
		},
	}, report["a-1"])
}

func TestWorkIsRepeatedWhenItIsNotTheSame(t *testing.T) {
	changes := []struct {
		name   string
		change func(*benchmarks.Evaluator, *env.Task, *benchmarks.Prediction)
		again  bool
	}{
		{"nothing", func(*benchmarks.Evaluator, *env.Task, *benchmarks.Prediction) {}, false},
		{"the model's name", func(_ *benchmarks.Evaluator, _ *env.Task, p *benchmarks.Prediction) { p.Model = "other" }, false},
		{"a longer timeout", func(e *benchmarks.Evaluator, _ *env.Task, _ *benchmarks.Prediction) { e.Timeout *= 2 }, false},
		{"the patch", func(_ *benchmarks.Evaluator, _ *env.Task, p *benchmarks.Prediction) { p.Patch = edit("TWO!") }, true},
		{"the rules", func(e *benchmarks.Evaluator, _ *env.Task, _ *benchmarks.Prediction) { e.Rules = benchmarks.V5 }, true},
		{"the tests", func(_ *benchmarks.Evaluator, t *env.Task, _ *benchmarks.Prediction) { t.EvalScript += "true\n" }, true},
		{"the image", func(e *benchmarks.Evaluator, _ *env.Task, _ *benchmarks.Prediction) {
			e.Image = func(context.Context, string) (string, error) { return "sha256:2", nil }
		}, true},
		{"the attempt", func(e *benchmarks.Evaluator, _ *env.Task, _ *benchmarks.Prediction) { e.Attempt = 2 }, true},
		{"a torn report", func(e *benchmarks.Evaluator, _ *env.Task, _ *benchmarks.Prediction) {
			path := filepath.Join(e.Dir, "evaluation/set/a-1/1/report.json")
			data, err := os.ReadFile(path)
			if err == nil {
				_ = os.WriteFile(path, data[:len(data)/2], 0o644)
			}
		}, true},
	}
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			lab, evaluator := newLab(t)
			theTask, prediction := task("a-1"), benchmarks.Prediction{ID: "a-1", Patch: edit("TWO")}
			_, err := evaluator.Grade(t.Context(), theTask, "set", prediction)
			require.NoError(t, err)
			c.change(evaluator, &theTask, &prediction)
			result, err := evaluator.Grade(t.Context(), theTask, "set", prediction)
			require.NoError(t, err)
			require.Equal(t, c.again, !result.Reused)
			require.Equal(t, c.again, lab.launched == 2)
		})
	}
}

func TestATimeoutIsRepeatedWithMoreTime(t *testing.T) {
	lab, evaluator := newLab(t)
	evaluator.Timeout = 200 * time.Millisecond
	prediction := benchmarks.Prediction{ID: "a-1", Patch: edit("SLEEP")}
	for _, want := range []int{1, 1, 2} {
		result, err := evaluator.Grade(t.Context(), task("a-1"), "set", prediction)
		require.NoError(t, err)
		require.Equal(t, benchmarks.ReasonTimeout, result.Reason)
		require.Equal(t, want, lab.launched)
		log, err := os.ReadFile(filepath.Join(result.Dir, "test_output.txt"))
		require.NoError(t, err)
		require.Regexp(t, `\n\nTimeout error: 0 seconds exceeded\.$`, string(log))
		if result.Reused {
			evaluator.Timeout = 300 * time.Millisecond
		}
	}
}

func TestInfrastructureIsRetriedAndNeverScored(t *testing.T) {
	broken := fmt.Errorf("starting: %w", sandbox.ErrBroken)
	tests := []struct {
		name     string
		fail     []error
		verdict  benchmarks.Verdict
		launched int
	}{
		{"gone the next time", []error{broken, sandbox.ErrUnavailable}, benchmarks.Resolved, 3},
		{"there each time", []error{broken, broken, broken, broken}, benchmarks.InfrastructureFailure, 3},
		{"no image", []error{sandbox.ErrNoImage}, benchmarks.InfrastructureFailure, 1},
		{"something else", []error{errors.New("out of inodes")}, benchmarks.InfrastructureFailure, 1},
		{"no toolchain", []error{&env.MissingProgramError{Program: "go"}}, benchmarks.Skipped, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			lab, evaluator := newLab(t)
			evaluator.Retries = 2
			lab.fail = test.fail
			suite := benchmarks.Suite{Name: "s", Tasks: []env.Task{task("a-1")}}
			right := []benchmarks.Prediction{{ID: "a-1", Patch: edit("TWO")}}
			results, err := evaluator.Run(t.Context(), suite, "set", right)
			require.NoError(t, err)
			require.Equal(t, test.verdict, results[0].Verdict)
			require.Equal(t, test.launched, lab.launched)
			require.Len(t, lab.warnings, test.launched-1)
			if test.verdict == benchmarks.Resolved {
				return
			}
			require.Equal(t, benchmarks.Rate{}, results.Rate())
			require.NotEmpty(t, results[0].Detail)

			lab.fail = nil
			results, err = evaluator.Run(t.Context(), suite, "set", right)
			require.NoError(t, err)
			require.Equal(t, benchmarks.Resolved, results[0].Verdict, "a failure of the infrastructure is not kept")
		})
	}
}

func TestRunGradesASetSideBySide(t *testing.T) {
	lab, evaluator := newLab(t)
	evaluator.Parallel = 4
	suite := benchmarks.Suite{Name: "s"}
	var predictions []benchmarks.Prediction
	for i := range 9 {
		id := fmt.Sprintf("a-%d", i)
		suite.Tasks = append(suite.Tasks, task(id))
		if i < 8 {
			predictions = append(predictions, benchmarks.Prediction{ID: id, Patch: edit([]string{"TWO", "2"}[i%2])})
		}
	}
	results, err := evaluator.Run(t.Context(), suite, "set", predictions)
	require.NoError(t, err)
	require.Len(t, lab.graded, 9)
	for i, r := range results {
		require.Equal(t, suite.Tasks[i].ID, r.Task)
	}
	require.Equal(t, benchmarks.Rate{Resolved: 4, Scored: 9}, results.Rate())
	require.Equal(t, benchmarks.ReasonNoPrediction, results[8].Reason)
}

func TestBadInputIsFoundBeforeAnythingRuns(t *testing.T) {
	tests := []struct {
		name string
		set  string
		edit func(*env.Task, *benchmarks.Prediction)
		want string
	}{
		{"unknown task", "set", func(_ *env.Task, p *benchmarks.Prediction) { p.ID = "A-1" }, `suite s has no task "A-1"; did you mean a-1?`},
		{"unknown parser", "set", func(k *env.Task, _ *benchmarks.Prediction) { k.LogParser = "x" }, `task a-1: no log parser is called "x"`},
		{"no script", "set", func(k *env.Task, _ *benchmarks.Prediction) { k.EvalScript = "" }, "task a-1 has no eval_script"},
		{"set outside the run folder", "../x", func(*env.Task, *benchmarks.Prediction) {}, `"../x" cannot be the name of a set`},
		{"task outside the run folder", "set", func(k *env.Task, p *benchmarks.Prediction) { k.ID, p.ID = "..", ".." }, `".." cannot be the name`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			lab, evaluator := newLab(t)
			theTask, prediction := task("a-1"), benchmarks.Prediction{ID: "a-1", Patch: edit("TWO")}
			test.edit(&theTask, &prediction)
			suite := benchmarks.Suite{Name: "s", Tasks: []env.Task{theTask}}
			_, err := evaluator.Run(t.Context(), suite, test.set, []benchmarks.Prediction{prediction})
			require.ErrorContains(t, err, test.want)
			require.Zero(t, lab.launched)
		})
	}
}

func TestAFolderThatCannotBeWrittenEndsTheRun(t *testing.T) {
	_, evaluator := newLab(t)
	require.NoError(t, os.WriteFile(filepath.Join(evaluator.Dir, "evaluation"), nil, 0o644))
	suite := benchmarks.Suite{Name: "s", Tasks: []env.Task{task("a-1")}}
	_, err := evaluator.Run(t.Context(), suite, "set", []benchmarks.Prediction{{ID: "a-1", Patch: edit("TWO")}})
	require.ErrorContains(t, err, "keeping an evaluation")
}

func TestCancellingEndsARunAndClosesItsSandboxes(t *testing.T) {
	lab, evaluator := newLab(t)
	ctx, cancel := context.WithCancel(t.Context())
	launch := evaluator.Launch
	evaluator.Launch = func(ctx context.Context, task env.Task) (benchmarks.Environment, error) {
		defer cancel()
		return launch(ctx, task)
	}
	suite := benchmarks.Suite{Name: "s", Tasks: []env.Task{task("a-1"), task("a-2")}}
	_, err := evaluator.Run(ctx, suite, "set", []benchmarks.Prediction{{ID: "a-1", Patch: edit("SLEEP")}, {ID: "a-2", Patch: edit("SLEEP")}})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, lab.launched, lab.closed)
	require.Empty(t, lab.graded)
}

func TestWhatWasNotRecordedIsNotScored(t *testing.T) {
	lab, evaluator := newLab(t)
	suite := benchmarks.Suite{Name: "s", Tasks: []env.Task{task("a-1"), task("a-2"), task("a-3")}}
	path := filepath.Join(t.TempDir(), "mine.jsonl")
	require.NoError(t, benchmarks.WritePredictions(path, []benchmarks.Prediction{
		{ID: "a-1", Patch: edit("TWO")},
		{ID: "a-2", Missing: &benchmarks.Missing{Status: benchmarks.MissingInfrastructure, Detail: "the daemon was gone"}},
		{ID: "a-3", Missing: &benchmarks.Missing{Status: benchmarks.MissingSkipped, Detail: "no program go"}},
	}))
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	predictions, err := benchmarks.ReadPredictions(path, f)
	require.NoError(t, err)

	results, err := evaluator.Run(t.Context(), suite, "set", predictions)
	require.NoError(t, err)
	require.Equal(t, 1, lab.launched)
	require.Len(t, lab.graded, 3)
	require.Equal(t, benchmarks.Rate{Resolved: 1, Scored: 1}, results.Rate())
	require.Equal(t, benchmarks.Evaluation{Task: "a-2", Verdict: benchmarks.InfrastructureFailure, Detail: "the daemon was gone"}, results[1])
	require.Equal(t, benchmarks.Evaluation{Task: "a-3", Verdict: benchmarks.Skipped, Detail: "no program go"}, results[2])

	// When it was recorded after all, it is graded.
	results, err = evaluator.Run(t.Context(), suite, "set", benchmarks.Merge(predictions, []benchmarks.Prediction{{ID: "a-2", Patch: edit("2")}}))
	require.NoError(t, err)
	require.Equal(t, benchmarks.Rate{Resolved: 1, Scored: 2}, results.Rate())
}

func TestBadInputIsToldBeforeAnythingRuns(t *testing.T) {
	with := func(change func(*env.Task)) []env.Task {
		bad := task("a-2")
		change(&bad)
		return []env.Task{task("a-1"), bad}
	}
	tests := []struct {
		name  string
		set   string
		tasks []env.Task
		says  string
	}{
		{"set that is no folder", "a/b", with(func(*env.Task) {}), "name of a folder"},
		{"task that is no folder", "set", with(func(t *env.Task) { t.ID = "../a" }), "name of a folder"},
		{"task twice", "set", with(func(t *env.Task) { t.ID = "a-1" }), "given twice"},
		{"no script", "set", with(func(t *env.Task) { t.EvalScript = "" }), "no eval_script"},
		{"no such parser", "set", with(func(t *env.Task) { t.LogParser = "parse_log_nobody" }), "parse_log_nobody"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			lab, evaluator := newLab(t)
			_, err := evaluator.Run(t.Context(), benchmarks.Suite{Name: "s", Tasks: test.tasks}, test.set, []benchmarks.Prediction{{ID: "a-1", Patch: edit("TWO")}})
			var input *benchmarks.InputError
			require.ErrorAs(t, err, &input)
			require.ErrorContains(t, err, test.says)
			require.Zero(t, lab.launched)
		})
	}
}
