package document_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories/document"
)

// A pipe can be read once, and from front to back.
func TestPipesAreSpooled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	written := make(chan error, 1)
	go func() { written <- os.WriteFile(path, zipped(t, small), 0o600) }()
	d, err := document.Open(path, document.Options{Spool: t.TempDir()})
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	require.NoError(t, <-written)
	for range 2 {
		last, ok := only(t, d).Get("last")
		require.True(t, ok)
		text, err := last.String()
		require.NoError(t, err)
		require.Equal(t, "done", text)
	}
}
