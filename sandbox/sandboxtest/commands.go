package sandboxtest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
)

func commands(t *testing.T, driver sandbox.Driver) {
	sb := open(t, driver, sandbox.Spec{Env: map[string]string{"FROM_SPEC": "one"}})
	tests := []struct {
		name   string
		cmd    sandbox.Command
		end    sandbox.End
		code   int
		output string
	}{
		{"exit code 0", sh("echo hello"), sandbox.EndExit, 0, "hello\n"},
		{"exit code 3", sh("exit 3"), sandbox.EndExit, 3, ""},
		{"output and errors come as one stream, in order", sh("echo a; echo b >&2; echo c"), sandbox.EndExit, 0, "a\nb\nc\n"},
		{"a signal is not an exit code", sh("kill -SEGV $$"), sandbox.EndSignal, -1, ""},
		{"the environment of the spec", sh("echo $FROM_SPEC"), sandbox.EndExit, 0, "one\n"},
		{"the environment of the command goes first", sandbox.Command{Argv: []string{"bash", "-c", "echo $FROM_SPEC"}, Env: map[string]string{"FROM_SPEC": "two"}}, sandbox.EndExit, 0, "two\n"},
		{"directory", sandbox.Command{Argv: []string{"pwd"}, Dir: "/usr"}, sandbox.EndExit, 0, "/usr\n"},
		{"standard input", sandbox.Command{Argv: []string{"cat"}, Stdin: strings.NewReader("in\x00put")}, sandbox.EndExit, 0, "in\x00put"},
		{"no standard input is an empty one", sandbox.Command{Argv: []string{"cat"}}, sandbox.EndExit, 0, ""},
		{"arguments are not split", sandbox.Command{Argv: []string{"printf", "%s|", "a b", "", "$HOME"}}, sandbox.EndExit, 0, "a b||$HOME|"},
		{"bytes that are no text", sh(`printf '\xff\x00\xfe'`), sandbox.EndExit, 0, "\xff\x00\xfe"},
		{"no such program", sandbox.Command{Argv: []string{"no-such-program"}}, sandbox.EndRefused, -1, ""},
		{"no such directory", sandbox.Command{Argv: []string{"true"}, Dir: "/no/such/dir"}, sandbox.EndRefused, -1, ""},
		{"no program at all", sandbox.Command{}, sandbox.EndRefused, -1, ""},
		{"timeout", sandbox.Command{Argv: []string{"bash", "-c", "echo before; sleep 60"}, Timeout: 200 * time.Millisecond}, sandbox.EndTimeout, -1, "before\n"},
		{"closed output is not the end", sh("exec >&- 2>&-; sleep 0.1; exit 4"), sandbox.EndExit, 4, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res, err := sb.Run(t.Context(), tt.cmd)
			require.NoError(t, err)
			require.Equal(t, tt.end, res.End, "%+v", res)
			require.Equal(t, tt.code, res.ExitCode)
			require.Equal(t, tt.output, string(res.Output))
			if tt.end == sandbox.EndRefused {
				require.NotEmpty(t, res.Reason)
			}
		})
	}

	t.Run("large output keeps head and tail", func(t *testing.T) {
		cmd := sh("echo first; head -c 20000000 /dev/zero | tr '\\0' x; echo; echo last")
		cmd.OutputCap = 1000
		res, err := sb.Run(t.Context(), cmd)
		require.NoError(t, err)
		require.Equal(t, sandbox.EndExit, res.End)
		require.True(t, bytes.HasPrefix(res.Output, []byte("first\nxxx")))
		require.True(t, bytes.HasSuffix(res.Output, []byte("xxx\nlast\n")))
		require.Equal(t, int64(6+20000000+1+5-1000), res.Dropped)
		require.Less(t, len(res.Output), 1100)
	})

	// However a command tries to leave something behind, its end is the end of
	// all of it.
	for name, escape := range map[string]string{
		"a child in the background": "sleep 4242 & exit 0",
		"a child that was disowned": "sleep 4242 & disown; exit 0",
		"a session of its own":      "setsid sleep 4242 & exit 0",
		"forked twice":              "(setsid bash -c 'sleep 4242 & sleep 4242' &) ; exit 0",
		"a child that ignores TERM": `bash -c 'trap "" TERM HUP INT; sleep 4242; sleep 4242' & exit 0`,
	} {
		for _, timeout := range []bool{false, true} {
			t.Run(fmt.Sprintf("nothing survives/%s/timeout=%v", name, timeout), func(t *testing.T) {
				cmd := sh(escape)
				want := sandbox.EndExit
				if timeout {
					cmd = sh(strings.ReplaceAll(escape, "exit 0", "sleep 4242"))
					cmd.Timeout = 300 * time.Millisecond
					want = sandbox.EndTimeout
				}
				res, err := sb.Run(t.Context(), cmd)
				require.NoError(t, err)
				require.Equal(t, want, res.End)
				require.Empty(t, sleepers(t, sb))
			})
		}
	}

	t.Run("a cancelled command leaves nothing", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, err := sb.Run(ctx, sh("setsid sleep 4242 & sleep 4242"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Empty(t, sleepers(t, sb))
	})

	// A command may kill all that it sees. That is its own end, not the
	// sandbox's, and nothing that others started ends with it.
	for name, script := range map[string]string{
		"by its number":     "kill -9 $PPID",
		"with all the rest": "kill -9 -1",
	} {
		t.Run("a supervisor that is killed/"+name, func(t *testing.T) {
			other, err := sb.Shell(t.Context(), "/tmp")
			require.NoError(t, err)
			defer func() { require.NoError(t, other.Close()) }()
			_, err = other.Run(t.Context(), "cd /usr; export KEPT='it is'; own=1; sleep 4243 & job=$!", 10*time.Second)
			require.NoError(t, err)

			res, err := sb.Run(t.Context(), sh("setsid sleep 4242 & setsid bash -c 'sleep 4242; sleep 4242' & "+script+"; sleep 4242"))
			require.NoError(t, err)
			require.Equal(t, sandbox.EndSignal, res.End)
			require.Equal(t, "SIGKILL", res.Signal)
			require.Equal(t, -1, res.ExitCode)
			require.Contains(t, res.Reason, "killed its own supervisor")
			require.Empty(t, sleepers(t, sb))

			ses, err := other.Run(t.Context(), "kill -0 $job && echo $own; echo $KEPT; pwd", 10*time.Second)
			require.NoError(t, err)
			require.Equal(t, script == "kill -9 -1", ses.Restarted)
			want := "it is\n/usr\n"
			if !ses.Restarted {
				want = "1\n" + want
			}
			require.True(t, strings.HasSuffix(string(ses.Output), want), "%s", ses.Output)
		})
	}
	t.Run("signals that programs handle do not reach far", func(t *testing.T) {
		res, err := sb.Run(t.Context(), sh("trap '' TERM HUP INT QUIT; for s in TERM HUP INT QUIT ABRT SEGV; do kill -$s 1 $PPID; done; echo on"))
		require.NoError(t, err)
		require.Equal(t, "on\n", string(res.Output), "%+v", res)
	})

	t.Run("many at once", func(t *testing.T) {
		var wg sync.WaitGroup
		errs := make([]error, 20)
		for i := range errs {
			wg.Go(func() {
				res, err := sb.Run(t.Context(), sh(fmt.Sprintf("echo %d", i)))
				if err == nil && string(res.Output) != fmt.Sprintf("%d\n", i) {
					err = fmt.Errorf("command %d printed %q", i, res.Output)
				}
				errs[i] = err
			})
		}
		wg.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
	})
}

// sleepers lists the processes in the sandbox that sleep 4242 seconds.
func sleepers(t *testing.T, sb *guest.Sandbox) string {
	t.Helper()
	res, err := sb.Run(t.Context(), sh(`for p in /proc/[0-9]*; do tr '\0' ' ' 2>/dev/null <$p/cmdline | grep '^sleep 4242' ; done; true`))
	require.NoError(t, err)
	require.True(t, res.Succeeded(), "%s", res.Output)
	return string(res.Output)
}
