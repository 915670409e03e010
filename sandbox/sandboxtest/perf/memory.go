//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/apprentice-rl/apprentice/sandbox/guest"
)

// ourMemory is the proportional set size of this process after it has given
// back what it does not use.
func ourMemory() int64 {
	runtime.GC()
	debug.FreeOSMemory() // collects once more
	n, _ := pss(os.Getpid())
	return n
}

// pss is a process's memory, in bytes, with shared pages divided among those
// that share them.
func pss(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(b) {
		if f := strings.Fields(string(line)); len(f) == 3 && f[0] == "Pss:" {
			kb, err := strconv.ParseInt(f[1], 10, 64)
			return kb << 10, err
		}
	}
	return 0, nil // a kernel thread, or a zombie
}

// guestMemory sums up the processes inside: the descendants of this one, and
// those in a control group that is named after a container.
func guestMemory(all []*guest.Sandbox) (sum int64, err error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	parent := map[int]int{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		b, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue // it ended just now
		}
		f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		parent[pid], _ = strconv.Atoi(f[1])
	}
	ids := map[string]bool{}
	for _, sb := range all {
		ids[sb.Instance().ID()] = true
	}
	for pid := range parent {
		if pid == os.Getpid() || !descends(pid, os.Getpid(), parent) && !contained(pid, ids) {
			continue
		}
		if n, err := pss(pid); err == nil {
			sum += n
		}
	}
	if sum == 0 {
		return 0, fmt.Errorf("no process of a guest was found")
	}
	return sum, nil
}

func descends(pid, from int, parent map[int]int) bool {
	for ; pid > 1; pid = parent[pid] {
		if pid == from {
			return true
		}
	}
	return false
}

func contained(pid int, ids map[string]bool) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return false
	}
	for line := range bytes.Lines(b) {
		name := strings.TrimSpace(string(line))
		name = name[strings.LastIndexByte(name, '/')+1:]
		name = strings.TrimSuffix(strings.TrimPrefix(name, "docker-"), ".scope") // as systemd calls it
		if ids[name] {
			return true
		}
	}
	return false
}
