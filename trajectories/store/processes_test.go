package store_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/store"
)

// The test binary is another process of the store's when it is told so.
const (
	roleVariable = "APPRENTICE_TEST_ROLE" // "write", "read" or "hold"
	dirVariable  = "APPRENTICE_TEST_DIR"
	nameVariable = "APPRENTICE_TEST_NAME"
)

const perWriter = 60

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := play(role, os.Getenv(dirVariable), os.Getenv(nameVariable)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func play(role, dir, name string) error {
	s, err := store.Open(dir)
	if err != nil {
		return err
	}
	switch role {
	case "write":
		for i := range perWriter {
			if err := add(s.Writer(), fmt.Sprintf("%s.%d", name, i)); err != nil {
				return err
			}
		}
	case "read":
		return readUntil(s, 3*perWriter)
	case "hold":
		w := s.Writer()
		if err := w.Begin(trajectories.Header{ID: name}); err != nil {
			return err
		}
		release, err := s.Lock(context.Background(), func() {})
		if err != nil {
			return err
		}
		defer release()
		fmt.Println("holding")
		_, _ = fmt.Scanln() // until it is killed
	}
	return nil
}

func add(w *store.Writer, id string) error {
	if err := w.Begin(trajectories.Header{ID: id, Notes: strings.Repeat("x", 10_000)}); err != nil {
		return err
	}
	for n := 1; n <= 10; n++ {
		if err := w.Turn(trajectories.Turn{N: n, Message: "I look."}); err != nil {
			return err
		}
	}
	return w.End(trajectories.End{Status: trajectories.ExitSubmitted})
}

// readUntil lists the store until it holds so many logs. Each must be whole,
// and none may be gone the next time.
func readUntil(s *store.Store, logs int) error {
	for before := 0; before < logs; {
		now := 0
		for e, err := range s.Summaries(context.Background()) {
			if err != nil {
				return err
			}
			if e.Turns != 10 || e.Status != trajectories.ExitSubmitted {
				return fmt.Errorf("%s is not whole", e.Name())
			}
			now++
		}
		if now < before {
			return fmt.Errorf("there were %d logs, and now there are %d", before, now)
		}
		before = now
	}
	return nil
}

// another starts another process.
func another(t *testing.T, role, dir, name string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, dirVariable+"="+dir, nameVariable+"="+name)
	return cmd
}

func TestProcessesWriteAndReadAtTheSameTime(t *testing.T) {
	dir := t.TempDir()
	var all []*exec.Cmd
	var outputs []*strings.Builder
	for _, p := range [][2]string{{"read", ""}, {"write", "a"}, {"write", "b"}, {"read", ""}, {"write", "c"}} {
		cmd := another(t, p[0], dir, p[1])
		out := &strings.Builder{}
		cmd.Stdout, cmd.Stderr = out, out
		require.NoError(t, cmd.Start())
		all, outputs = append(all, cmd), append(outputs, out)
	}
	for i, cmd := range all {
		err := cmd.Wait()
		require.NoError(t, err, outputs[i].String())
	}
	lines, errs := listed(t, dir)
	require.Empty(t, errs)
	require.Len(t, lines, 3*perWriter)
}

func TestWhatAKilledWriterLeavesIsSweptAway(t *testing.T) {
	dir := t.TempDir()
	cmd := another(t, "hold", dir, "x.1")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	defer func() { _ = in.Close() }()
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "holding\n", line)

	s := open(t, dir)
	require.NoError(t, s.Sweep())
	partial, err := filepath.Glob(filepath.Join(dir, ".partial-*"))
	require.NoError(t, err)
	require.Len(t, partial, 1, "its writer lives")

	ctx, cancel := context.WithCancel(t.Context())
	_, err = s.Lock(ctx, cancel) // who waits can be stopped
	require.ErrorIs(t, err, context.Canceled)
	waited := false
	release, err := s.Lock(t.Context(), func() {
		waited = true
		_ = cmd.Process.Kill()
	})
	require.NoError(t, err)
	require.True(t, waited)
	require.Error(t, cmd.Wait(), "it was killed")
	require.NoError(t, s.Sweep())
	require.NoFileExists(t, partial[0])
	require.Empty(t, lockedOut(names(t, dir)))

	release()
	release, err = s.Lock(t.Context(), func() { t.Error("nobody holds it") })
	require.NoError(t, err)
	release()
}

// lockedOut leaves out the lock files, which stay.
func lockedOut(names []string) []string {
	var rest []string
	for _, n := range names {
		if !strings.HasSuffix(n, ".lock") {
			rest = append(rest, n)
		}
	}
	return rest
}
