package sandboxtest

import (
	"bytes"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
)

// outputs are commands that do strange things with what they write and with
// what they are given.
func outputs(t *testing.T, driver sandbox.Driver, h *host) {
	sb := open(t, driver, sandbox.Spec{})
	t.Run("10 GB", func(t *testing.T) { floods(t, sb, h) })
	t.Run("streams", func(t *testing.T) { streamTricks(t, sb, h) })
	t.Run("arguments", func(t *testing.T) { giants(t, sb, h) })
}

func floods(t *testing.T, sb *guest.Sandbox, h *host) {
	const (
		kept  = 1 << 20
		block = 64 << 10
		whole = 10<<30 + 11
	)
	t.Run("kept in part", func(t *testing.T) {
		cmd := sh("echo first; dd status=none if=/dev/zero bs=64k count=" + strconv.Itoa(whole/block) + "; echo last")
		cmd.OutputCap = kept
		var res sandbox.Result
		grown := growth(func() {
			var err error
			res, err = sb.Run(t.Context(), cmd)
			require.NoError(t, err)
		})
		t.Logf("%v", res.Duration.Round(time.Millisecond))
		require.Equal(t, sandbox.EndExit, res.End)
		require.Equal(t, int64(whole-kept), res.Dropped)
		require.True(t, bytes.HasPrefix(res.Output, []byte("first\n\x00\x00")))
		require.True(t, bytes.HasSuffix(res.Output, []byte("\x00\x00last\n")))
		require.Less(t, len(res.Output), kept+100)
		require.Less(t, grown, uint64(32<<20), "memory of ours")
		h.endure(t, sb)
	})
	t.Run("of eight at once", func(t *testing.T) {
		cmd := sh("for i in 1 2 3 4 5 6 7 8; do head -c 128M /dev/zero & done; wait")
		cmd.OutputCap = kept
		h.commit(t, sb, deed{cmd: cmd, says: "\x00*[^\x00]*\x00*", after: func(t *testing.T, _ *guest.Sandbox, res sandbox.Result) {
			require.Equal(t, int64(8*128<<20-kept), res.Dropped)
		}})
	})
	t.Run("as they come", func(t *testing.T) {
		var before, at runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		w := &tripwire{after: 128 << 20, then: func() {
			runtime.GC()
			runtime.ReadMemStats(&at)
		}}
		cmd := sh("head -c 256M /dev/zero")
		cmd.Output = w
		res, err := sb.Run(t.Context(), cmd)
		require.NoError(t, err)
		require.True(t, res.Succeeded())
		require.Equal(t, int64(256<<20), w.n)
		require.Less(t, int64(at.HeapAlloc)-int64(before.HeapAlloc), int64(16<<20), "memory of ours")
	})
	t.Run("in a session", func(t *testing.T) {
		s, err := sb.Shell(t.Context(), "/tmp")
		require.NoError(t, err)
		res, err := s.Run(t.Context(), "head -c 512M /dev/zero; echo last", time.Minute)
		require.NoError(t, err)
		require.Equal(t, sandbox.EndExit, res.End)
		require.Equal(t, int64(512<<20+5-sandbox.DefaultOutputCap), res.Dropped)
		require.True(t, bytes.HasSuffix(res.Output, []byte("\x00last\n")))
		require.NoError(t, s.Close())
		h.endure(t, sb)
	})
	t.Run("that never end", func(t *testing.T) {
		cmd := sh("yes & yes & setsid yes")
		cmd.Timeout, cmd.OutputCap = time.Second, kept
		h.commit(t, sb, deed{cmd: cmd, ends: only(sandbox.EndTimeout), says: anything})
	})
}

func streamTricks(t *testing.T, sb *guest.Sandbox, h *host) {
	line := strings.Repeat("x", 1<<20) + "\n"
	h.do(t, sb, []deed{
		{"closed, and lived on", sh("exec >&- 2>&- <&-; sleep 0.2; exit 7"), only(sandbox.EndExit), "", func(t *testing.T, _ *guest.Sandbox, res sandbox.Result) {
			require.Equal(t, 7, res.ExitCode)
		}},
		{"left in the hands of a child", sh("echo mine; setsid sh -c 'while :; do echo its; done' & exit 0"), only(sandbox.EndExit), "mine\n(its\n)*(i(ts?)?)?", nil},
		{"left in the hands of a silent child", sh("echo mine; setsid sleep 4242 & exit 0"), only(sandbox.EndExit), "mine\n", nil},
		{"invalid UTF-8 and NUL", sh(`printf 'a\x00b\xff\xfe\xc3(\xed\xa0\x80'`), only(sandbox.EndExit), anything, func(t *testing.T, _ *guest.Sandbox, res sandbox.Result) {
			require.Equal(t, "a\x00b\xff\xfe\xc3(\xed\xa0\x80", string(res.Output))
		}},
		{"escape codes of terminals", sh(`printf '\033[2J\033]0;title\007\r\b\033[?1049h'`), only(sandbox.EndExit), "\x1b\\[2J\x1b\\]0;title\x07\r\x08\x1b\\[\\?1049h", nil},
		{"a line of 1 MB", sh("head -c 1M /dev/zero | tr '\\0' x; echo"), only(sandbox.EndExit), anything, func(t *testing.T, _ *guest.Sandbox, res sandbox.Result) {
			require.True(t, line == string(res.Output))
		}},
		{"a byte at a time", sh("for i in $(seq 2000); do printf x; done"), only(sandbox.EndExit), "x{1000}x{1000}", nil},
		{"made non-blocking", sandbox.Command{Argv: []string{"python3", "-c", "import fcntl,os\nfcntl.fcntl(1, fcntl.F_SETFL, os.O_NONBLOCK)\nos.write(1, b'on\\n')"}}, only(sandbox.EndExit, sandbox.EndRefused), "(on\n)?", nil},
		{"read by the command itself", sh("timeout 1 cat /proc/self/fd/1; echo on"), only(sandbox.EndExit), "(cat: [^\n]*\n)?on\n", nil},
	})
	t.Run("handed to a server of a session", func(t *testing.T) {
		s, err := sb.Shell(t.Context(), "/tmp")
		require.NoError(t, err)
		res, err := s.Run(t.Context(), "(while :; do echo noise; done) & echo mine", 10*time.Second)
		require.NoError(t, err)
		require.Equal(t, sandbox.EndExit, res.End, "%+v", res)
		require.Contains(t, string(res.Output), "mine\n")
		res, err = s.Run(t.Context(), "kill %1; wait 2>/dev/null; echo quiet", 10*time.Second)
		require.NoError(t, err)
		require.Equal(t, sandbox.EndExit, res.End, "%+v", res)
		require.Contains(t, string(res.Output), "quiet\n")
		res, err = s.Run(t.Context(), "echo on", 10*time.Second)
		require.NoError(t, err)
		require.Equal(t, "on\n", string(res.Output))
		require.NoError(t, s.Close())
		h.endure(t, sb)
	})
}

// giants are commands that are too large, or no text.
func giants(t *testing.T, sb *guest.Sandbox, h *host) {
	h.do(t, sb, []deed{
		{"an argument that is too long", sandbox.Command{Argv: []string{"true", strings.Repeat("x", 200<<10)}}, only(sandbox.EndRefused), "", nil},
		{"a variable that is too long", sandbox.Command{Argv: []string{"true"}, Env: map[string]string{"X": strings.Repeat("x", 200<<10)}}, only(sandbox.EndRefused), "", nil},
		{"an argument with a NUL", sandbox.Command{Argv: []string{"echo", "a\x00b"}}, only(sandbox.EndRefused), "", nil},
		{"a variable with a NUL", sandbox.Command{Argv: []string{"true"}, Env: map[string]string{"X": "a\x00b"}}, only(sandbox.EndRefused), "", nil},
		{"a folder with a NUL", sandbox.Command{Argv: []string{"true"}, Dir: "/tmp\x00"}, only(sandbox.EndRefused), "", nil},
		{"a script with a NUL", sandbox.Command{Script: "echo a\x00b"}, only(sandbox.EndRefused), "", nil},
		{"a script that is too long", sandbox.Command{Script: "# " + strings.Repeat("x", 200<<10)}, only(sandbox.EndRefused), "", nil},
		{"a program whose name is a frame", sandbox.Command{Argv: []string{strings.Repeat("x", 1<<20-100)}}, only(sandbox.EndRefused), "", nil},
		{"a folder whose name is a frame", sandbox.Command{Argv: []string{"true"}, Dir: "/" + strings.Repeat("x", 1<<20-100)}, only(sandbox.EndRefused), "", nil},
		{"a user whose name is a frame", sandbox.Command{Argv: []string{"true"}, User: strings.Repeat("x", 1<<20-100)}, only(sandbox.EndRefused), "", nil},
	})
	t.Run("text that is none", func(t *testing.T) {
		res, err := sb.Run(t.Context(), sandbox.Command{Argv: []string{"echo", "\xff"}})
		require.NoError(t, err)
		require.Equal(t, "\xff\n", string(res.Output), "not another text in its place")
		require.Error(t, sb.WriteFile(t.Context(), "/tmp/\xff", nil))
		require.Error(t, sb.WriteFile(t.Context(), "/tmp/a\x00b", nil))
		h.endure(t, sb)
	})
	t.Run("a script of 1 MB for a session", func(t *testing.T) {
		s, err := sb.Shell(t.Context(), "/tmp")
		require.NoError(t, err)
		script := strings.Repeat("# a comment that is as long as the script is to be\n", 20_000) + "echo on"
		res, err := s.Run(t.Context(), script, 30*time.Second)
		require.NoError(t, err)
		require.Equal(t, "on\n", string(res.Output), "%+v", res)
		_, err = s.Run(t.Context(), script+script, 30*time.Second)
		require.ErrorContains(t, err, "more than the guest takes")
		res, err = s.Run(t.Context(), "export BIG=$(head -c 120000 /dev/zero | tr '\\0' '\\1'); echo on", 30*time.Second)
		require.NoError(t, err)
		require.Equal(t, "on\n", string(res.Output), "%+v", res)
		require.NoError(t, s.Close())
		h.endure(t, sb)
	})
}
