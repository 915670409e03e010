package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/trajectories/store"
)

// Opening a pipe waits for a writer, and a device may never end.
func TestWhatIsNoRegularFileIsNoLog(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	require.NoError(t, unix.Mkfifo(pipe, 0o600))
	for _, name := range []string{"a.jsonl", "b.jsonl.zst"} {
		require.NoError(t, os.Symlink(pipe, filepath.Join(dir, name)))
	}
	require.NoError(t, os.Symlink("/dev/zero", filepath.Join(dir, "c.jsonl")))
	require.NoError(t, os.Symlink(filepath.Join(dir, "nothing"), filepath.Join(dir, "d.jsonl")))
	for _, path := range []string{dir, pipe, filepath.Join(dir, "c.jsonl")} {
		for l, err := range store.Find(path) {
			require.Nil(t, l)
			require.Error(t, err)
			var irregular *store.IrregularError
			require.Equal(t, path != dir, errors.As(err, &irregular), path)
		}
		for _, err := range store.Summaries(t.Context(), path) {
			require.Error(t, err)
		}
	}
}
