package formats_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

// Reading any of these would wait for ever, or go on for ever.
func TestOnlyRegularFilesAreRead(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe.json")
	require.NoError(t, unix.Mkfifo(pipe, 0o600))
	for _, path := range []string{pipe, "/dev/zero"} {
		for _, keepGoing := range []bool{false, true} {
			var reports []formats.Report
			var last error
			for r, err := range formats.Import(t.Context(), []string{path}, formats.Options{KeepGoing: keepGoing, To: &formats.Collector{}}) {
				reports, last = append(reports, r), err
			}
			require.Len(t, reports, 1)
			if keepGoing {
				require.NoError(t, last)
				require.Contains(t, reports[0].Refused, "no regular file")
				continue
			}
			var refused *formats.RefusedError
			require.ErrorAs(t, last, &refused)
		}
	}
}

// A file and a folder that may not be read are two of many.
func TestWhatMayNotBeReadIsReported(t *testing.T) {
	if unix.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	dir := t.TempDir()
	closed, hidden := filepath.Join(dir, "a.json"), filepath.Join(dir, "b")
	require.NoError(t, os.WriteFile(closed, []byte("{}"), 0))
	require.NoError(t, os.Mkdir(hidden, 0))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "c.json"), nil, 0o600))
	refused := map[string]string{}
	for r, err := range formats.Import(t.Context(), []string{dir}, formats.Options{KeepGoing: true, To: &formats.Collector{}}) {
		require.NoError(t, err)
		refused[r.File] = r.Refused
	}
	require.Len(t, refused, 3)
	require.Contains(t, refused[closed], "permission denied")
	require.Contains(t, refused[hidden], "permission denied")
}
