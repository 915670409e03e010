package inside

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// spent sums up what commands that have ended have used.
type spent struct {
	mu   sync.Mutex
	cpu  time.Duration
	peak int64
}

func (s *spent) add(r sandbox.Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cpu += r.CPU
	s.peak = max(s.peak, r.MemoryPeak)
}

// usage asks the control groups first, where the driver shows them.
func (g *guest) usage() (sandbox.Usage, error) {
	g.spent.mu.Lock()
	u := sandbox.Usage{CPU: g.spent.cpu, MemoryPeak: g.spent.peak}
	g.spent.mu.Unlock()
	if cpu, ok := groupCPU(); ok {
		u.CPU = cpu
	}
	if peak, ok := groupPeak(); ok {
		u.MemoryPeak, u.Whole = peak, true
	}
	supervisors := g.children.pids()
	living, _ := descendants(os.Getpid(), nil)
	for _, pid := range living {
		if !supervisors[pid] {
			u.Processes++
		}
	}
	if g.ownDisk {
		var st unix.Statfs_t
		if err := unix.Statfs("/", &st); err != nil {
			return u, &os.PathError{Op: "statfs", Path: "/", Err: err}
		}
		u.Written = int64(st.Blocks-st.Bfree) * st.Bsize
	}
	return u, nil
}

// full reports whether the file system of a folder has no room left.
func full(dir string) bool {
	for _, path := range []string{dir, "/"} {
		var st unix.Statfs_t
		if path != "" && unix.Statfs(path, &st) == nil && st.Blocks > 0 && (st.Bavail == 0 || st.Files > 0 && st.Ffree == 0) {
			return true
		}
	}
	return false
}

// The files of the sandbox's own control group, as version 2 and version 1 call
// them.

// ooms watches how often the kernel kills for memory. It is asked before and
// after each command, so the file stays open.
type ooms struct {
	once sync.Once
	fd   int
}

// kills is how often the kernel has killed a process of this sandbox for
// memory; 0 where it does not tell.
func (o *ooms) kills() int64 {
	o.once.Do(func() {
		o.fd = -1
		for _, name := range []string{"/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"} {
			fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err == nil {
				o.fd = fd
				return
			}
		}
	})
	if o.fd < 0 {
		return 0
	}
	buf := make([]byte, 512)
	n, err := unix.Pread(o.fd, buf, 0)
	if err != nil {
		return 0
	}
	count, _ := value(string(buf[:n]), "oom_kill")
	return count
}

func groupCPU() (time.Duration, bool) {
	if n, ok := field("/sys/fs/cgroup/cpu.stat", "usage_usec"); ok {
		return time.Duration(n) * time.Microsecond, true
	}
	for _, controller := range []string{"cpuacct", "cpu,cpuacct"} {
		if n, ok := field("/sys/fs/cgroup/"+controller+"/cpuacct.usage", ""); ok {
			return time.Duration(n), true
		}
	}
	return 0, false
}

func groupPeak() (int64, bool) {
	for _, name := range []string{"/sys/fs/cgroup/memory.peak", "/sys/fs/cgroup/memory/memory.max_usage_in_bytes"} {
		if n, ok := field(name, ""); ok {
			return n, true
		}
	}
	return 0, false
}

// field is the value of a key in a file.
func field(name, key string) (int64, bool) {
	b, err := os.ReadFile(name)
	if err != nil {
		return 0, false
	}
	return value(string(b), key)
}

// value finds the number after a key in lines of the form "key number"; an
// empty key stands for one number alone.
func value(text, key string) (int64, bool) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) > 0 && (key == "" || f[0] == key) {
			n, err := strconv.ParseInt(f[len(f)-1], 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}

// cpuOf is the processor time of a process and of the children that it has
// waited for; 0 when it is gone.
func cpuOf(pid int) time.Duration {
	const tick = 10 * time.Millisecond // the kernel's unit for programs, on all that we build for
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The second field is the command in parentheses and may hold anything.
	s := string(b)
	f := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
	var ticks int64
	if len(f) > 14 {
		for _, v := range f[11:15] { // utime, stime, cutime, cstime
			n, _ := strconv.ParseInt(v, 10, 64)
			ticks += n
		}
	}
	return time.Duration(ticks) * tick
}
