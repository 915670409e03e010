package inside

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// children starts and reaps processes. As the init of a sandbox, or as a
// subreaper, this process also inherits orphans that it never started; one
// goroutine waits for them all, so nobody else may.
type children struct {
	mu    sync.Mutex
	exits map[int]chan unix.WaitStatus
	wake  chan struct{} // told when there is a child to wait for again
}

func newChildren() *children {
	c := &children{exits: make(map[int]chan unix.WaitStatus), wake: make(chan struct{}, 1)}
	go c.reap()
	return c
}

func (c *children) reap() {
	for {
		var ws unix.WaitStatus
		pid, err := unix.Wait4(-1, &ws, 0, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil: // no children now
			<-c.wake
			continue
		}
		c.mu.Lock()
		if ch, ok := c.exits[pid]; ok {
			ch <- ws
			delete(c.exits, pid)
		}
		c.mu.Unlock()
	}
}

// start starts a process; its exit comes on the returned channel.
func (c *children) start(path string, argv []string, attr *os.ProcAttr) (pid int, exit <-chan unix.WaitStatus, err error) {
	// The lock is held across the fork, so that the reaper cannot look for a
	// pid that is not in the map yet.
	c.mu.Lock()
	defer c.mu.Unlock()
	p, err := os.StartProcess(path, argv, attr)
	if err != nil {
		return 0, nil, err
	}
	ch := make(chan unix.WaitStatus, 1)
	c.exits[p.Pid] = ch
	pid = p.Pid
	_ = p.Release() // the reaper waits, not p
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return pid, ch, nil
}

// killAll kills every descendant of this process but those in spare, and
// returns when they are gone. Because the caller is a subreaper, a process that
// forks twice or starts a session of its own is a descendant all the same.
func killAll(spare map[int]bool) error {
	const patience = 10 * time.Second
	for deadline := time.Now().Add(patience); ; {
		left := 0
		for _, pid := range descendants(os.Getpid()) {
			if spare[pid] {
				continue
			}
			left++
			_ = unix.Kill(pid, unix.SIGKILL) // it may be gone already
		}
		if left == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d processes are still there %v after they were killed", left, patience)
		}
		time.Sleep(time.Millisecond)
	}
}

// childless reports, cheaply, that this process has no descendants.
func childless() bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/children", os.Getpid()))
	if err != nil || len(b) > 0 {
		return false
	}
	// Children may hang on any thread of this process.
	return len(descendants(os.Getpid())) == 0
}

// descendants lists the living descendants of root.
func descendants(root int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	kids := make(map[int][]int)
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		b, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		// pid (command, which may hold anything) state ppid …
		s := string(b)
		f := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
		if len(f) < 2 || f[0] == "Z" || f[0] == "X" {
			continue
		}
		ppid, _ := strconv.Atoi(f[1])
		kids[ppid] = append(kids[ppid], pid)
	}
	var all []int
	for queue := kids[root]; len(queue) > 0; {
		pid := queue[0]
		queue = append(queue[1:], kids[pid]...)
		all = append(all, pid)
	}
	return all
}
