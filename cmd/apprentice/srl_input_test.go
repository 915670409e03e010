package main

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Whoever waits for standard input ends with the first Ctrl-C.
func TestWaitingForInputIsInterrupted(t *testing.T) {
	for _, args := range [][]string{{"score", "--pairs", "-"}, {"stats", "-"}, {"stats", "--scored", "-"}} {
		cmd := exec.CommandContext(t.Context(), "apprentice", append([]string{"srl"}, args...)...)
		in, err := cmd.StdinPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		// The command takes the line, and only then does its writer go on.
		_, err = io.WriteString(in, strings.Repeat(" ", 1<<20))
		require.NoError(t, err)
		require.NoError(t, cmd.Process.Signal(os.Interrupt))
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case err := <-ended:
			require.Error(t, err)
		case <-time.After(20 * time.Second):
			t.Fatal(args, "it waits on")
		}
		require.Equal(t, exitInterrupted, cmd.ProcessState.ExitCode())
		_, err = io.WriteString(in, "more")
		require.Error(t, err)
	}
}
