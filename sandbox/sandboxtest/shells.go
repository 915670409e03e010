package sandboxtest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
)

func shells(t *testing.T, driver sandbox.Driver) {
	sb := open(t, driver, sandbox.Spec{})
	start := func(t *testing.T) sandbox.Shell {
		s, err := sb.Shell(t.Context(), "/tmp")
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		return s
	}
	run := func(t *testing.T, s sandbox.Shell, script string) sandbox.ShellResult {
		t.Helper()
		res, err := s.Run(t.Context(), script, 10*time.Second)
		require.NoError(t, err)
		return res
	}

	t.Run("state survives", func(t *testing.T) {
		s := start(t)
		require.Equal(t, "/tmp", run(t, s, "true").Dir)
		run(t, s, "cd /usr; x=1; export Y='two words'; f() { echo \"f:$x\"; }")
		res := run(t, s, "f; echo $Y; pwd")
		require.Equal(t, "f:1\ntwo words\n/usr\n", string(res.Output))
		require.Equal(t, "/usr", res.Dir)
	})
	t.Run("exit codes and errors are results", func(t *testing.T) {
		s := start(t)
		require.Equal(t, 1, run(t, s, "false").ExitCode)
		res := run(t, s, "if then")
		require.NotZero(t, res.ExitCode)
		require.Contains(t, string(res.Output), "syntax error")
		require.Equal(t, 0, run(t, s, "true").ExitCode)
		require.Equal(t, "a\nb\n", string(run(t, s, "echo a\n# comment\necho b").Output))
		require.Equal(t, "x\n", string(run(t, s, "cat <<'EOF'\nx\nEOF\n").Output))
	})
	t.Run("reading standard input does not eat the session", func(t *testing.T) {
		s := start(t)
		require.Empty(t, run(t, s, "cat; read x").Output)
		require.Equal(t, "on\n", string(run(t, s, "echo on").Output))
	})
	for name, script := range map[string]string{
		"exit":         "exit 7",
		"kill -9 $$":   "kill -9 $$",
		"exec":         "exec bash -c 'exit 7'",
		"set -e fails": "set -e; false; echo not reached",
	} {
		t.Run("a shell that ended comes back/"+name, func(t *testing.T) {
			s := start(t)
			run(t, s, "cd /usr; export KEPT=\"it's kept\"")
			res := run(t, s, script)
			require.True(t, res.Restarted)
			require.False(t, res.Succeeded())
			res = run(t, s, "echo $KEPT; pwd")
			require.Equal(t, "it's kept\n/usr\n", string(res.Output))
			require.False(t, res.Restarted)
		})
	}
	for name, script := range map[string]string{
		"a command that hangs":      "sleep 4242",
		"a loop of commands":        "while true; do sleep 4242; done",
		"a loop that never forks":   "while :; do :; done",
		"a program in the place of": "exec sleep 4242",
		"descriptors closed":        "exec 10>&- 11>&- 12>&- 13>&- 198>&- 199>&-; sleep 4242",
	} {
		t.Run("timeout/"+name, func(t *testing.T) {
			s := start(t)
			run(t, s, "cd /usr")
			res, err := s.Run(t.Context(), "echo before; "+script, 300*time.Millisecond)
			require.NoError(t, err)
			require.Equal(t, sandbox.EndTimeout, res.End)
			require.Equal(t, "before\n", string(res.Output), "bash's own words about the end are left out")
			require.Empty(t, sleepers(t, sb))
			require.Equal(t, "/usr\n", string(run(t, s, "pwd").Output))
		})
	}
	t.Run("what a background job does outlives a timeout", func(t *testing.T) {
		s := start(t)
		run(t, s, "while sleep 0.11; do echo >>/tmp/ticks; done & echo $! >/tmp/job")
		res, err := s.Run(t.Context(), "sleep 4242", 300*time.Millisecond)
		require.NoError(t, err)
		require.Equal(t, sandbox.EndTimeout, res.End)
		require.Empty(t, sleepers(t, sb))
		require.False(t, res.Restarted)
		res = run(t, s, "n=$(wc -l </tmp/ticks); sleep 0.5; [ $(wc -l </tmp/ticks) -gt $n ] && kill $(cat /tmp/job) && echo on")
		require.Equal(t, "on\n", string(res.Output), "a loop ends when its sleep is killed")
	})
	for name, script := range map[string]string{
		"by its number":     "kill -9 $PPID; sleep 4242",
		"with all the rest": "kill -9 -1; sleep 4242",
	} {
		t.Run("a supervisor that is killed/"+name, func(t *testing.T) {
			s := start(t)
			run(t, s, "cd /usr; export KEPT=\"it's kept\"; setsid sleep 4242 &")
			res := run(t, s, script)
			require.True(t, res.Restarted)
			require.Equal(t, sandbox.EndSignal, res.End)
			require.Equal(t, "SIGKILL", res.Signal)
			require.Contains(t, res.Reason, "killed its own supervisor")
			require.Equal(t, "/usr", res.Dir)
			require.Empty(t, sleepers(t, sb))
			res = run(t, s, "echo $KEPT; pwd")
			require.Equal(t, "it's kept\n/usr\n", string(res.Output))
			require.False(t, res.Restarted)
		})
	}
	t.Run("a supervisor that is stopped", func(t *testing.T) {
		s := start(t)
		res, err := s.Run(t.Context(), "kill -STOP $PPID; sleep 4242", 300*time.Millisecond)
		require.NoError(t, err)
		require.Equal(t, sandbox.EndTimeout, res.End)
		require.False(t, res.Restarted, "the guest sends it on its way again")
		require.Empty(t, sleepers(t, sb))
		require.Equal(t, "on\n", string(run(t, s, "echo on").Output))
	})
	t.Run("a shell that a background job killed comes back", func(t *testing.T) {
		s := start(t)
		run(t, s, "cd /usr; (sleep 0.1; kill -9 $$) & echo $$ >/tmp/pid")
		require.Eventually(t, func() bool {
			res, err := sb.Run(t.Context(), sh("! test -e /proc/$(cat /tmp/pid)"))
			return err == nil && res.Succeeded()
		}, 10*time.Second, 20*time.Millisecond)
		res := run(t, s, "echo hi; pwd")
		require.Equal(t, "hi\n/usr\n", string(res.Output))
		require.True(t, res.Succeeded())
		require.True(t, res.Restarted)
		require.False(t, run(t, s, "true").Restarted)
	})
	t.Run("a script has no descriptor to report on", func(t *testing.T) {
		s := start(t)
		forged := `printf 'next\0000\000/forged\000\000' >&199`
		res := run(t, s, "{ "+forged+"; } 2>/dev/null; bash -c "+"'"+strings.ReplaceAll(forged, "'", `'\''`)+"' 2>/dev/null; exec 199>&-; (exit 3)")
		require.Equal(t, 3, res.ExitCode)
		require.Equal(t, "/tmp", res.Dir)
		require.False(t, res.Restarted)
		require.Equal(t, "on\n", string(run(t, s, "echo on").Output))
	})
	t.Run("a shell that closed what it saved comes back", func(t *testing.T) {
		s := start(t)
		require.Equal(t, "on\n", string(run(t, s, "exec 10>&- 11>&- 12>&- 13>&- 2>/dev/null; echo on").Output))
		require.Equal(t, "on\n", string(run(t, s, "echo on").Output))
	})
	t.Run("a background job that kills every shell", func(t *testing.T) {
		s := start(t)
		run(t, s, "true")
		run(t, s, `setsid sh -c 'while :; do for p in /proc/[0-9]*; do read -r n <$p/comm && [ "$n" = bash ] && kill -9 ${p#/proc/}; done; done' >/dev/null 2>&1 &`)
		for range 5 {
			run(t, s, "sleep 0.2")
		}
	})
	t.Run("exit in a function reports the state", func(t *testing.T) {
		s := start(t)
		res := run(t, s, "cd /usr; f() { exit 7; }; f")
		require.Equal(t, 7, res.ExitCode)
		require.Equal(t, "/usr", res.Dir)
		require.Empty(t, string(res.Output))
		require.True(t, res.Restarted)
	})
	t.Run("a stopped shell still times out", func(t *testing.T) {
		s := start(t)
		run(t, s, "(sleep 0.1; kill -STOP $$) & echo $$ >/tmp/pid")
		require.Eventually(t, func() bool {
			res, err := sb.Run(t.Context(), sh("grep -q '^State:.T' /proc/$(cat /tmp/pid)/status"))
			return err == nil && res.Succeeded()
		}, 10*time.Second, 20*time.Millisecond)
		res, err := s.Run(t.Context(), "true "+strings.Repeat("x", 200_000), 300*time.Millisecond)
		require.NoError(t, err)
		require.Equal(t, sandbox.EndTimeout, res.End)
		require.True(t, res.Restarted)
		require.Equal(t, "on\n", string(run(t, s, "echo on").Output))
	})
	t.Run("a background job lives until the session closes", func(t *testing.T) {
		s, err := sb.Shell(t.Context(), "/")
		require.NoError(t, err)
		run(t, s, "setsid sleep 4242 >/dev/null 2>&1 &")
		run(t, s, "exit 1")
		_, err = s.Run(t.Context(), "sleep 60", 200*time.Millisecond)
		require.NoError(t, err)
		require.NotEmpty(t, sleepers(t, sb))
		require.NoError(t, s.Close())
		require.Empty(t, sleepers(t, sb))
	})
	t.Run("commands reach what a session has started", func(t *testing.T) {
		s := start(t)
		run(t, s, "setsid sleep 4242 & echo $! >/tmp/pid")
		for range 2 { // whichever supervisor they get
			res, err := sb.Run(t.Context(), sh("kill -0 $(cat /tmp/pid) && readlink /proc/$(cat /tmp/pid)/cwd"))
			require.NoError(t, err)
			require.Equal(t, "/tmp\n", string(res.Output), "%+v", res)
			_, err = sb.Run(t.Context(), sh("kill -9 $PPID"))
			require.NoError(t, err)
		}
		_, err := sb.Run(t.Context(), sh("kill $(cat /tmp/pid)"))
		require.NoError(t, err)
		require.Eventually(t, func() bool { return sleepers(t, sb) == "" }, 10*time.Second, 10*time.Millisecond)
	})
	t.Run("cancelled", func(t *testing.T) {
		s := start(t)
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, err := s.Run(ctx, "sleep 4242", time.Minute)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, "on\n", string(run(t, s, "echo on").Output))
		require.Empty(t, sleepers(t, sb))
	})
}
