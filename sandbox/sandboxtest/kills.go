package sandboxtest

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// kills are attempts on the guest, on its supervisors, and on all the rest.
// None breaks the sandbox: else a policy could have its hard tasks counted as
// failures of ours.
func kills(t *testing.T, driver sandbox.Driver, h *host) {
	sb := open(t, driver, sandbox.Spec{})
	before := genuine(t, sb)
	timed := func(script string) sandbox.Command {
		c := sh(script)
		c.Timeout = time.Second
		return c
	}
	// qemu-user takes a SIGSEGV that somebody sends, at some moments, for a fault of
	// the program that it runs, and ends it (6 of 12 runs on a busy machine; none of
	// 14 without that signal).
	guestSignals := "kill -9 1; kill -TERM 1; kill -STOP 1; kill -ABRT 1; kill -QUIT 1; grep -q qemu- /proc/1/cmdline || kill -SEGV 1; echo on"
	h.do(t, sb, []deed{
		{"all processes", sh("kill -9 -1; sleep 4242"), only(sandbox.EndSignal), anything, nil},
		{"all processes, by number", sh("while :; do for p in /proc/[0-9]*; do p=${p#/proc/}; [ $p = $$ ] || kill -9 $p; done; done"), only(sandbox.EndSignal), anything, nil},
		{"the supervisor", sh("kill -9 $PPID; sleep 4242"), only(sandbox.EndSignal), "", nil},
		{"the guest", sh(guestSignals), only(sandbox.EndExit), "on\n", nil},
		{"the supervisor, stopped", timed("kill -STOP $PPID; echo on"), only(sandbox.EndExit), "on\n", nil},
		{"all processes, stopped", timed("kill -STOP -1; echo on"), only(sandbox.EndExit, sandbox.EndTimeout), "(on\n)?", nil},
		{"what is stopped itself", timed("setsid sleep 4242 & kill -STOP $! $$; sleep 4242"), only(sandbox.EndTimeout), "", nil},
		{"the terminal's other end", sandbox.Command{Script: "kill -9 $PPID; kill -9 -1", Terminal: &sandbox.Terminal{}}, only(sandbox.EndSignal), anything, nil},
	})

	// What a session kills is the end of a script, and not of the session.
	for _, d := range []struct {
		name, script string
		ends         []sandbox.End
		restarted    bool
	}{
		{"all processes", "kill -9 -1; sleep 4242", only(sandbox.EndSignal), true},
		{"the supervisor", "kill -9 $PPID; sleep 4242", only(sandbox.EndSignal), true},
		{"the supervisor, stopped", "kill -STOP $PPID; echo on", only(sandbox.EndExit), false},
		{"the shell", "kill -9 $$", only(sandbox.EndSignal), true},
		{"the shell, stopped", "kill -STOP $$", only(sandbox.EndTimeout), true},
		{"the descriptors", "for i in $(seq 3 255); do eval \"exec $i>&-\" 2>/dev/null; done; true", only(sandbox.EndExit, sandbox.EndSignal), true},
		{"the pipe of the reports", "for fd in /proc/$PPID/fd/*; do echo garbage >$fd; done 2>/dev/null; true", only(sandbox.EndExit, sandbox.EndSignal), true},
	} {
		t.Run("by a session/"+d.name, func(t *testing.T) {
			s, err := sb.Shell(t.Context(), "/tmp")
			require.NoError(t, err)
			res, err := s.Run(t.Context(), d.script, time.Second)
			require.NoError(t, err)
			require.Contains(t, d.ends, res.End, "%+v %s", res, res.Output)
			if !d.restarted {
				require.False(t, res.Restarted, "%+v", res)
			}
			res, err = s.Run(t.Context(), "echo on; pwd", 10*time.Second)
			require.NoError(t, err)
			// Garbage that it writes into its own pipes it reads itself.
			require.Regexp(t, `^(bash: .*\n)?on\n/tmp\n$`, string(res.Output), "%+v", res)
			require.NoError(t, s.Close())
			h.endure(t, sb)
		})
	}

	// A supervisor that is stopped again and again answers nobody; its patience
	// over, the guest kills it. These wait for that side by side.
	t.Run("supervisors that are kept stopped", func(t *testing.T) {
		const hold = "while :; do kill -STOP $PPID; done"
		var wg sync.WaitGroup
		var timed, cancelled error
		var res sandbox.Result
		var held error
		var holding sandbox.ShellResult
		wg.Go(func() {
			c := sh(hold)
			c.Timeout = time.Second
			res, timed = sb.Run(t.Context(), c)
		})
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, cancelled = sb.Run(ctx, sh(hold))
		})
		// As a debugger holds it; SIGCONT is no help then. The script is more
		// than the pipe to it takes.
		wg.Go(func() {
			s, err := sb.Shell(t.Context(), "/tmp")
			if held = err; held != nil {
				return
			}
			defer s.Close()
			if _, held = s.Run(t.Context(), h.putProbe(t, sb)+" hold $PPID >/tmp/held & until [ -s /tmp/held ]; do sleep 0.01; done", 5*time.Second); held == nil {
				holding, held = s.Run(t.Context(), "true "+strings.Repeat("x", 700<<10), time.Second)
			}
		})
		wg.Wait()
		require.NoError(t, held)
		require.Contains(t, only(sandbox.EndExit, sandbox.EndTimeout, sandbox.EndSignal), holding.End, "%+v", holding)
		require.NoError(t, timed)
		require.Equal(t, sandbox.EndTimeout, res.End, "%+v", res)
		require.ErrorIs(t, cancelled, context.DeadlineExceeded)
		require.NotErrorIs(t, cancelled, sandbox.ErrBroken)
		h.endure(t, sb)
	})
	require.Equal(t, before, genuine(t, sb))
}
