package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/filter"
)

// TestRealTrajectoriesFiltered filters what other programs have recorded by what
// the SWE-bench harness found of it. What is kept is looked up by hand.
func TestRealTrajectoriesFiltered(t *testing.T) {
	data := os.Getenv("APPRENTICE_TESTDATA")
	if data == "" {
		sandboxtest.Missing(t, "testdata", "APPRENTICE_TESTDATA names no folder with real trajectories")
	}
	dir := t.TempDir()
	imported, out := filepath.Join(dir, "imported"), filepath.Join(dir, "out")
	graded := filepath.Join(data, "harness-runs", "verified", "gpt-5-mini")
	require.Equal(t, exitDone, run([]string{"traj", "import", filepath.Join(data, "trajectories"), "--out", imported, "--keep-going"}, nil, io.Discard, io.Discard))
	var stdout bytes.Buffer
	require.Equal(t, exitDone, run([]string{
		"traj", "filter", imported, "--resolved", graded, "--hold-out", "0.3", "--split-by", "repo", "--out", out, "--json",
	}, nil, &stdout, io.Discard))
	var result filter.Result
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &result))
	require.Equal(t, 59, result.Given)
	require.Len(t, result.Train, 6)
	require.Len(t, result.HeldOut, 3)

	held := map[string]bool{}
	for part, names := range map[string][]string{"train": result.Train, "heldout": result.HeldOut} {
		for _, name := range names {
			kept, err := trajectories.Read(filepath.Join(out, part, name+".jsonl"))
			require.NoError(t, err)
			task := kept.Header.Task
			patch, err := os.ReadFile(filepath.Join(graded, task.ID, "patch.diff"))
			require.NoError(t, err)
			require.Equal(t, string(patch), kept.End.Patch)
			raw, err := os.ReadFile(filepath.Join(graded, task.ID, "report.json"))
			require.NoError(t, err)
			var reports map[string]struct{ Resolved bool }
			require.NoError(t, json.Unmarshal(raw, &reports))
			require.True(t, reports[task.ID].Resolved)

			repo := filter.RepositoryOf(task.Repo, task.ID)
			where, seen := held[repo]
			require.True(t, !seen || where == (part == "heldout"), "%s is in both", repo)
			held[repo] = part == "heldout"
		}
	}
}
