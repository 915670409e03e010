package trajectories_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories"
)

// A file size limit makes a write stop in the middle, as a full disk does.
func TestAWriteThatStopsInTheMiddleIsTakenBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.jsonl")
	w, err := trajectories.Create(path, small().Header)
	require.NoError(t, err)
	defer func() { require.NoError(t, w.Close()) }()
	require.NoError(t, w.Turn(small().Turns[0]))
	before, err := os.ReadFile(path)
	require.NoError(t, err)

	var old syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old))
	limited := old
	limited.Cur = uint64(len(before) + 1000)
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limited))
	big := small().Observations[0]
	big.Text = strings.Repeat("x", 100000)
	failure := w.Observation(big)
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old))

	require.ErrorIs(t, failure, syscall.EFBIG)
	require.ErrorContains(t, failure, path)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(before), string(after))
	// The space may be back, but the lost event is not: the log stays as it is.
	require.ErrorIs(t, w.Observation(small().Observations[0]), syscall.EFBIG)
	got, err := trajectories.Read(path)
	require.NoError(t, err)
	require.Len(t, got.Turns, 1)
	require.False(t, got.Torn)
}

func TestALogCannotBeMadeBelowAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := trajectories.Create(filepath.Join(file, "x.jsonl"), small().Header)
	var we *trajectories.WriteError
	require.ErrorAs(t, err, &we)
	require.ErrorIs(t, err, syscall.ENOTDIR)
}
