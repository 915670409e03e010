package store_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/store"
)

var _ formats.Sink = (*store.Writer)(nil)

func open(t testing.TB, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func header(id string) trajectories.Header {
	return trajectories.Header{ID: id, Task: trajectories.Task{ID: "task", ProblemStatement: "Mend it."}}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestALogGetsItsNameWhenItIsWhole(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	s := open(t, dir)
	w := s.Writer()
	require.NoError(t, w.Begin(header("task.1")))
	require.NoError(t, w.Turn(trajectories.Turn{N: 1, Message: "I look."}))
	require.False(t, s.Has("task.1"))
	found, err := trajectories.List(dir)
	require.NoError(t, err)
	require.Empty(t, found)
	require.NoError(t, w.End(trajectories.End{Status: trajectories.ExitSubmitted, Patch: "diff"}))

	require.True(t, s.Has("task.1"))
	require.Equal(t, []string{"task.1.jsonl"}, names(t, dir))
	got, err := trajectories.Read(filepath.Join(dir, "task.1.jsonl"))
	require.NoError(t, err)
	require.Equal(t, "I look.", got.Turns[0].Message)
	require.Equal(t, "diff", got.End.Patch)
}

func TestWhatDoesNotEndLeavesNothing(t *testing.T) {
	for name, spoil := range map[string]func(*store.Writer) error{
		"it is discarded":             func(w *store.Writer) error { w.Discard(); w.Discard(); return nil },
		"an event is out of its turn": func(w *store.Writer) error { return w.Turn(trajectories.Turn{N: 7}) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			w := open(t, dir).Writer()
			require.NoError(t, w.Begin(header("task.1")))
			err := spoil(w)
			require.Equal(t, name != "it is discarded", err != nil)
			require.Empty(t, names(t, dir))
			require.Error(t, w.End(trajectories.End{}), "there is none that could end")
			require.NoError(t, w.Begin(header("task.1")), "another may begin")
			require.NoError(t, w.End(trajectories.End{Status: trajectories.ExitSubmitted}))
		})
	}
}

func TestANameThatIsThereStays(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	write := func(patch string) error {
		w := s.Writer()
		require.NoError(t, w.Begin(header("task.1")))
		return w.End(trajectories.End{Status: trajectories.ExitSubmitted, Patch: patch})
	}
	require.NoError(t, write("first"))
	require.ErrorIs(t, write("second"), fs.ErrExist)
	got, err := trajectories.Read(filepath.Join(dir, "task.1.jsonl"))
	require.NoError(t, err)
	require.Equal(t, "first", got.End.Patch)
	require.Equal(t, []string{"task.1.jsonl"}, names(t, dir))
}

func TestIDsThatAreNoNames(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir).Writer()
	for _, id := range []string{"", ".", "..", ".hidden", "a/b", "/etc/passwd", "../up", `a\b`, "a\x00b"} {
		require.Error(t, w.Begin(header(id)), "%q", id)
	}
	require.Empty(t, names(t, dir))
}

func TestManyWriteAtOnce(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	const writers, each = 8, 20
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			w := s.Writer()
			for j := range each {
				if errs[i] = w.Begin(header(fmt.Sprintf("task-%d.%d", i, j))); errs[i] != nil {
					return
				}
				if errs[i] = w.End(trajectories.End{Status: trajectories.ExitSubmitted}); errs[i] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	found, err := trajectories.List(dir)
	require.NoError(t, err)
	require.Len(t, found, writers*each)
}
