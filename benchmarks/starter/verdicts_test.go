package starter_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/benchmarks"
	"github.com/apprentice-rl/apprentice/benchmarks/starter"
	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/local"
	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
)

// TestTasksTellRightFromWrong grades the gold, the empty and the wrong patches
// in local sandboxes, the gold ones by the rules of both releases.
func TestTasksTellRightFromWrong(t *testing.T) {
	if testing.Short() {
		t.Skip("grades the whole suite several times")
	}
	driver, err := local.New(local.Options{Guest: sandboxtest.Guest(t)})
	if errors.Is(err, sandbox.ErrUnavailable) {
		sandboxtest.Missing(t, "local", err.Error())
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, driver.Close()) })
	suite, err := starter.Suite()
	require.NoError(t, err)
	wrong, err := starter.Wrong()
	require.NoError(t, err)
	var gold, empty []benchmarks.Prediction
	for _, task := range suite.Tasks {
		nothing := ""
		gold = append(gold, benchmarks.Prediction{ID: task.ID, Model: "gold", Patch: &task.Patch})
		empty = append(empty, benchmarks.Prediction{ID: task.ID, Model: "empty", Patch: &nothing})
	}

	launcher := &env.Launcher{Driver: driver, Run: "starter-test"}
	for _, rules := range []benchmarks.Rules{benchmarks.V4, benchmarks.V5} {
		evaluator := &benchmarks.Evaluator{
			Launch: benchmarks.From(launcher), Image: driver.Resolve, Dir: t.TempDir(),
			Rules: rules, Parallel: 2, RunEmpty: true,
		}
		grade := func(set string, predictions []benchmarks.Prediction, check func(*testing.T, env.Task, benchmarks.Evaluation)) {
			results, err := evaluator.Run(context.Background(), suite, set, predictions)
			require.NoError(t, err)
			for i, result := range results {
				t.Run(string(rules)+"/"+set+"/"+result.Task, func(t *testing.T) {
					if result.Verdict == benchmarks.Skipped {
						sandboxtest.Missing(t, "toolchain", result.Detail)
					}
					require.True(t, result.Verdict.Scored(), result.Detail)
					check(t, suite.Tasks[i], result)
				})
			}
		}
		grade("gold", gold, func(t *testing.T, task env.Task, e benchmarks.Evaluation) {
			require.Equal(t, benchmarks.Resolved, e.Verdict, "%s: %v", e.Dir, e.Grade)
			require.Equal(t, task.FailToPass, e.Grade.FailToPass.Success)
			require.Equal(t, task.PassToPass, e.Grade.PassToPass.Success)
		})
		if rules == benchmarks.V5 {
			continue // which differs in how it runs the script, not in what these sets show
		}
		grade("empty", empty, func(t *testing.T, task env.Task, e benchmarks.Evaluation) {
			require.Equal(t, benchmarks.ReasonTestsFailed, e.Reason, e.Dir)
			require.Equal(t, task.FailToPass, e.Grade.FailToPass.Failure)
			require.Equal(t, task.PassToPass, e.Grade.PassToPass.Success)
		})
		grade("wrong", wrong, func(t *testing.T, _ env.Task, e benchmarks.Evaluation) {
			require.Equal(t, benchmarks.ReasonTestsFailed, e.Reason, e.Dir)
			require.NotEmpty(t, e.Grade.FailToPass.Failure)
			require.Equal(t, "git apply --verbose", e.AppliedBy)
		})
	}
}
