package formatstest

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

// Full checks that an export says so when it cannot be written to its end,
// wherever that is: it is tried with room for each number of bytes that is too
// small, a stride apart.
func Full(t *testing.T, f formats.Format, tr *trajectories.Trajectory, stride int) {
	t.Helper()
	var whole bytes.Buffer
	require.NoError(t, f.Export(formats.Of(tr), &whole))
	require.NotZero(t, whole.Len())
	for left := 0; left < whole.Len(); left += stride {
		require.ErrorIs(t, f.Export(formats.Of(tr), &full{left}), os.ErrClosed, "with room for %d bytes of %d", left, whole.Len())
	}
}

// full fails once it has taken so many bytes.
type full struct{ left int }

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, os.ErrClosed
	}
	return len(p), nil
}
