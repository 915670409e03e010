package store

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnIndexThatCannotBeWrittenLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	w := newIndexWriter(dir)
	require.NotNil(t, w)
	require.NoError(t, w.pending.Close())
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	w.pending = full
	w.write(nil)
	w.close()
	require.NoFileExists(t, filepath.Join(dir, indexPending))
	require.NoFileExists(t, filepath.Join(dir, indexFile))
}
