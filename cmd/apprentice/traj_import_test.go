package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
	"github.com/apprentice-rl/apprentice/trajectories/store"
	"github.com/apprentice-rl/apprentice/trajectories/summary"
)

// rowOfMessages is a trajectory as other programs have it.
func rowOfMessages(id string) string {
	return `{"instance_id": "` + id + `", "messages": [{"role": "user", "content": "Mend it."},` +
		` {"role": "assistant", "content": "", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "bash", "arguments": "{\"command\": \"ls\"}"}}]},` +
		` {"role": "tool", "tool_call_id": "c1", "content": "a"}]}` + "\n"
}

// TestAKilledImportGoesOn kills an import in the middle. The same command
// imports the rest, and nothing twice.
func TestAKilledImportGoesOn(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	first, second := filepath.Join(dir, "1.jsonl"), filepath.Join(dir, "2.jsonl")
	require.NoError(t, os.WriteFile(first, []byte(rowOfMessages("a")+rowOfMessages("b")), 0o600))
	require.NoError(t, unix.Mkfifo(second, 0o600)) // the import waits here for somebody who writes

	self, err := os.Executable()
	require.NoError(t, err)
	cmd := &exec.Cmd{Path: self, Args: []string{"apprentice", "traj", "import", first, second, "--out", out}}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(out, "b.1.jsonl"))
		return err == nil
	}, time.Minute, 5*time.Millisecond)
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	partial := filepath.Join(out, ".partial-LEFT")
	require.NoError(t, os.WriteFile(partial, []byte(`{"type":"header"`), 0o600))

	require.NoError(t, os.Remove(second))
	require.NoError(t, os.WriteFile(second, []byte(rowOfMessages("a")+rowOfMessages("c")), 0o600))
	for range 2 {
		require.Equal(t, exitDone, command(t, "traj", "import", first, second, "--out", out))
		var ids []string
		for l, err := range store.Find(out) {
			require.NoError(t, err)
			ids = append(ids, l.Header().ID)
		}
		require.Equal(t, []string{"a.1", "a.2", "b.1", "c.1"}, ids)
		require.NoFileExists(t, partial)
	}
}

// TestRealTrajectories imports what other programs have recorded twice, and
// packs it: the reports say the same, and nothing is there twice.
func TestRealTrajectories(t *testing.T) {
	data := os.Getenv("APPRENTICE_TESTDATA")
	if data == "" {
		sandboxtest.Missing(t, "testdata", "APPRENTICE_TESTDATA names no folder with real trajectories")
	}
	out, archive := t.TempDir(), filepath.Join(t.TempDir(), "all.jsonl.zst")
	report := func() (all []map[string]any) {
		var stdout bytes.Buffer
		code := run([]string{"traj", "import", filepath.Join(data, "trajectories"), "--out", out, "--keep-going", "--json"}, nil, &stdout, io.Discard)
		require.Equal(t, exitDone, code)
		require.NoError(t, json.Unmarshal(stdout.Bytes(), &all))
		return all
	}
	first, second := report(), report()
	require.Len(t, second, len(first))
	imported := 0
	for i, r := range second {
		require.NotContains(t, first[i], "kept")
		n := r["trajectories"].(float64)
		require.Equal(t, n == 0, r["refused"] != nil, r["file"])
		if n > 0 {
			imported += int(n)
			require.Equal(t, n, r["kept"])
		}
		delete(r, "kept")
		require.Equal(t, first[i], r)
	}
	require.Positive(t, imported)

	require.Equal(t, exitDone, command(t, "traj", "pack", out, "--out", archive))
	packed := map[string]summary.Summary{}
	for e, err := range store.Summaries(t.Context(), archive) {
		require.NoError(t, err)
		packed[e.ID] = e.Summary
	}
	require.Len(t, packed, imported)
	for e, err := range store.Summaries(t.Context(), out) {
		require.NoError(t, err)
		require.Equal(t, packed[e.ID], e.Summary)
	}
}
