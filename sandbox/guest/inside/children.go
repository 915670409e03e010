package inside

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// children starts and reaps processes. As the init of a sandbox, or as a
// subreaper, this process also inherits orphans that it never started; one
// goroutine waits for them all, so nobody else may.
type children struct {
	flags   int // for wait
	fork    func(path string, argv []string, attr *syscall.ProcAttr) (pid int, err error)
	mu      sync.Mutex
	started map[int]*process // those that have not ended
	wake    chan struct{}    // told when there is a child to wait for again
	// reaping is held while children are reaped. Who holds it keeps those that
	// end as zombies. It is taken after mu, never before it.
	reaping sync.Mutex
}

// A process is one that children has started.
type process struct {
	pid    int
	ended  chan struct{}   // closed when the process has ended
	status unix.WaitStatus // once ended is closed
}

// gone reports whether the process has ended.
func (p *process) gone() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// runs reports whether arg is among the arguments of the program that the
// process runs: an exec puts another one in its place.
func (p *process) runs(arg string) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.pid))
	return err == nil && slices.Contains(strings.Split(string(b), "\x00"), arg)
}

// kill kills the process, unless it has ended, and waits for its end.
func (p *process) kill() {
	if !p.gone() {
		_ = unix.Kill(p.pid, unix.SIGKILL)
	}
	<-p.ended
}

// within waits until the process has ended, and kills it if that takes longer
// than d.
func (p *process) within(d time.Duration) {
	late := time.NewTimer(d)
	defer late.Stop()
	select {
	case <-p.ended:
	case <-late.C:
		p.kill()
	}
}

// newChildren waits with these flags. With unix.WUNTRACED, a child that
// something stops is sent on its way again: nothing but a policy stops a
// supervisor.
func newChildren(flags int) *children {
	c := &children{flags: flags, fork: forkExec, started: make(map[int]*process), wake: make(chan struct{}, 1)}
	go c.reap()
	return c
}

func (c *children) reap() {
	for {
		err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOWAIT|c.flags, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil: // no children now
			<-c.wake
			continue
		}
		var ws unix.WaitStatus
		c.reaping.Lock()
		pid, err := unix.Wait4(-1, &ws, c.flags|unix.WNOHANG, nil)
		c.reaping.Unlock()
		if err != nil || pid == 0 {
			continue
		}
		if ws.Stopped() {
			// Without the lock: who starts a process holds it until that has
			// been executed, and a policy may have stopped it before.
			_ = unix.Kill(pid, unix.SIGCONT)
			continue
		}
		c.mu.Lock()
		if p, ok := c.started[pid]; ok {
			p.status = ws
			close(p.ended)
			delete(c.started, pid)
		}
		c.mu.Unlock()
	}
}

// pids are those of the processes that were started and have not ended.
func (c *children) pids() map[int]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := make(map[int]bool, len(c.started))
	for pid := range c.started {
		m[pid] = true
	}
	return m
}

// start starts a process.
func (c *children) start(path string, argv []string, attr *syscall.ProcAttr) (*process, error) {
	// The lock is held across the fork, so that the reaper cannot look for a
	// pid that is not in the map yet, and sweep sees no process of ours that is
	// not there.
	c.mu.Lock()
	defer c.mu.Unlock()
	pid, err := c.fork(path, argv, attr)
	if err != nil {
		return nil, err
	}
	p := &process{pid: pid, ended: make(chan struct{})}
	c.started[p.pid] = p
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return p, nil
}

// forkExec starts a process that the caller waits for: os.StartProcess would
// want to do that itself.
func forkExec(path string, argv []string, attr *syscall.ProcAttr) (int, error) {
	pid, err := syscall.ForkExec(path, argv, attr)
	if err == nil {
		return pid, nil
	}
	if st, serr := os.Stat(attr.Dir); attr.Dir != "" && (serr != nil || !st.IsDir()) {
		return 0, fmt.Errorf("%s is not a directory", attr.Dir)
	}
	return 0, &os.PathError{Op: "fork/exec", Path: path, Err: err}
}

// sweep kills what processes that have ended left behind: every descendant of
// this process that is neither one that it started nor a descendant of one. It
// returns when they are gone.
func (c *children) sweep() error {
	seen, faster := make(map[int]bool), 0
	return kill(func() (living, dead []int) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.reaping.Lock()
		defer c.reaping.Unlock()
		living, dead = descendants(os.Getpid(), func(pid int) bool { return c.started[pid] != nil })
		if !slices.ContainsFunc(living, func(pid int) bool { return seen[pid] }) {
			faster++ // all of these are new, or there are none yet to be seen
		}
		for _, pid := range living {
			seen[pid] = true
		}
		if faster > 100 && os.Getpid() == 1 {
			// They are faster than the look at them. This signal nothing
			// escapes that is not init: the kernel lets no fork in between.
			// It is the end of what others run here too.
			_ = unix.Kill(-1, unix.SIGKILL)
		}
		return living, dead
	})
}

// killAll is the function killAll for a process that has these children. None
// may be started meanwhile.
func (c *children) killAll() error {
	c.reaping.Lock()
	defer c.reaping.Unlock()
	return killAll()
}

// killAll kills every descendant of this process and returns when they are
// gone. Because the caller is a subreaper, a process that forks twice or starts
// a session of its own is a descendant all the same.
//
// Children that end meanwhile must stay zombies. Then something of what is to
// go is always to be seen among the children of this process, however fast it
// forks and ends; and where the number of processes is bounded it soon forks no
// more.
func killAll() error {
	return kill(func() (living, dead []int) { return descendants(os.Getpid(), nil) })
}

var errUnkillable = errors.New("processes are still there after they were killed")

// kill kills the living processes that list returns, again and again until it
// returns none, and no child that has just died: of what that one may have
// started, a look that took its time need not have seen anything.
func kill(list func() (living, dead []int)) error {
	const patience = 10 * time.Second
	var known []int
	for deadline := time.Now().Add(patience); ; {
		living, dead := list()
		fresh := slices.ContainsFunc(dead, func(pid int) bool { return !slices.Contains(known, pid) })
		if len(living) == 0 && !fresh {
			return nil
		}
		known = dead
		for _, pid := range living {
			_ = unix.Kill(pid, unix.SIGKILL) // it may be gone already
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%w: %d, for %v", errUnkillable, len(living), patience)
		}
		time.Sleep(time.Millisecond)
	}
}

// deafen makes this process outlive the signals that end a program unless it
// handles them: a policy may send them to all that it can see. Nothing but
// SIGKILL and SIGSTOP is left, and the init of a sandbox is safe from these.
// The handlers are not inherited by what this process starts.
func deafen() {
	signal.Notify(make(chan os.Signal, 1),
		unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGABRT, unix.SIGILL, unix.SIGTRAP,
		unix.SIGBUS, unix.SIGFPE, unix.SIGSEGV, unix.SIGSYS, unix.SIGSTKFLT)
}
