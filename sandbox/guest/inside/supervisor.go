package inside

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

// linkFD is the descriptor of a supervisor's socket to the guest.
const linkFD = 3

// beSupervisor makes this process the subreaper of all that it starts. What it
// starts goes before the guest when memory runs out.
func beSupervisor() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("become subreaper", err)
	}
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("500"), 0)
	deafen()
	stock(supervisorThreads)
	return nil
}

// SuperviseExec runs commands that the guest asks for, one after another. At
// the end of each it ends all of its descendants, and answers. It is the guest
// program's mode "exec".
func SuperviseExec() error {
	if err := beSupervisor(); err != nil {
		return err
	}
	conceal()
	unix.CloseOnExec(linkFD)
	l, err := newLink(linkFD, maxFDs)
	if err != nil {
		return err
	}
	s := newSupervisor(l)
	for a := range s.asked {
		if a.frame.Type != wire.Request {
			continue // a cancellation that came too late
		}
		if err := s.answer(a); err != nil {
			return err
		}
	}
	return killAll(nil)
}

// A supervisor is a process of its own between the guest and what a policy
// runs. It is the subreaper of all that: whatever a command forks, however
// often, ends up as the supervisor's child and can be found and killed.
type supervisor struct {
	link     *link
	asked    chan asked // closed when the guest is gone
	children *children
	environ  []string
}

// newSupervisor returns one that listens to the guest.
func newSupervisor(l *link) *supervisor {
	s := &supervisor{link: l, asked: make(chan asked), children: newChildren(0), environ: os.Environ()}
	go func() {
		defer close(s.asked)
		for {
			f, fds, err := l.next()
			if err != nil {
				return // the guest is gone, or wants this process to go
			}
			s.asked <- asked{f, fds}
		}
	}()
	return s
}

// asked is a frame from the guest with the descriptors that came with it.
type asked struct {
	frame wire.Frame
	fds   []int
}

func (s *supervisor) answer(a asked) error {
	if len(a.fds) != 2 {
		return fmt.Errorf("%d descriptors came with a command", len(a.fds))
	}
	// From here on the guest takes the command for one that was begun.
	if err := s.link.send(wire.Frame{Type: wire.Ready}); err != nil {
		return err
	}
	var c sandbox.Command
	if err := json.Unmarshal(a.frame.Payload, &c); err != nil {
		return fmt.Errorf("reading the command: %w", err)
	}
	res, err := s.run(c, a.fds[0], a.fds[1])
	if err != nil {
		return s.link.w.JSON(wire.Failure, 0, wire.NewError(err))
	}
	return s.link.w.JSON(wire.Result, 0, res)
}

// run runs a command to its end and ends all that it has left. The descriptors
// are its standard input and output.
func (s *supervisor) run(c sandbox.Command, in, out int) (sandbox.Result, error) {
	process, err := s.start(c, in, out)
	_ = unix.Close(in)
	_ = unix.Close(out)
	if err != nil {
		return refused(err), nil
	}
	var deadline <-chan time.Time
	if c.Timeout > 0 {
		t := time.NewTimer(c.Timeout)
		defer t.Stop()
		deadline = t.C
	}
	var res sandbox.Result
	select {
	case <-process.ended:
		res = ended(process.status)
	case <-deadline:
		res = sandbox.Result{End: sandbox.EndTimeout, ExitCode: -1}
	case <-s.asked: // cancelled, or the guest is gone
		res = sandbox.Result{End: sandbox.EndSignal, ExitCode: -1, Signal: "SIGKILL", Reason: "cancelled"}
	}
	if !childless() {
		if err := killAll(nil); err != nil {
			return res, fmt.Errorf("%w: %w", err, sandbox.ErrBroken)
		}
	}
	res.CPU, res.MemoryPeak = s.children.used()
	return res, nil
}

func (s *supervisor) start(c sandbox.Command, in, out int) (*process, error) {
	environ := s.environ
	if len(c.Env) > 0 {
		environ = environment(environ, c.Env)
	}
	argv := c.Argv
	if c.Script != "" {
		if len(argv) > 0 {
			return nil, errors.New("a command is either arguments or a script, not both")
		}
		argv = []string{"bash", "-c", c.Script}
		if _, err := lookPath(argv, "", environ); err != nil {
			argv[0] = "sh"
		}
	}
	path, err := lookPath(argv, c.Dir, environ)
	if err != nil {
		return nil, err
	}
	sys := &syscall.SysProcAttr{Setsid: true}
	if c.Terminal != nil {
		sys.Setctty, sys.Ctty = true, 0
		kind := c.Terminal.Type
		if kind == "" {
			kind = "xterm-256color"
		}
		environ = environment(environ, map[string]string{"TERM": kind})
	}
	if sys.Credential, err = credential(c.User); err != nil {
		return nil, err
	}
	dir := c.Dir
	if dir == "" {
		dir = "/"
	}
	p, err := s.children.start(path, argv, &syscall.ProcAttr{
		Dir:   dir,
		Env:   environ,
		Files: []uintptr{uintptr(in), uintptr(out), uintptr(out)},
		Sys:   sys,
	})
	if sys.Credential != nil && errors.Is(err, unix.EPERM) {
		return nil, fmt.Errorf("user %s: this sandbox has no capability to become another user; its image says who runs in it", c.User)
	}
	return p, err
}

func refused(err error) sandbox.Result {
	return sandbox.Result{End: sandbox.EndRefused, ExitCode: -1, Reason: wire.NewError(err).Message}
}

// ended tells how a process ended.
func ended(ws unix.WaitStatus) sandbox.Result {
	if ws.Exited() {
		return sandbox.Result{End: sandbox.EndExit, ExitCode: ws.ExitStatus()}
	}
	return sandbox.Result{End: sandbox.EndSignal, ExitCode: -1, Signal: unix.SignalName(ws.Signal())}
}

// environment is base with extra in it.
func environment(base []string, extra map[string]string) []string {
	env := slices.DeleteFunc(slices.Clone(base), func(kv string) bool {
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
