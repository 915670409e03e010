//go:build linux

package local

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/local/contain"
)

// A group is the control groups of one sandbox, one in each hierarchy.
type group struct {
	in   []hierarchy // parallel to dirs
	dirs []string
}

// group names the control groups of a sandbox with these limits; nothing is
// made yet.
func (c *cgroups) group(id string, limits sandbox.Limits) *group {
	g := &group{}
	for _, h := range c.in {
		if h.bounds(limits) {
			g.in = append(g.in, h)
			g.dirs = append(g.dirs, filepath.Join(h.dir, "apprentice-"+id))
		}
	}
	return g
}

// bounds reports whether a group in this hierarchy would bound anything that
// is not bounded otherwise: making one and removing it takes a millisecond of
// each start. A quota of all processors that this process may use bounds
// nothing, and newer kernels count processes per user namespace.
func (h hierarchy) bounds(limits sandbox.Limits) bool {
	return slices.ContainsFunc(h.controllers, func(name string) bool {
		switch name {
		case "memory":
			return true
		case "cpu":
			return limits.CPUs < float64(runtime.NumCPU())
		case "pids":
			return !countsProcesses()
		}
		return false
	})
}

// make makes the groups, without limits: nothing of ours must be in them when
// they are full, and the thread that makes the first process is, for a moment.
// What it has made when it fails is removed.
func (g *group) make() error {
	for _, dir := range g.dirs {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return errors.Join(fmt.Errorf("making a control group: %w", err), g.remove(context.Background()))
		}
	}
	return nil
}

// limit sets the limits. It comes after start, and before the process does
// anything.
func (g *group) limit(limits sandbox.Limits) error {
	for i, dir := range g.dirs {
		if err := g.in[i].limit(dir, limits); err != nil {
			return fmt.Errorf("limiting a control group: %w", err)
		}
	}
	return nil
}

// limit sets the limits of one group.
func (h hierarchy) limit(dir string, limits sandbox.Limits) error {
	memory, processes := strconv.FormatInt(limits.Memory, 10), strconv.FormatInt(limits.Processes, 10)
	const period = 100_000 // microseconds, as everywhere
	quota := strconv.FormatInt(max(1000, int64(limits.CPUs*period)), 10)
	type setting struct {
		controller, file, value string
		optional                bool // kernels without accounts of swap do without
	}
	settings := []setting{
		{"memory", "memory.limit_in_bytes", memory, false},
		{"memory", "memory.memsw.limit_in_bytes", memory, true},
		{"cpu", "cpu.cfs_quota_us", quota, false}, // the period is right from the start
		{"pids", "pids.max", processes, false},
	}
	if h.unified {
		settings = []setting{
			{"memory", "memory.max", memory, false},
			{"memory", "memory.swap.max", "0", true},
			{"cpu", "cpu.max", fmt.Sprint(quota, " ", period), false},
			{"pids", "pids.max", processes, false},
		}
	}
	for _, s := range settings {
		if !slices.Contains(h.controllers, s.controller) {
			continue
		}
		err := writeControl(filepath.Join(dir, s.file), s.value)
		if s.optional && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// binds show a sandbox its own groups, where the guest looks for what has been
// used and whether something was killed for memory.
func (g *group) binds() []contain.Bind {
	var binds []contain.Bind
	for i, dir := range g.dirs {
		if g.in[i].unified {
			return []contain.Bind{{Source: dir, Target: "/sys/fs/cgroup"}}
		}
		for _, name := range g.in[i].controllers {
			binds = append(binds, contain.Bind{Source: dir, Target: "/sys/fs/cgroup/" + name})
		}
	}
	return binds
}

// start calls do, which starts a process, so that the process is in the groups
// from its first instruction on.
//
// In version 2 the kernel is told so as it makes the process. In version 1 the
// thread that makes it enters the groups for that moment: moving a thread that
// asks for it itself is cheap, while moving another process waits for all
// processors.
func (g *group) start(attr *unix.SysProcAttr, do func() error) error {
	var here []string // the groups of this thread, to go back to
	defer runtime.UnlockOSThread()
	runtime.LockOSThread()
	for i, dir := range g.dirs {
		h := g.in[i]
		if h.unified {
			f, err := os.Open(dir)
			if err != nil {
				return err
			}
			defer f.Close()
			attr.UseCgroupFD, attr.CgroupFD = true, int(f.Fd())
			continue
		}
		here = append(here, h.dir)
		if err := writeControl(filepath.Join(dir, "tasks"), "0"); err != nil {
			return errors.Join(err, leave(here))
		}
	}
	return errors.Join(do(), leave(here))
}

// leave takes this thread back to where it was.
func leave(dirs []string) error {
	for _, dir := range dirs {
		if err := writeControl(filepath.Join(dir, "tasks"), "0"); err != nil {
			// Better to lose the thread than to let others run on it.
			runtime.LockOSThread()
			return fmt.Errorf("leaving the control group of a sandbox: %w", err)
		}
	}
	return nil
}

// oomKills is how often the kernel has killed a process of the groups for
// memory.
func (g *group) oomKills() int {
	for i, dir := range g.dirs {
		if !slices.Contains(g.in[i].controllers, "memory") {
			continue
		}
		file := "memory.oom_control"
		if g.in[i].unified {
			file = "memory.events"
		}
		b, _ := os.ReadFile(filepath.Join(dir, file))
		for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
			if n, ok := strings.CutPrefix(s.Text(), "oom_kill "); ok {
				kills, _ := strconv.Atoi(n)
				return kills
			}
		}
	}
	return 0
}

// remove removes the groups, whose processes have ended.
func (g *group) remove(ctx context.Context) error { return removeGroups(ctx, g.dirs) }

// removeGroups removes groups whose processes have ended or are ending: the
// kernel may count the last one for a moment longer than it can be seen.
func removeGroups(ctx context.Context, dirs []string) error {
	const patience = 10 * time.Second // on a machine that is very busy
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	for pause := time.Millisecond / 4; ; pause = min(2*pause, time.Second/4) {
		over := ctx.Err() != nil
		var busy []string
		var errs []error
		for _, dir := range dirs {
			err := unix.Rmdir(dir)
			if err == nil || errors.Is(err, unix.ENOENT) {
				continue
			}
			busy = append(busy, dir)
			if over || !errors.Is(err, unix.EBUSY) {
				errs = append(errs, fmt.Errorf("removing control group %s: %w", dir, err))
			}
		}
		if len(busy) == 0 || len(errs) > 0 {
			return errors.Join(errs...)
		}
		dirs = busy
		time.Sleep(pause)
	}
}
