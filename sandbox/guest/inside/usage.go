package inside

import (
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
	if n, ok := g.group.cpu.read(); ok {
		u.CPU = time.Duration(n)
	}
	if n, ok := g.group.peak.read(); ok {
		u.MemoryPeak, u.Whole = n, true
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

// A group is the sandbox's own control group, as far as the driver shows it.
// Its files are opened before anything runs that could put others in their
// place, or lead who opens them astray.
type group struct {
	cpu  account // nanoseconds
	peak account // bytes
	ooms account // how often the kernel has killed for memory
}

// openGroup opens the files as version 2 and version 1 call them.
func openGroup() group {
	const dir = "/sys/fs/cgroup/"
	return group{
		cpu: openAccount(
			account{path: dir + "cpu.stat", key: "usage_usec", unit: 1000},
			account{path: dir + "cpuacct/cpuacct.usage", unit: 1},
			account{path: dir + "cpu,cpuacct/cpuacct.usage", unit: 1}),
		peak: openAccount(
			account{path: dir + "memory.peak", unit: 1},
			account{path: dir + "memory/memory.max_usage_in_bytes", unit: 1}),
		ooms: openAccount(
			account{path: dir + "memory.events", key: "oom_kill", unit: 1},
			account{path: dir + "memory/memory.oom_control", key: "oom_kill", unit: 1}),
	}
}

// An account is a number that the kernel keeps in a file of a control group,
// after a key where it is not alone there.
type account struct {
	path string
	key  string
	unit int64
	fd   int
}

// openAccount opens the first of these that there is.
func openAccount(candidates ...account) account {
	for _, a := range candidates {
		fd, err := unix.Open(a.path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		var st unix.Statfs_t
		if unix.Fstatfs(fd, &st) == nil && (st.Type == unix.CGROUP2_SUPER_MAGIC || st.Type == unix.CGROUP_SUPER_MAGIC) {
			a.fd = fd
			return a
		}
		_ = unix.Close(fd) // a file of the image
	}
	return account{fd: -1}
}

func (a account) read() (int64, bool) {
	if a.fd < 0 {
		return 0, false
	}
	buf := make([]byte, 4<<10)
	n, err := unix.Pread(a.fd, buf, 0)
	if err != nil {
		return 0, false
	}
	v, ok := value(string(buf[:n]), a.key)
	return v * a.unit, ok
}

// killedForMemory is how often the kernel has killed a process of this sandbox
// for memory; 0 where it does not tell.
func (g *guest) killedForMemory() int64 {
	n, _ := g.group.ooms.read()
	return n
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
	st, _ := readStat(pid)
	return st.cpu + st.waited
}
