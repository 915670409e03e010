package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/store"
)

var _ formats.Source = (*store.Log)(nil)

func keep(t *testing.T, dir string, ids ...string) {
	t.Helper()
	w := open(t, dir).Writer()
	for _, id := range ids {
		require.NoError(t, w.Begin(header(id)))
		require.NoError(t, w.Turn(trajectories.Turn{N: 1, Message: "I look."}))
		require.NoError(t, w.End(trajectories.End{Status: trajectories.ExitSubmitted}))
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	run, folder, empty := filepath.Join(dir, "run"), filepath.Join(dir, "folder"), filepath.Join(dir, "empty")
	keep(t, filepath.Join(run, "trajectories"), "b.1", "a.1")
	keep(t, folder, "c.1")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "d.1.jsonl"), []byte(`{"type":"turn","n":1}`+"\n"), 0o600))
	require.NoError(t, os.Mkdir(empty, 0o700))

	var ids []string
	var errs []error
	for l, err := range store.Find(run, folder, empty, filepath.Join(folder, "c.1.jsonl"), filepath.Join(dir, "none")) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		ids = append(ids, l.Header().ID)
		var turns int
		for e, err := range l.Events() {
			require.NoError(t, err)
			require.Nil(t, e.Header)
			if e.Turn != nil {
				turns++
			}
		}
		require.Equal(t, 1, turns)
		whole, err := l.Read()
		require.NoError(t, err)
		require.Equal(t, l.Header(), whole.Header)
	}
	require.Equal(t, []string{"a.1", "b.1", "c.1", "c.1"}, ids)
	require.Len(t, errs, 3)
	var broken *trajectories.EventError
	require.ErrorAs(t, errs[0], &broken)
	require.Equal(t, filepath.Join(folder, "d.1.jsonl"), broken.File)
	var none *store.EmptyError
	require.ErrorAs(t, errs[1], &none)
	require.Equal(t, empty, none.Dir)
	require.ErrorIs(t, errs[2], os.ErrNotExist)
}
