package inside

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// A procStat is what /proc/PID/stat says of a process.
type procStat struct {
	zombie  bool // it has ended, with all its threads, and nobody has waited for it
	parent  int
	cpu     time.Duration // its own
	waited  time.Duration // that of the children it has waited for
	threads int
}

// readStat looks at a process; false says that it is gone.
func readStat(pid int) (procStat, bool) {
	const tick = 10 * time.Millisecond // the kernel's unit for programs, on all that we build for
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return procStat{}, false
	}
	// pid (command, which may hold anything) state ppid …: from here on, what
	// proc(5) calls field n is f[n-3].
	s := string(b)
	f := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
	if len(f) < 18 {
		return procStat{}, false
	}
	number := func(i int) int64 {
		n, _ := strconv.ParseInt(f[i-3], 10, 64)
		return n
	}
	st := procStat{
		parent:  int(number(4)),
		cpu:     time.Duration(number(14)+number(15)) * tick,
		waited:  time.Duration(number(16)+number(17)) * tick,
		threads: int(number(20)),
	}
	// A process whose first thread alone has ended is shown as a zombie too,
	// while the others run.
	st.zombie = f[0] == "X" || f[0] == "Z" && st.threads <= 1
	return st, true
}

// descendants lists the living descendants of root, and those of its children
// that are zombies, without those for which spared is true and what descends
// from them. A nil spared spares none.
func descendants(root int, spared func(pid int) bool) (living, dead []int) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, nil
	}
	kids := make(map[int][]int)
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		st, ok := readStat(pid)
		switch {
		case !ok:
		case !st.zombie:
			kids[st.parent] = append(kids[st.parent], pid)
		case st.parent == root && (spared == nil || !spared(pid)):
			dead = append(dead, pid)
		}
	}
	for queue := kids[root]; len(queue) > 0; {
		pid := queue[0]
		queue = queue[1:]
		if spared != nil && spared(pid) {
			continue
		}
		queue = append(queue, kids[pid]...)
		living = append(living, pid)
	}
	return living, dead
}
