package redact_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories/redact"
)

func TestAFolderHasOneKeyWhoeverMakesIt(t *testing.T) {
	dir := t.TempDir()
	_, err := redact.ReadKey(dir)
	require.ErrorIs(t, err, os.ErrNotExist)

	keys := make([][]byte, 16)
	errs := make([]error, len(keys))
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() { keys[i], errs[i] = redact.FolderKey(dir) })
	}
	all.Wait()
	for i := range keys {
		require.NoError(t, errs[i])
		require.Equal(t, keys[0], keys[i])
	}
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 1, "nothing else is left")
	st, err := os.Stat(filepath.Join(dir, redact.KeyFile))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), st.Mode())
	require.ErrorIs(t, redact.WriteKey(dir, keys[0]), os.ErrExist)

	other, err := redact.FolderKey(t.TempDir())
	require.NoError(t, err)
	require.NotEqual(t, keys[0], other)
}

func TestADamagedKeyIsNotMadeAnew(t *testing.T) {
	for name, text := range map[string]string{"empty": "", "short": "abcd\n", "no number": "the key is under the mat, as it always was\n"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, redact.KeyFile), []byte(text), 0o600))
			_, err := redact.FolderKey(dir)
			require.ErrorContains(t, err, redact.KeyFile+" is damaged: put the right one back")
		})
	}
}
