package oracle_test

import (
	"os"
	"path/filepath"
	"regexp"
	gotesting "testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/agent"
	"github.com/apprentice-rl/apprentice/agent/oracle"
	"github.com/apprentice-rl/apprentice/agent/replay"
	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/env/gitrepo"
	"github.com/apprentice-rl/apprentice/sandbox/local"
	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
	"github.com/apprentice-rl/apprentice/trajectories"
)

// In real sandboxes, through the real tools: the expert's patch is the gold
// patch to the byte, and its recording can be acted again without a difference.
func TestItsPatchIsTheGoldPatch(t *gotesting.T) {
	const gold = `diff --git a/pager/page.go b/pager/page.go
index 8f3a26c..e3a1d5d 100644
--- a/pager/page.go
+++ b/pager/page.go
@@ -2,5 +2,8 @@ package pager
 
 // Last is the number of the last page of n items.
 func Last(n, size int) int {
-	return n / size
+	if n == 0 {
+		return 1
+	}
+	return (n + size - 1) / size
 }
`
	repo, hashes, err := gitrepo.Build([]gitrepo.Commit{{
		Author: gitrepo.Author{Name: "Ada Example", Email: "ada@example.org"}, Message: "pager: first version",
		When: time.Date(2023, 3, 1, 10, 0, 0, 0, time.UTC),
		Write: map[string]string{
			"README.md":     "# pager\n",
			"pager/page.go": "package pager\n\n// Last is the number of the last page of n items.\nfunc Last(n, size int) int {\n\treturn n / size\n}\n",
		},
	}})
	require.NoError(t, err)
	task := env.Task{
		ID: "toy__pager-1", Repo: "toy/pager", BaseCommit: hashes[0], Repository: repo, Patch: gold,
		ProblemStatement: "Last(11, 10) is 1, but there is a second page.", TestCommand: "echo all tests pass",
	}

	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755)) // the user inside passes through
	driver, err := local.New(local.Options{Dir: dir, Guest: sandboxtest.Guest(t)})
	require.NoError(t, err)
	defer func() { require.NoError(t, driver.Close()) }()
	record := func(name string, policy agent.Factory) *trajectories.Trajectory {
		r := agent.Recorder{
			Launcher:  agent.Sandboxes{Launcher: &env.Launcher{Driver: driver, Run: name}},
			NewPolicy: policy, Dir: filepath.Join(dir, name), Run: name, Parallel: 1, Limits: agent.DefaultLimits(),
		}
		results, err := r.Record(t.Context(), []env.Task{task})
		require.NoError(t, err)
		require.NoError(t, results[0].Err)
		require.Empty(t, results[0].Skipped)
		got, err := trajectories.Read(results[0].Path)
		require.NoError(t, err)
		return got
	}

	first := record("first", oracle.New)
	require.Equal(t, trajectories.ExitSubmitted, first.End.Status)
	require.Equal(t, withoutIndex(gold), withoutIndex(first.End.Patch))
	requireHonest(t, first, task)
	require.Equal(t, "local", first.Header.Sandbox.Driver)

	again := record("again", func(env.Task) (agent.Policy, error) { return replay.New(first), nil })
	require.Empty(t, replay.Compare(first, again))
	require.Equal(t, first.End.Patch, again.End.Patch)
}

// withoutIndex leaves out the lines with blob hashes.
func withoutIndex(patch string) string {
	return regexp.MustCompile(`(?m)^index .*\n`).ReplaceAllString(patch, "")
}
