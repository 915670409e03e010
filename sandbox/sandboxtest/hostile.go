package sandboxtest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
)

// hostile checks a sandbox against programs that mean harm. They are rows of
// tables: what is done, and the end that it has, which is named beforehand.
// Whatever the row, the next action works, nothing is left of it, and the host
// is unharmed.
func hostile(t *testing.T, driver sandbox.Driver) {
	h := newHost(t)
	for _, part := range []struct {
		name string
		run  func(*testing.T, sandbox.Driver, *host)
	}{
		{"bombs", bombs},
		{"kills", kills},
		{"outputs", outputs},
		{"files", tricks},
		{"escapes", escapes},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, driver, h) })
	}
}

// A deed is what a hostile program does to a sandbox, and how it must end.
type deed struct {
	name string
	cmd  sandbox.Command
	ends []sandbox.End // one of these; none means success
	says string        // a regular expression for the whole output
	// after says what else must be so.
	after func(t *testing.T, sb *guest.Sandbox, res sandbox.Result)
}

// do does the deeds in one sandbox, one after another.
func (h *host) do(t *testing.T, sb *guest.Sandbox, deeds []deed) {
	for _, d := range deeds {
		t.Run(d.name, func(t *testing.T) { h.commit(t, sb, d) })
	}
}

func (h *host) commit(t *testing.T, sb *guest.Sandbox, d deed) {
	t.Helper()
	res, err := sb.Run(t.Context(), d.cmd)
	require.NoError(t, err)
	t.Logf("%s (exit code %d) after %v", res.End, res.ExitCode, res.Duration.Round(time.Millisecond))
	about := fmt.Sprintf("%s, %s, %s: %.1000q", res.End, res.Signal, res.Reason, res.Output)
	if d.ends == nil {
		require.True(t, res.Succeeded(), "exit code %d: %s", res.ExitCode, about)
	} else {
		require.Contains(t, d.ends, res.End, about)
	}
	require.Equal(t, res.End == sandbox.EndExit || res.End == sandbox.EndQuota && res.ExitCode > 0, res.ExitCode >= 0, about)
	require.True(t, regexp.MustCompile(`(?s)\A`+d.says+`\z`).Match(res.Output), "it does not say %q: %s", d.says, about)
	if d.after != nil {
		d.after(t, sb, res)
	}
	h.endure(t, sb)
}

// endure requires that the sandbox is as good as new and the host as it was.
func (h *host) endure(t *testing.T, sb *guest.Sandbox) {
	t.Helper()
	res, err := sb.Run(t.Context(), sh("echo on"))
	require.NoError(t, err, "the next action")
	require.Equal(t, "on\n", string(res.Output), "%+v", res)
	used, err := sb.Usage(t.Context())
	require.NoError(t, err)
	require.Zero(t, used.Processes, "processes are left: %s", others(t, sb))
	require.Equal(t, sandboxProcesses, others(t, sb), "processes are left")
	h.unharmed(t)
}

// anything is what a deed says whose output does not matter.
const anything = ".*"

// sandboxProcesses is what others finds where nothing runs.
const sandboxProcesses = ""

// others lists the processes that the kernel shows inside, without the guest,
// its supervisors, and the shell that looks.
func others(t *testing.T, sb *guest.Sandbox) string {
	t.Helper()
	res, err := sb.Run(t.Context(), sh(`for p in /proc/[0-9]*; do
		read -r stat <$p/stat || continue
		pid=${stat%% *} state=${stat##*) }; set -- $state
		[ $pid = 1 ] || [ $pid = $$ ] || [ "$2" = 1 ] && continue
		[ $1 = Z ] && [ ${18} -le 1 ] && continue # else its first thread alone has ended
		echo "$stat"
	done 2>/dev/null; true`))
	require.NoError(t, err)
	require.True(t, res.Succeeded(), "%s", res.Output)
	return string(res.Output)
}

// A host is what a hostile program must not reach: a file, three listeners,
// the name and the clock of the machine.
type host struct {
	dir      string
	file     string
	tcp      string // where something listens
	abstract string
	socket   string
	reached  atomic.Int64 // connections to any of them
	name     string
	began    time.Time
	probe    []byte // the program of package probe
}

// secret is what the host's file holds.
const secret = "a secret of the host"

func newHost(t *testing.T) *host {
	t.Helper()
	h := &host{dir: t.TempDir(), began: time.Now()}
	h.file = filepath.Join(h.dir, "file")
	h.socket = filepath.Join(h.dir, "socket")
	require.NoError(t, os.WriteFile(h.file, []byte(secret), 0o644))
	require.NoError(t, os.Chmod(filepath.Dir(h.dir), 0o755))
	var err error
	h.name, err = os.Hostname()
	require.NoError(t, err)
	h.abstract = fmt.Sprintf("@apprentice-hostile-%d", os.Getpid())
	h.tcp = h.listen(t, "tcp", "127.0.0.1:0")
	h.listen(t, "unix", h.abstract)
	h.listen(t, "unix", h.socket)

	h.probe = Program(t, "sandbox/sandboxtest/probe")
	out := filepath.Join(h.dir, "probe")
	require.NoError(t, os.WriteFile(out, h.probe, 0o755))

	// The probe can reach them from here, so what it cannot do inside says
	// something.
	for i, at := range h.endpoints() {
		said, err := exec.Command(out, "dial", at.network, at.address).Output()
		require.NoError(t, err)
		require.Equal(t, "dial\tallowed\n", string(said))
		require.Eventually(t, func() bool { return h.reached.Load() == int64(i+1) }, 10*time.Second, time.Millisecond)
	}
	h.reached.Store(0)
	return h
}

type endpoint struct{ network, address string }

func (h *host) endpoints() []endpoint {
	return []endpoint{{"tcp", h.tcp}, {"unix", h.abstract}, {"unix", h.socket}}
}

// listen counts connections until the test ends.
func (h *host) listen(t *testing.T, network, address string) string {
	t.Helper()
	l, err := net.Listen(network, address)
	require.NoError(t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			h.reached.Add(1)
			_ = c.Close()
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		serving.Wait()
	})
	return l.Addr().String()
}

// unharmed requires that the host is as it was.
func (h *host) unharmed(t *testing.T) {
	t.Helper()
	b, err := os.ReadFile(h.file)
	require.NoError(t, err)
	require.Equal(t, secret, string(b), "a file of the host")
	name, err := os.Hostname()
	require.NoError(t, err)
	require.Equal(t, h.name, name, "the host's name")
	// One clock can be set, the other cannot.
	drift := time.Now().Round(0).Sub(h.began.Round(0)) - time.Since(h.began)
	require.Less(t, drift.Abs(), time.Minute, "the host's clock")
	require.Zero(t, h.reached.Load(), "connections to the host")
}

// running lists the processes of the host with a mark among their arguments.
func running(t *testing.T, mark string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	var found []string
	for _, name := range files {
		b, _ := os.ReadFile(name) // it may be gone
		if strings.Contains(string(b), mark) {
			found = append(found, strings.ReplaceAll(string(b), "\x00", " "))
		}
	}
	return found
}

// putProbe puts the probe into a sandbox.
func (h *host) putProbe(t *testing.T, sb *guest.Sandbox) string {
	t.Helper()
	const path = "/tmp/probe/probe"
	require.NoError(t, sb.WriteFile(t.Context(), path, h.probe))
	res, err := sb.Run(t.Context(), sandbox.Command{Argv: []string{"chmod", "755", path}})
	require.NoError(t, err)
	require.True(t, res.Succeeded(), "%s", res.Output)
	return path
}

// attempt runs the probe and returns what became of each attempt.
func (h *host) attempt(t *testing.T, sb *guest.Sandbox, args ...string) map[string]string {
	t.Helper()
	res, err := sb.Run(t.Context(), sandbox.Command{Argv: append([]string{h.putProbe(t, sb)}, args...)})
	require.NoError(t, err)
	require.True(t, res.Succeeded(), "%+v %s", res, res.Output)
	said := make(map[string]string)
	for line := range strings.Lines(string(res.Output)) {
		name, result, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		said[name] = result
	}
	require.NotEmpty(t, said)
	return said
}

// emulated reports whether the guest is a program of another architecture. It
// cannot put a filter over itself then.
func emulated(t *testing.T, sb *guest.Sandbox) bool {
	t.Helper()
	b, err := sb.ReadFile(t.Context(), "/proc/self/exe")
	require.NoError(t, err)
	own, err := os.ReadFile("/proc/self/exe")
	require.NoError(t, err)
	const machine = 18 // e_machine, in the header of an ELF program
	return !bytes.Equal(b[machine:machine+2], own[machine:machine+2])
}

// genuine is a digest of the program that the guest runs, as the guest tells.
func genuine(t *testing.T, sb *guest.Sandbox) [sha256.Size]byte {
	t.Helper()
	b, err := sb.ReadFile(t.Context(), "/proc/self/exe")
	require.NoError(t, err)
	return sha256.Sum256(b)
}

// enforced reports whether a limit is in force. Where it is not, a Spec that
// requires it must be refused, and the deeds that it bounds are not done.
func enforced(t *testing.T, driver sandbox.Driver, limit sandbox.Limit) bool {
	t.Helper()
	in, err := driver.Start(t.Context(), sandbox.Spec{Require: []sandbox.Limit{limit}})
	if err == nil {
		require.NoError(t, in.Destroy(t.Context()))
		return true
	}
	require.ErrorIs(t, err, sandbox.ErrUnenforced)
	t.Logf("%s is not enforced here; a sandbox that requires it is refused: %v", limit, err)
	return false
}

// only is a list of ends, for the tables.
func only(ends ...sandbox.End) []sandbox.End { return ends }

// counting is a writer that keeps nothing.
type counting struct{ n int64 }

func (c *counting) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

var _ io.Writer = (*counting)(nil)

// sorted returns the keys of a map, in order.
func sorted(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
