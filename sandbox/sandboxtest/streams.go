package sandboxtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// streams checks what flows into commands and out of them while they run.
func streams(t *testing.T, driver sandbox.Driver) {
	sb := open(t, driver, sandbox.Spec{})
	ctx := t.Context()

	t.Run("a script runs without arguments of its own", func(t *testing.T) {
		res, err := sb.Run(ctx, sandbox.Command{Script: "x='a  b'; echo \"$x\"; exit 3"})
		require.NoError(t, err)
		require.Equal(t, "a  b\n", string(res.Output))
		require.Equal(t, 3, res.ExitCode)
		res, err = sb.Run(ctx, sandbox.Command{Script: "true", Argv: []string{"true"}})
		require.NoError(t, err)
		require.Equal(t, sandbox.EndRefused, res.End)
	})
	t.Run("users", func(t *testing.T) {
		res, err := sb.Run(ctx, sh("echo $(id -un) $(id -u):$(id -g)"))
		require.NoError(t, err)
		var name, numbers string
		_, err = fmt.Sscan(string(res.Output), &name, &numbers)
		require.NoError(t, err)
		for _, own := range []string{name, numbers, numbers[:strings.Index(numbers, ":")]} {
			res, err := sb.Run(ctx, sandbox.Command{Argv: []string{"true"}, User: own})
			require.NoError(t, err)
			require.True(t, res.Succeeded(), "%s: %+v", own, res)
		}
		for _, other := range []string{"nobody", "12345", "no-such-user", name + ":no-such-group"} {
			res, err := sb.Run(ctx, sandbox.Command{Argv: []string{"true"}, User: other})
			require.NoError(t, err)
			require.Equal(t, sandbox.EndRefused, res.End, other)
			require.Contains(t, res.Reason, "user "+other)
		}
	})
	t.Run("output comes as it is made, and all of it", func(t *testing.T) {
		out, w := io.Pipe()
		in, answer := io.Pipe()
		defer answer.Close()
		done := make(chan error, 1)
		go func() {
			res, err := sb.Run(ctx, sandbox.Command{Script: "echo one; read x; echo $x; head -c 5000000 /dev/zero; exit 2", Stdin: in, Output: w})
			if err == nil && (res.ExitCode != 2 || res.Output != nil || res.Dropped != 0) {
				err = fmt.Errorf("%+v", res)
			}
			_ = w.CloseWithError(err)
			done <- err
		}()
		first := make([]byte, 4)
		_, err := io.ReadFull(out, first)
		require.NoError(t, err)
		require.Equal(t, "one\n", string(first))
		_, err = answer.Write([]byte("two\n"))
		require.NoError(t, err)
		rest, err := io.ReadAll(out)
		require.NoError(t, err)
		require.Equal(t, "two\n", string(rest[:4]))
		require.Len(t, rest[4:], 5000000)
		require.NoError(t, <-done)
	})
	t.Run("nobody waits for a reader who does not read", func(t *testing.T) {
		out, w := io.Pipe()
		done := make(chan error, 1)
		stop, cancel := context.WithCancel(ctx)
		defer cancel()
		go func() {
			_, err := sb.Run(stop, sandbox.Command{Argv: []string{"yes"}, Output: w})
			done <- err
		}()
		_, err := io.ReadFull(out, make([]byte, 1<<20))
		require.NoError(t, err)
		var tar bytes.Buffer
		require.NoError(t, sb.GetTar(ctx, "/etc/passwd", &tar))
		res, err := sb.Run(ctx, sh("echo on"))
		require.NoError(t, err)
		require.Equal(t, "on\n", string(res.Output))
		cancel()
		_ = out.Close()
		require.ErrorIs(t, <-done, context.Canceled)
	})
	t.Run("an output that fails ends the command", func(t *testing.T) {
		broken := errors.New("the writer broke")
		_, err := sb.Run(ctx, sandbox.Command{Script: "setsid sleep 4242 & yes", Output: writerFunc(func([]byte) (int, error) { return 0, broken })})
		require.ErrorIs(t, err, broken)
		require.NotErrorIs(t, err, sandbox.ErrBroken)
		require.Empty(t, sleepers(t, sb))
	})
	t.Run("input as large as it likes", func(t *testing.T) {
		const size = 20 << 20
		res, err := sb.Run(ctx, sandbox.Command{Argv: []string{"wc", "-c"}, Stdin: io.LimitReader(zeros{}, size)})
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintln(size), string(res.Output))
	})
	t.Run("input that a command does not read", func(t *testing.T) {
		res, err := sb.Run(ctx, sandbox.Command{Argv: []string{"true"}, Stdin: zeros{}})
		require.NoError(t, err)
		require.True(t, res.Succeeded(), "%+v", res)
	})
	t.Run("input that never comes", func(t *testing.T) {
		never, w := io.Pipe()
		defer w.Close()
		res, err := sb.Run(ctx, sandbox.Command{Argv: []string{"true"}, Stdin: never})
		require.NoError(t, err)
		require.True(t, res.Succeeded(), "%+v", res)
	})
	t.Run("input that fails", func(t *testing.T) {
		broken := errors.New("the source broke")
		_, err := sb.Run(ctx, sandbox.Command{Argv: []string{"cat"}, Stdin: io.MultiReader(strings.NewReader("x"), errReader{broken})})
		require.ErrorIs(t, err, broken)
		require.NotErrorIs(t, err, sandbox.ErrBroken)
	})
	t.Run("a terminal", func(t *testing.T) {
		res, err := sb.Run(ctx, sandbox.Command{
			Script:   "test -t 0 && test -t 1 && test -t 2 && stty size && echo $TERM && tty | grep -q /dev/pts/",
			Terminal: &sandbox.Terminal{Size: sandbox.Size{Rows: 33, Columns: 99}, Type: "vt100"},
		})
		require.NoError(t, err)
		require.True(t, res.Succeeded(), "%+v %s", res, res.Output)
		require.Equal(t, "33 99\r\nvt100\r\n", string(res.Output))
		res, err = sb.Run(ctx, sh("test -t 0 || test -t 1"))
		require.NoError(t, err)
		require.False(t, res.Succeeded(), "no terminal unless it is asked for")
	})
	t.Run("typing at a terminal", func(t *testing.T) {
		in, typing := io.Pipe()
		out, w := io.Pipe()
		sizes := make(chan sandbox.Size)
		done := make(chan sandbox.Result, 1)
		go func() {
			res, err := sb.Run(ctx, sandbox.Command{
				Script: `trap int=1 INT; echo ready; until [ "$(stty size)" = "11 22" ]; do sleep 0.01; done; echo resized
					until [ "$int" ]; do sleep 0.01; done; echo interrupted; read -r x; echo "[$x]"; cat; echo end`,
				Stdin: in, Output: w, Timeout: time.Minute,
				Terminal: &sandbox.Terminal{Size: sandbox.Size{Rows: 10, Columns: 20}, Resize: sizes},
			})
			_ = w.CloseWithError(err)
			done <- res
		}()
		seen := expect(t, out)
		seen("ready")
		sizes <- sandbox.Size{Rows: 11, Columns: 22}
		seen("resized")
		_, err := typing.Write([]byte("\x03")) // Ctrl-C
		require.NoError(t, err)
		seen("interrupted")
		_, err = typing.Write([]byte("hello\r"))
		require.NoError(t, err)
		seen("[hello]")
		require.NoError(t, typing.Close()) // Ctrl-D
		seen("end")
		res := <-done
		require.True(t, res.Succeeded(), "%+v", res)
	})
	t.Run("what a terminal's command leaves ends with it", func(t *testing.T) {
		res, err := sb.Run(ctx, sandbox.Command{Script: "setsid sleep 4242 & sleep 4242 & exit 5", Terminal: &sandbox.Terminal{}})
		require.NoError(t, err)
		require.Equal(t, 5, res.ExitCode)
		require.Empty(t, sleepers(t, sb))
	})
	t.Run("what was used is counted", func(t *testing.T) {
		res, err := sb.Run(ctx, sh("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"))
		require.NoError(t, err)
		require.Positive(t, res.CPU)
		require.Positive(t, res.MemoryPeak)
		before, err := sb.Usage(ctx)
		require.NoError(t, err)
		require.GreaterOrEqual(t, before.CPU, res.CPU)
		require.GreaterOrEqual(t, before.MemoryPeak, int64(100<<10))
		s, err := sb.Shell(ctx, "/tmp")
		require.NoError(t, err)
		defer func() { require.NoError(t, s.Close()) }()
		_, err = s.Run(ctx, "sleep 4242 & sleep 4242 & head -c 10000000 /dev/zero >usage", time.Minute)
		require.NoError(t, err)
		after, err := sb.Usage(ctx)
		require.NoError(t, err)
		require.Equal(t, before.Processes+3, after.Processes, "bash and two sleepers")
		require.GreaterOrEqual(t, after.CPU, before.CPU)
		if sb.Instance().Enforcement()[sandbox.LimitDisk] == sandbox.Enforced {
			require.GreaterOrEqual(t, after.Written, before.Written+10000000)
		}
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) { return 0, e.err }

// expect returns a function that reads r until it has seen a text.
func expect(t *testing.T, r io.Reader) func(text string) {
	var seen []byte
	return func(text string) {
		t.Helper()
		for !bytes.Contains(seen, []byte(text)) {
			buf := make([]byte, 1000)
			n, err := r.Read(buf)
			seen = append(seen, buf[:n]...)
			require.NoError(t, err, "waiting for %q after %q", text, seen)
		}
		seen = seen[bytes.Index(seen, []byte(text))+len(text):]
	}
}
