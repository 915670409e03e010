//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// look looks for everything that may be left of a sandbox.
func (c *conductor) look(ctx context.Context, e *engine) {
	for _, place := range []struct {
		what string
		find func() ([]string, error)
	}{
		{"container", func() ([]string, error) {
			out, err := e.docker(ctx, "ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.Status}}").Output()
			return nonEmpty(strings.Split(string(out), "\n")), err
		}},
		{"volume", func() ([]string, error) {
			out, err := e.docker(ctx, "volume", "ls", "--format", "{{.Name}}").Output()
			return strays(string(out)), err
		}},
		{"process", func() ([]string, error) { return processes(c.mark()) }},
		{"socket", func() ([]string, error) { return names(filepath.Join(c.state(), "docker", "lines")) }},
		{"state", func() ([]string, error) { return names(filepath.Join(c.state(), "sandboxes")) }},
		{"control group", func() ([]string, error) { return c.groupsLeft(e), nil }},
		{"mount", func() ([]string, error) {
			return append(c.mounts(os.Getpid(), ""), c.mounts(e.cmd.Process.Pid, "/merged")...), nil
		}},
		{"temporary file", func() ([]string, error) { return names(c.temp()) }},
	} {
		// What the kernel and the engine tear down may take a moment.
		var found []string
		var err error
		for range 100 {
			if found, err = place.find(); err != nil || len(found) == 0 {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		if err != nil {
			c.fault("looking for a %s: %v", place.what, err)
		}
		for _, f := range found {
			c.fault("%s %s", place.what, f)
		}
	}
}

// strays are the volumes that no container should have left. Those with the
// guest in them stay, for the sandboxes to come.
func strays(volumes string) []string {
	return slices.DeleteFunc(nonEmpty(strings.Split(volumes, "\n")), func(name string) bool {
		return strings.HasPrefix(name, "apprentice-guest-")
	})
}

// groupsLeft lists the control groups that should not be there. One with
// processes in it may be of another apprentice, unless it is below the engine's,
// or beside us, where the workers make theirs.
func (c *conductor) groupsLeft(e *engine) []string {
	ours := func(group string) bool {
		parent := filepath.Dir(group)
		return strings.Contains(group, "/"+e.cgroup()+"/") ||
			holds(parent, os.Getpid()) || holds(filepath.Join(parent, selfGroup), os.Getpid())
	}
	return slices.DeleteFunc(cgroups("apprentice-"), func(group string) bool {
		name := filepath.Base(group)
		return name == e.cgroup() || name == selfGroup || slices.Contains(c.groups, group) || !empty(group) && !ours(group)
	})
}

// selfGroup is where the local driver puts the process that it is in, where it
// has to.
const selfGroup = "apprentice-self"

// mounts lists the mounts below dir that a process sees and whose path ends so.
func (c *conductor) mounts(pid int, suffix string) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", pid))
	if err != nil {
		c.fault("looking for mounts: %v", err)
	}
	var all []string
	for line := range bytes.Lines(b) {
		if f := strings.Fields(string(line)); len(f) > 4 && strings.HasPrefix(f[4], c.dir+"/") && strings.HasSuffix(f[4], suffix) {
			all = append(all, f[4])
		}
	}
	return all
}

// clear removes all that this soak has made, also what it has complained of.
func (c *conductor) clear() error {
	for _, m := range c.mounts(os.Getpid(), "") {
		_ = unix.Unmount(m, unix.MNT_DETACH)
	}
	for _, group := range cgroups(filepath.Base(c.dir)) {
		_ = os.Remove(group)
	}
	return os.RemoveAll(c.dir)
}

func nonEmpty(s []string) []string {
	return slices.DeleteFunc(s, func(s string) bool { return s == "" })
}

func names(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	var all []string
	for _, e := range entries {
		all = append(all, filepath.Join(dir, e.Name()))
	}
	return all, err
}

// processes lists those with mark in their environment, which all that runs in
// a sandbox inherits.
func processes(mark string) ([]string, error) {
	pids, err := marked(mark)
	var all []string
	for pid := range pids {
		comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		all = append(all, fmt.Sprintf("%d %s", pid, bytes.TrimSpace(comm)))
	}
	return all, err
}

// marked maps processes with mark in their environment to their parents.
func marked(mark string) (map[int]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	found := map[int]int{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		env, err := os.ReadFile("/proc/" + e.Name() + "/environ")
		if err != nil || !bytes.Contains(append([]byte{0}, env...), append([]byte{0}, mark...)) {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue // it ended just now
		}
		f := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		found[pid], _ = strconv.Atoi(f[1])
	}
	return found, nil
}

// first is the process with exactly this mark that no other such one started:
// the guest.
func first(mark string) (int, error) {
	pids, err := marked(mark + "\x00")
	if err != nil {
		return 0, err
	}
	for pid, parent := range pids {
		if _, inside := pids[parent]; !inside {
			return pid, nil
		}
	}
	return 0, errors.New("no guest with mark " + mark)
}

// cgroups lists the control groups with prefix in their path, in every
// hierarchy, each before its parent.
func cgroups(prefix string) []string {
	var all []string
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.Contains(path, "/"+prefix) {
			all = append(all, path)
		}
		return nil // what cannot be read is gone by now
	})
	slices.Reverse(all)
	return all
}

// holds reports whether a process is in a control group.
func holds(group string, pid int) bool {
	b, err := os.ReadFile(filepath.Join(group, "cgroup.procs"))
	return err == nil && slices.Contains(strings.Fields(string(b)), strconv.Itoa(pid))
}

// empty reports whether a control group is there and has no processes.
func empty(group string) bool {
	b, err := os.ReadFile(filepath.Join(group, "cgroup.procs"))
	return err == nil && len(b) == 0
}
