package inside

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

// SuperviseExec runs commands that the guest asks for, one after another. At
// the end of each it ends all of its descendants, and answers. It is the guest
// program's mode "exec".
//
// This is the way of every action, so there is one loop in one thread: handing
// over between goroutines would take longer than all the rest of it.
func SuperviseExec() error {
	if err := beSupervisor(); err != nil {
		return err
	}
	beModest()
	conceal()
	unix.CloseOnExec(linkFD)
	l, err := newLink(linkFD, maxFDs)
	if err != nil {
		return err
	}
	c := &commander{link: l, environ: os.Environ()}
	for {
		f, fds, err := l.next()
		switch {
		case err != nil: // the guest is gone, or wants this process to go
			return killAll()
		case f.Type != wire.Exec:
			continue // a cancellation that came too late
		case len(fds) == 0:
			return errors.New("no descriptors came with a command")
		}
		if err := c.answer(f, fds); err != nil {
			return err
		}
	}
}

// A commander is the supervisor of commands.
type commander struct {
	link    *link
	environ []string
}

// answer runs the command in a frame. The descriptors are its input and output,
// or one terminal that is both.
func (c *commander) answer(f wire.Frame, fds []int) error {
	defer func() {
		for _, fd := range fds {
			_ = unix.Close(fd)
		}
	}()
	call, err := wire.ParseExecCall(f.Payload)
	if err != nil {
		return fmt.Errorf("reading the command: %w", err)
	}
	res, err := c.run(call.Command, fds)
	if errors.Is(err, errUnkillable) {
		return err // the guest has other means
	}
	if err != nil {
		return c.link.w.JSON(wire.Failure, 0, wire.NewError(err))
	}
	return c.link.w.Frame(wire.Frame{Type: wire.Ended, Payload: wire.AppendResult(nil, res)})
}

// running is a command that runs.
type running struct {
	pid    int
	pidfd  int // -1 where the kernel has none (before Linux 5.3)
	over   bool
	status unix.WaitStatus
	used   sandbox.Result // its CPU and MemoryPeak
}

// run runs a command to its end and ends all that it has left.
func (c *commander) run(command sandbox.Command, fds []int) (sandbox.Result, error) {
	r, err := c.start(command, fds[0], fds[len(fds)-1])
	if err != nil {
		return refused(err), nil
	}
	if r.pidfd >= 0 {
		defer unix.Close(r.pidfd)
	}
	var deadline time.Time
	if command.Timeout > 0 {
		deadline = time.Now().Add(command.Timeout)
	}
	end, err := c.wait(r, deadline)
	if err != nil {
		return sandbox.Result{}, err
	}
	if !r.reap() {
		if err := killAll(); err != nil {
			return end, err
		}
		r.reap()
	}
	end.CPU, end.MemoryPeak = r.used.CPU, r.used.MemoryPeak
	return end, nil
}

// wait waits for the end of a command, its deadline, or the guest's word.
func (c *commander) wait(r *running, deadline time.Time) (sandbox.Result, error) {
	// Orphans are waited for now and then: as zombies they would count among
	// the processes that the sandbox may have.
	tick := 100 * time.Millisecond
	fds := []unix.PollFd{{Fd: linkFD, Events: unix.POLLIN}, {Fd: int32(r.pidfd), Events: unix.POLLIN}}
	if r.pidfd < 0 {
		fds, tick = fds[:1], time.Millisecond
	}
	for {
		for i := range fds {
			fds[i].Revents = 0
		}
		timeout := tick
		if !deadline.IsZero() {
			timeout = max(min(tick, time.Until(deadline)), 0)
		}
		told := c.link.r.Buffered()
		if !told {
			_, err := unix.Poll(fds, int((timeout+time.Millisecond-1)/time.Millisecond))
			if err != nil && err != unix.EINTR {
				return sandbox.Result{}, os.NewSyscallError("poll", err)
			}
			told = fds[0].Revents != 0
		}
		if r.reap(); r.over {
			return ended(r.status), nil
		}
		if told { // cancelled, or the guest is gone
			if _, _, err := c.link.next(); err != nil {
				return sandbox.Result{}, errors.Join(err, killAll())
			}
			return sandbox.Result{End: sandbox.EndSignal, ExitCode: -1, Signal: "SIGKILL", Reason: "cancelled"}, nil
		}
		if !deadline.IsZero() && !time.Now().Before(deadline) {
			return sandbox.Result{End: sandbox.EndTimeout, ExitCode: -1}, nil
		}
	}
}

// reap waits for all children that have ended. It reports whether that were
// all that there are: the kernel's word that nothing of a command is left.
func (r *running) reap() bool {
	for {
		var ws unix.WaitStatus
		var used unix.Rusage
		pid, err := unix.Wait4(-1, &ws, unix.WNOHANG, &used)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return err == unix.ECHILD
		case pid == 0:
			return false
		}
		r.used.CPU += time.Duration(used.Utime.Nano() + used.Stime.Nano())
		r.used.MemoryPeak = max(r.used.MemoryPeak, used.Maxrss<<10)
		if pid == r.pid {
			r.over, r.status = true, ws
		}
	}
}

func (c *commander) start(command sandbox.Command, in, out int) (*running, error) {
	environ := c.environ
	if len(command.Env) > 0 {
		environ = environment(environ, command.Env)
	}
	argv := command.Argv
	if command.Script != "" {
		if len(argv) > 0 {
			return nil, errors.New("a command is either arguments or a script, not both")
		}
		argv = []string{"bash", "-c", command.Script}
		if _, err := lookPath(argv, "", environ); err != nil {
			argv[0] = "sh"
		}
	}
	path, err := lookPath(argv, command.Dir, environ)
	if err != nil {
		return nil, err
	}
	r := &running{pidfd: -1}
	sys := &syscall.SysProcAttr{Setsid: true, PidFD: &r.pidfd}
	if command.Terminal != nil {
		sys.Setctty, sys.Ctty = true, 0
		kind := command.Terminal.Type
		if kind == "" {
			kind = "xterm-256color"
		}
		environ = environment(environ, map[string]string{"TERM": kind})
	}
	if sys.Credential, err = credential(command.User); err != nil {
		return nil, err
	}
	dir := command.Dir
	if dir == "" {
		dir = "/"
	}
	r.pid, err = forkExec(path, argv, &syscall.ProcAttr{
		Dir:   dir,
		Env:   environ,
		Files: []uintptr{uintptr(in), uintptr(out), uintptr(out)},
		Sys:   sys,
	})
	if sys.Credential != nil && errors.Is(err, unix.EPERM) {
		return nil, fmt.Errorf("user %s: this sandbox has no capability to become another user; its image says who runs in it", command.User)
	}
	return r, err
}
