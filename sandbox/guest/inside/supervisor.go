package inside

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

// The file descriptors on which the guest and a supervisor exchange frames.
const (
	requestsFD = 3
	repliesFD  = 4
)

// A supervisor is a process of its own between the guest and what a policy
// runs. It is the subreaper of all that: whatever a command forks, however
// often, ends up as the supervisor's child and can be found and killed. It
// speaks the wire protocol with the guest.
type supervisor struct {
	requests chan wire.Frame // closed when the guest is gone
	replies  *wire.Writer
	children *children
}

func newSupervisor() (*supervisor, error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, os.NewSyscallError("become subreaper", err)
	}
	deafen()
	unix.CloseOnExec(requestsFD)
	unix.CloseOnExec(repliesFD)
	s := &supervisor{
		requests: make(chan wire.Frame),
		replies:  wire.NewWriter(os.NewFile(repliesFD, "replies")),
		children: newChildren(),
	}
	go func() {
		r := wire.NewReader(os.NewFile(requestsFD, "requests"))
		for {
			f, err := r.Next()
			if err != nil {
				close(s.requests)
				return
			}
			s.requests <- f
		}
	}()
	return s, nil
}

// reply ends request with a result and the output that goes before it.
func (s *supervisor) reply(request uint32, out []byte, result any) error {
	for chunk := range slices.Chunk(out, wire.Chunk) {
		if err := s.replies.Frame(wire.Frame{Type: wire.Data, Request: request, Payload: chunk}); err != nil {
			return err
		}
	}
	return s.replies.JSON(wire.Result, request, result)
}

// SuperviseExec runs the one command that the guest asks for, ends all of its
// descendants, and answers. It is the guest program's mode "exec".
func SuperviseExec() error {
	s, err := newSupervisor()
	if err != nil {
		return err
	}
	first, ok := <-s.requests
	if !ok {
		return nil
	}
	var call wire.Call
	if err := json.Unmarshal(first.Payload, &call); err != nil {
		return fmt.Errorf("reading the command: %w", err)
	}
	out, res, err := s.exec(*call.Command, call.Stdin)
	if err != nil {
		return s.replies.JSON(wire.Failure, first.Request, wire.NewError(err))
	}
	return s.reply(first.Request, out, res)
}

func (s *supervisor) exec(c sandbox.Command, in []byte) ([]byte, sandbox.Result, error) {
	began := time.Now()
	limit := c.OutputCap
	if limit == 0 {
		limit = sandbox.DefaultOutputCap
	}
	out, err := newOutput(limit)
	if err != nil {
		return nil, sandbox.Result{}, err
	}
	oom := oomKills()
	environ := environment(c.Env)
	path, err := lookPath(c.Argv, c.Dir, environ)
	if err != nil {
		return nil, refused(err, began), nil
	}
	stdin, err := input(in)
	if err != nil {
		return nil, sandbox.Result{}, err
	}
	dir := c.Dir
	if dir == "" {
		dir = "/"
	}
	process, err := s.children.start(path, c.Argv, &os.ProcAttr{
		Dir:   dir,
		Env:   environ,
		Files: []*os.File{stdin, out.write, out.write},
		Sys:   &unix.SysProcAttr{Setsid: true},
	})
	_ = stdin.Close()
	_ = out.write.Close()
	if err != nil {
		return nil, refused(err, began), nil
	}

	var deadline <-chan time.Time
	if c.Timeout > 0 {
		deadline = time.After(c.Timeout)
	}
	var res sandbox.Result
	select {
	case <-process.ended:
		res = ended(process.status, oom)
	case <-deadline:
		res = sandbox.Result{End: sandbox.EndTimeout, ExitCode: -1}
	case <-s.requests: // cancelled, or the guest is gone
		res = sandbox.Result{End: sandbox.EndSignal, ExitCode: -1, Signal: "SIGKILL", Reason: "cancelled"}
	}
	res.Duration = time.Since(began)
	if !childless() {
		if err := killAll(nil); err != nil {
			return nil, res, fmt.Errorf("%w: %w", err, sandbox.ErrBroken)
		}
	}
	kept, dropped := out.take(limit)
	res.Dropped = dropped
	return kept, res, nil
}

func refused(err error, began time.Time) sandbox.Result {
	return sandbox.Result{End: sandbox.EndRefused, ExitCode: -1, Reason: err.Error(), Duration: time.Since(began)}
}

// ended tells how a process ended; oom is oomKills before it began.
func ended(ws unix.WaitStatus, oom int64) sandbox.Result {
	if ws.Exited() {
		return sandbox.Result{End: sandbox.EndExit, ExitCode: ws.ExitStatus()}
	}
	r := sandbox.Result{End: sandbox.EndSignal, ExitCode: -1, Signal: unix.SignalName(ws.Signal())}
	if ws.Signal() == unix.SIGKILL && oomKills() > oom {
		r.End = sandbox.EndMemory
	}
	return r
}

// oomKills is how often the kernel has killed a process of this sandbox for
// memory, as the memory cgroup (version 2, then 1) tells it; 0 where it does
// not tell.
func oomKills() int64 {
	for _, name := range []string{"/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"} {
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			var n int64
			if _, err := fmt.Sscanf(line, "oom_kill %d", &n); err == nil {
				return n
			}
		}
	}
	return 0
}

// input is a file that holds what a command reads on its standard input.
func input(b []byte) (*os.File, error) {
	if b == nil {
		return os.Open(os.DevNull)
	}
	fd, err := unix.MemfdCreate("stdin", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	f := os.NewFile(uintptr(fd), "stdin")
	if _, err := f.Write(b); err != nil {
		return nil, err
	}
	_, err = f.Seek(0, 0)
	return f, err
}

// environment is this process's environment with extra in it.
func environment(extra map[string]string) []string {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		k, _, _ := strings.Cut(kv, "=")
		_, replaced := extra[k]
		return replaced
	})
	for k, v := range extra {
		env = append(env, k+"="+v)
	}
	slices.Sort(env)
	return env
}

// lookPath finds the program of argv as execvpe would.
func lookPath(argv []string, dir string, environ []string) (string, error) {
	if len(argv) == 0 || argv[0] == "" {
		return "", errors.New("no program given")
	}
	name := argv[0]
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join("/", dir, name)
		}
		return name, nil
	}
	path := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	for _, kv := range environ {
		if v, ok := strings.CutPrefix(kv, "PATH="); ok && v != "" {
			path = v
		}
	}
	for _, d := range filepath.SplitList(path) {
		p := filepath.Join("/", d, name)
		if st, err := os.Stat(p); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return p, nil
		}
	}
	return "", fmt.Errorf("%s: no such program in PATH (%s)", name, path)
}
