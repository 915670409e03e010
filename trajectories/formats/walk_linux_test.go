package formats_test

import (
	"os"
	"path/filepath"
	"runtime"
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
	dir := t.TempDir()
	closed, hidden := filepath.Join(dir, "a.json"), filepath.Join(dir, "b")
	require.NoError(t, os.WriteFile(closed, []byte("{}"), 0))
	require.NoError(t, os.Mkdir(hidden, 0))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "c.json"), nil, 0o644))
	asOrdinaryUser(t, dir)
	refused := map[string]string{}
	for r, err := range formats.Import(t.Context(), []string{dir}, formats.Options{KeepGoing: true, To: &formats.Collector{}}) {
		require.NoError(t, err)
		refused[r.File] = r.Refused
	}
	require.Len(t, refused, 3)
	require.Contains(t, refused[closed], "permission denied")
	require.Contains(t, refused[hidden], "permission denied")
}

// asOrdinaryUser has the rest of the test open files as somebody who may not do
// everything, where the test runs as root. The folder stays open to them.
func asOrdinaryUser(t *testing.T, dir string) {
	t.Helper()
	if unix.Geteuid() != 0 {
		return
	}
	const nobody = 65534
	for _, d := range []string{dir, filepath.Dir(dir)} {
		require.NoError(t, os.Chmod(d, 0o755))
	}
	runtime.LockOSThread() // of which alone it holds
	require.NoError(t, unix.Setfsuid(nobody))
	t.Cleanup(func() {
		require.NoError(t, unix.Setfsuid(0))
		runtime.UnlockOSThread()
	})
}
