// Package sandboxtest is the conformance suite of sandbox drivers: what every
// driver must do, whatever it is made of. A driver's test file calls Run.
package sandboxtest

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
	"github.com/apprentice-rl/apprentice/sandbox/guest/program"
)

// Guest returns the guest program of this machine's architecture: the one that
// the build carries, or else one built on the spot from this source.
func Guest(t testing.TB) []byte {
	t.Helper()
	if b, err := program.Binary(""); err == nil {
		return b
	}
	out := filepath.Join(t.TempDir(), "guest")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, "github.com/apprentice-rl/apprentice/cmd/apprentice-guest")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	msg, err := cmd.CombinedOutput()
	require.NoError(t, err, "building the guest: %s", msg)
	b, err := os.ReadFile(out)
	require.NoError(t, err)
	return b
}

// Missing skips a test that needs a component which is not there, and says how
// to get it. Where APPRENTICE_MUST_RUN lists the component, as in CI, the test
// fails instead.
func Missing(t testing.TB, component, hint string) {
	t.Helper()
	if slices.Contains(strings.Fields(os.Getenv("APPRENTICE_MUST_RUN")), component) {
		t.Fatalf("%s is missing, and must not be: %s", component, hint)
	}
	t.Skipf("%s is missing: %s", component, hint)
}

// Run checks a driver. Its base image must hold bash and the usual core
// utilities.
func Run(t *testing.T, driver sandbox.Driver) {
	t.Run("commands", func(t *testing.T) { commands(t, driver) })
	t.Run("shell", func(t *testing.T) { shells(t, driver) })
	t.Run("files", func(t *testing.T) { files(t, driver) })
	t.Run("walls", func(t *testing.T) { walls(t, driver) })
	t.Run("life", func(t *testing.T) { life(t, driver) })
}

// open starts a sandbox that ends with the test.
func open(t *testing.T, driver sandbox.Driver, spec sandbox.Spec) *guest.Sandbox {
	t.Helper()
	sb, err := guest.Open(t.Context(), driver, spec)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sb.Close()) })
	return sb
}

// sh is a command for the shell.
func sh(script string) sandbox.Command {
	return sandbox.Command{Argv: []string{"bash", "-c", script}}
}

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
		{"standard input", sandbox.Command{Argv: []string{"cat"}, Stdin: []byte("in\x00put")}, sandbox.EndExit, 0, "in\x00put"},
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
	res, err := sb.Run(t.Context(), sh(`for p in /proc/[0-9]*; do tr '\0' ' ' <$p/cmdline 2>/dev/null | grep '^sleep 4242' ; done; true`))
	require.NoError(t, err)
	require.True(t, res.Succeeded(), "%s", res.Output)
	return string(res.Output)
}

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
	} {
		t.Run("timeout/"+name, func(t *testing.T) {
			s := start(t)
			run(t, s, "cd /usr")
			res, err := s.Run(t.Context(), script, 300*time.Millisecond)
			require.NoError(t, err)
			require.Equal(t, sandbox.EndTimeout, res.End)
			require.Empty(t, sleepers(t, sb))
			require.Equal(t, "/usr\n", string(run(t, s, "pwd").Output))
		})
	}
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

func files(t *testing.T, driver sandbox.Driver) {
	sb := open(t, driver, sandbox.Spec{})
	ctx := t.Context()

	t.Run("what is written is read", func(t *testing.T) {
		big := bytes.Repeat([]byte("0123456789\xff\x00\n"), 300_000)
		for name, data := range map[string][]byte{"empty": {}, "small": []byte("text\n"), "big": big} {
			path := "/tmp/made/on/the/way/" + name
			require.NoError(t, sb.WriteFile(ctx, path, data))
			got, err := sb.ReadFile(ctx, path)
			require.NoError(t, err)
			require.True(t, bytes.Equal(data, got), name)
		}
	})
	t.Run("the mode of a file stays", func(t *testing.T) {
		require.NoError(t, sb.WriteFile(ctx, "/tmp/script", []byte("#!/bin/bash\necho one\n")))
		_, err := sb.Run(ctx, sh("chmod 750 /tmp/script"))
		require.NoError(t, err)
		require.NoError(t, sb.WriteFile(ctx, "/tmp/script", []byte("#!/bin/bash\necho two\n")))
		res, err := sb.Run(ctx, sh("stat -c %a /tmp/script; /tmp/script"))
		require.NoError(t, err)
		require.Equal(t, "750\ntwo\n", string(res.Output))
	})
	t.Run("errors keep their meaning", func(t *testing.T) {
		_, err := sb.ReadFile(ctx, "/no/such/file")
		require.ErrorIs(t, err, fs.ErrNotExist)
		_, err = sb.ReadFile(ctx, "/usr")
		require.ErrorContains(t, err, "not a regular file")
		require.Error(t, sb.WriteFile(ctx, "/proc/version", []byte("x")))
		require.Error(t, sb.GetTar(ctx, "/no/such/folder", io.Discard))
		res, err := sb.Run(ctx, sh("true"))
		require.NoError(t, err, "an error about a file does not break the sandbox")
		require.True(t, res.Succeeded())
	})
	t.Run("tar there and back", func(t *testing.T) {
		var up bytes.Buffer
		tw := tar.NewWriter(&up)
		for _, h := range []tar.Header{
			{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o755},
			{Name: "d/file", Typeflag: tar.TypeReg, Mode: 0o640, Size: 4},
			{Name: "d/run", Typeflag: tar.TypeReg, Mode: 0o755, Size: 4},
			{Name: "d/link", Typeflag: tar.TypeSymlink, Linkname: "file"},
			{Name: "d/locked/", Typeflag: tar.TypeDir, Mode: 0o555},
			{Name: "d/locked/in", Typeflag: tar.TypeReg, Mode: 0o644, Size: 4},
		} {
			require.NoError(t, tw.WriteHeader(&h))
			if h.Size > 0 {
				_, err := tw.Write([]byte("data"))
				require.NoError(t, err)
			}
		}
		require.NoError(t, tw.Close())
		require.NoError(t, sb.PutTar(ctx, "/tmp/tar", &up))

		var down bytes.Buffer
		require.NoError(t, sb.GetTar(ctx, "/tmp/tar/d", &down))
		got := map[string]string{}
		for tr := tar.NewReader(&down); ; {
			h, err := tr.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			b, err := io.ReadAll(tr)
			require.NoError(t, err)
			got[h.Name] = fmt.Sprintf("%o %s%s", h.Mode&0o777, b, h.Linkname)
		}
		require.Equal(t, map[string]string{
			"d/": "755 ", "d/file": "640 data", "d/run": "755 data", "d/link": "777 file", "d/locked/": "555 ", "d/locked/in": "644 data",
		}, got)
	})
	t.Run("a tar cannot leave its folder", func(t *testing.T) {
		for name, h := range map[string]tar.Header{
			"dots":     {Name: "../../escaped", Typeflag: tar.TypeReg, Mode: 0o644},
			"absolute": {Name: "/escaped", Typeflag: tar.TypeReg, Mode: 0o644},
		} {
			var up bytes.Buffer
			tw := tar.NewWriter(&up)
			require.NoError(t, tw.WriteHeader(&h))
			require.NoError(t, tw.Close())
			require.NoError(t, sb.PutTar(ctx, "/tmp/jail/"+name, &up))
			_, err := sb.ReadFile(ctx, "/tmp/jail/"+name+"/escaped")
			require.NoError(t, err)
		}
		var up bytes.Buffer
		tw := tar.NewWriter(&up)
		require.NoError(t, tw.WriteHeader(&tar.Header{Name: "out", Typeflag: tar.TypeSymlink, Linkname: "/tmp"}))
		require.NoError(t, tw.WriteHeader(&tar.Header{Name: "out/escaped", Typeflag: tar.TypeReg}))
		require.NoError(t, tw.Close())
		require.Error(t, sb.PutTar(ctx, "/tmp/jail/link", &up))
		_, err := sb.ReadFile(ctx, "/tmp/escaped")
		require.ErrorIs(t, err, fs.ErrNotExist)
	})
}

// walls checks the safe defaults from inside.
func walls(t *testing.T, driver sandbox.Driver) {
	sb := open(t, driver, sandbox.Spec{})
	for name, script := range map[string]string{
		"no capabilities":            `grep -q '^CapEff:\s*0*$' /proc/self/status && grep -q '^CapBnd:\s*0*$' /proc/self/status`,
		"no new privileges":          `grep -q '^NoNewPrivs:\s*1$' /proc/self/status`,
		"no network but loopback":    `test "$(ls /sys/class/net 2>/dev/null || awk -F: 'NR>2{gsub(/ /,"",$1);print $1}' /proc/net/dev)" = lo`,
		"no Docker socket":           `! test -e /var/run/docker.sock && ! test -e /run/docker.sock`,
		"no mounting":                `! mount -t tmpfs none /mnt 2>/dev/null`,
		"no process of the host":     `tr '\0' ' ' </proc/1/cmdline | grep -Eqx '(apprentice-guest|/.apprentice/guest) serve '`,
		"no program of ours on disk": `! command -v apprentice`,
	} {
		t.Run(name, func(t *testing.T) {
			res, err := sb.Run(t.Context(), sh(script))
			require.NoError(t, err)
			require.True(t, res.Succeeded(), "%+v %s", res, res.Output)
		})
	}
	t.Run("every limit is accounted for", func(t *testing.T) {
		in := sb.Instance().Enforcement()
		for _, l := range []sandbox.Limit{
			sandbox.LimitMemory, sandbox.LimitDisk, sandbox.LimitCPU, sandbox.LimitProcesses,
			sandbox.LimitNetwork, sandbox.LimitCapabilities, sandbox.LimitNewPrivileges, sandbox.LimitSyscalls,
		} {
			require.Contains(t, []sandbox.Enforcement{sandbox.Enforced, sandbox.Unenforced}, in[l], l)
			if in[l] == sandbox.Unenforced {
				_, err := driver.Start(t.Context(), sandbox.Spec{Require: []sandbox.Limit{l}})
				require.ErrorIs(t, err, sandbox.ErrUnenforced)
			}
		}
	})
	t.Run("processes are limited", func(t *testing.T) {
		if sb.Instance().Enforcement()[sandbox.LimitProcesses] != sandbox.Enforced {
			return // refused above
		}
		few := open(t, driver, sandbox.Spec{Limits: sandbox.Limits{Processes: 100}})
		// Not bash, which tries again for 15 seconds.
		res, err := few.Run(t.Context(), sandbox.Command{Argv: []string{"sh", "-c", "i=0; while [ $i -lt 200 ]; do sleep 4242 & i=$((i+1)); done"}})
		require.NoError(t, err)
		require.False(t, res.Succeeded())
		require.Contains(t, strings.ToLower(string(res.Output)), "fork")
		require.Empty(t, sleepers(t, few))
	})
}

// life checks the beginning and the end of sandboxes.
func life(t *testing.T, driver sandbox.Driver) {
	t.Run("an image that does not exist", func(t *testing.T) {
		_, err := driver.Start(t.Context(), sandbox.Spec{Image: "apprentice.invalid/no-such-image:1"})
		require.ErrorIs(t, err, sandbox.ErrNoImage)
		_, err = driver.Resolve(t.Context(), "apprentice.invalid/no-such-image:1")
		require.ErrorIs(t, err, sandbox.ErrNoImage)
	})
	t.Run("the base has an identity", func(t *testing.T) {
		one, err := driver.Resolve(t.Context(), "")
		require.NoError(t, err)
		require.NotEmpty(t, one)
		two, err := driver.Resolve(t.Context(), "")
		require.NoError(t, err)
		require.Equal(t, one, two)
	})
	t.Run("closed", func(t *testing.T) {
		sb, err := guest.Open(t.Context(), driver, sandbox.Spec{})
		require.NoError(t, err)
		require.NoError(t, sb.Close())
		require.NoError(t, sb.Close(), "closing twice is harmless")
		_, err = sb.Run(t.Context(), sh("true"))
		require.ErrorIs(t, err, sandbox.ErrBroken)
		_, err = sb.Instance().Wait(t.Context())
		require.NoError(t, err)
	})
	t.Run("closed while a command runs", func(t *testing.T) {
		sb, err := guest.Open(t.Context(), driver, sandbox.Spec{})
		require.NoError(t, err)
		done := make(chan error, 1)
		started := make(chan struct{})
		go func() {
			close(started)
			_, err := sb.Run(context.Background(), sh("sleep 4242"))
			done <- err
		}()
		<-started
		require.NoError(t, sb.Close())
		require.ErrorIs(t, <-done, sandbox.ErrBroken)
	})
	t.Run("the end of the lifetime", func(t *testing.T) {
		sb := open(t, driver, sandbox.Spec{Lifetime: time.Second})
		_, err := sb.Run(t.Context(), sh("sleep 4242"))
		require.ErrorIs(t, err, sandbox.ErrBroken)
		death, err := sb.Instance().Wait(t.Context())
		require.NoError(t, err)
		require.Equal(t, sandbox.DeathDeadline, death.Cause, death.Detail)
	})
	t.Run("a start that was cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := guest.Open(ctx, driver, sandbox.Spec{})
		require.ErrorIs(t, err, context.Canceled)
	})
	t.Run("a snapshot", func(t *testing.T) {
		image := fmt.Sprintf("apprentice-test/snapshot:%d", time.Now().UnixNano())
		sb := open(t, driver, sandbox.Spec{})
		res, err := sb.Run(t.Context(), sh("mkdir -p ~/kept/deep && echo frozen >~/kept/deep/file && ln -s deep ~/kept/link && chmod 700 ~/kept/deep"))
		require.NoError(t, err)
		require.True(t, res.Succeeded(), "%s", res.Output)
		require.NoError(t, sb.Instance().Snapshot(t.Context(), image))
		_, err = driver.Resolve(t.Context(), image)
		require.NoError(t, err)
		for range 2 { // what one does, the next does not see
			sb := open(t, driver, sandbox.Spec{Image: image})
			res, err := sb.Run(t.Context(), sh("cat ~/kept/link/file && ! test -e ~/kept/more && echo x >~/kept/more && echo changed >~/kept/deep/file && stat -c '%a %U' ~/kept/deep && id -un"))
			require.NoError(t, err)
			user := strings.TrimSpace(string(res.Output[bytes.LastIndexByte(bytes.TrimSpace(res.Output), '\n')+1:]))
			require.Equal(t, "frozen\n700 "+user+"\n"+user+"\n", string(res.Output), "%+v", res)
		}
	})
	t.Run("no leftover while the owner lives", func(t *testing.T) {
		sb := open(t, driver, sandbox.Spec{})
		left, err := driver.Leftovers(t.Context())
		require.NoError(t, err)
		for _, l := range left {
			require.NotEqual(t, sb.Instance().ID(), l.ID)
		}
	})
}
