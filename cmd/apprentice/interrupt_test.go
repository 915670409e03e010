package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox/guest/program"
	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
	"github.com/apprentice-rl/apprentice/trajectories"
)

// TestInterrupted ends a recording in the middle: nothing is left running,
// nothing recorded is lost, and the same command goes on.
func TestInterrupted(t *testing.T) {
	if _, err := program.Binary(""); err != nil {
		sandboxtest.Missing(t, "guest", err.Error())
	}
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(sig.String(), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			args := []string{"record", "--sandbox", "local", "--run", dir, "--parallel", "1", "--task", "starter__hush-9", "--task", "starter__pantry-22"}
			second := filepath.Join(dir, "trajectories", "starter__pantry-22.1.jsonl")

			// The test binary is apprentice when it is called so; see TestMain.
			self, err := os.Executable()
			require.NoError(t, err)
			var errs bytes.Buffer
			cmd := &exec.Cmd{Path: self, Args: append([]string{"apprentice"}, args...), Stderr: &errs}
			require.NoError(t, cmd.Start())
			t.Cleanup(func() { _ = cmd.Process.Kill() })
			require.Eventually(t, func() bool { // the second episode has begun
				b, err := os.ReadFile(second)
				return err == nil && bytes.Count(b, []byte("\n")) > 3
			}, time.Minute, 5*time.Millisecond)
			guests := childrenOf(t, cmd.Process.Pid)
			require.NotEmpty(t, guests)
			require.Equal(t, exitUser, command(t, args...), "the folder is in use")
			require.NoFileExists(t, second+".interrupted-1")
			require.NoError(t, cmd.Process.Signal(sig))
			_ = cmd.Wait() // its exit code is looked at below
			if sig != syscall.SIGKILL {
				require.Equal(t, exitInterrupted, cmd.ProcessState.ExitCode())
				require.Equal(t, "apprentice: interrupted; what was finished is kept, and the same command goes on from there\n",
					lastLine(errs.String()))
			}
			require.Eventually(t, func() bool {
				for _, pid := range guests {
					if alive(pid) {
						return false
					}
				}
				return true
			}, 10*time.Second, 10*time.Millisecond, "the guests %v are still there", guests)

			first := filepath.Join(dir, "trajectories", "starter__hush-9.1.jsonl")
			before, err := os.ReadFile(first)
			require.NoError(t, err)
			_, err = trajectories.Read(second)
			require.NoError(t, err, "what was recorded can be read")

			require.Equal(t, exitDone, command(t, args...))
			after, err := os.ReadFile(first)
			require.NoError(t, err)
			require.Equal(t, before, after, "the finished episode is kept")
			tr, err := trajectories.Read(second)
			require.NoError(t, err)
			require.NotNil(t, tr.End)
			require.FileExists(t, second+".interrupted-1", "the interrupted one is set aside")
		})
	}
}

func lastLine(s string) string {
	lines := strings.SplitAfter(strings.TrimSuffix(s, "\n"), "\n")
	return lines[len(lines)-1] + "\n"
}

// childrenOf lists the children of a process.
func childrenOf(t *testing.T, pid int) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	require.NoError(t, err)
	var kids []int
	for _, e := range entries {
		n, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n))
		if err == nil && strings.Contains(string(b), fmt.Sprintf("\nPPid:\t%d\n", pid)) {
			kids = append(kids, n)
		}
	}
	return kids
}

func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return err == nil && !strings.Contains(string(b), "\nState:\tZ")
}
