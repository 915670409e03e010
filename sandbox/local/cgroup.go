//go:build linux

package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// controllers are what we ask of control groups: three limits, and version 1's
// account of processor time, which version 2 keeps by itself.
var controllers = []string{"memory", "cpu", "pids", "cpuacct"}

// A hierarchy is one tree of control groups in which we may make groups.
type hierarchy struct {
	dir         string   // where they go: our own group, or one above it
	unified     bool     // version 2
	controllers []string // those of ours that it has
}

// cgroups is what this machine lets this process do with control groups.
type cgroups struct {
	in      []hierarchy
	missing map[string]string // controller to why it cannot be used
}

// has reports whether a controller can be used.
func (c *cgroups) has(controller string) bool {
	return slices.ContainsFunc(c.in, func(h hierarchy) bool { return slices.Contains(h.controllers, controller) })
}

// version is that of the control groups that have a controller.
func (c *cgroups) version(controller string) string {
	for _, h := range c.in {
		if h.unified && slices.Contains(h.controllers, controller) {
			return "2"
		}
	}
	return "1"
}

// findCgroups looks at what is mounted. Root is the file system to look at;
// empty means that of this process.
func findCgroups(root string) *cgroups {
	c := &cgroups{missing: make(map[string]string)}
	for _, name := range controllers {
		c.missing[name] = "no control groups with it are mounted here"
	}
	own, err := ownCgroups(root)
	if err != nil {
		return c
	}
	mounts, err := os.ReadFile(root + "/proc/self/mountinfo")
	if err != nil {
		return c
	}
	for line := range strings.Lines(string(mounts)) {
		// 35 31 0:32 /part/of/it /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
		before, after, _ := strings.Cut(line, " - ")
		what, where := strings.Fields(after), strings.Fields(before)
		if len(what) < 3 || len(where) < 5 {
			continue
		}
		shown, mounted := unescape(where[3]), root+unescape(where[4])
		switch what[0] {
		case "cgroup":
			c.addV1(mounted, shown, own, strings.Split(what[2], ","))
		case "cgroup2":
			c.addV2(mounted, shown, own[""])
		}
	}
	for _, h := range c.in {
		for _, name := range h.controllers {
			delete(c.missing, name)
		}
	}
	if c.has("memory") && slices.ContainsFunc(c.in, func(h hierarchy) bool { return h.unified }) {
		delete(c.missing, "cpuacct")
	}
	return c
}

// ownCgroups are the groups of this process: controller to path, with the
// empty controller for version 2.
func ownCgroups(root string) (map[string]string, error) {
	b, err := os.ReadFile(root + "/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	own := make(map[string]string)
	for line := range strings.Lines(string(b)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 {
			continue
		}
		for _, name := range strings.Split(f[1], ",") {
			own[name] = f[2]
		}
	}
	return own, nil
}

// inMount is where a group is below a mount that shows the tree from shown
// downwards. A container may show less than what its processes are in.
func inMount(mounted, shown, group string) string {
	rel, err := filepath.Rel(shown, group)
	if err != nil || strings.HasPrefix(rel, "..") {
		return mounted
	}
	dir := filepath.Join(mounted, rel)
	if _, err := os.Stat(dir); err != nil {
		return mounted
	}
	return dir
}

// addV1 adds a hierarchy of version 1, which any process of root may use.
func (c *cgroups) addV1(mounted, shown string, own map[string]string, options []string) {
	h := hierarchy{}
	for _, name := range controllers {
		if slices.Contains(options, name) {
			h.dir = inMount(mounted, shown, own[name])
			h.controllers = append(h.controllers, name)
		}
	}
	if len(h.controllers) == 0 {
		return
	}
	if i := slices.Index(h.controllers, "cpu"); i >= 0 {
		if _, err := os.Stat(filepath.Join(h.dir, "cpu.cfs_quota_us")); err != nil {
			c.missing["cpu"] = "this kernel has no quotas of processor time (CONFIG_CFS_BANDWIDTH)"
			h.controllers = slices.Delete(h.controllers, i, i+1)
		}
	}
	c.add(h)
}

// addV2 adds the hierarchy of version 2: our own group where it was delegated
// to us, else the topmost one that is shown.
func (c *cgroups) addV2(mounted, shown, group string) {
	own := strings.TrimSuffix(inMount(mounted, shown, group), "/"+selfLeaf)
	for _, dir := range slices.Compact([]string{own, mounted}) {
		h := hierarchy{dir: dir, unified: true}
		offered, _ := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
		for _, name := range strings.Fields(string(offered)) {
			if slices.Contains(controllers, name) {
				h.controllers = append(h.controllers, name)
			}
		}
		if len(h.controllers) == 0 {
			continue // hybrid: version 1 has them
		}
		if err := h.delegate(); err != nil {
			for _, name := range h.controllers {
				c.missing[name] = err.Error()
			}
			continue
		}
		c.add(h)
		return
	}
}

func (c *cgroups) add(h hierarchy) {
	if err := unix.Faccessat(unix.AT_FDCWD, h.dir, unix.W_OK, unix.AT_EACCESS); err != nil {
		for _, name := range h.controllers {
			c.missing[name] = fmt.Sprintf("this user may not make groups below %s: %v", h.dir, err)
		}
		return
	}
	if len(h.controllers) > 0 {
		c.in = append(c.in, h)
	}
}

// selfLeaf is the group that this process moves into where it has to: in
// version 2 a group has either processes or controllers for the groups below.
const selfLeaf = "apprentice-self"

// delegate hands the controllers down to the groups that will be made.
func (h *hierarchy) delegate() error {
	control := filepath.Join(h.dir, "cgroup.subtree_control")
	enable := func() error {
		return writeControl(control, "+"+strings.Join(h.controllers, " +"))
	}
	on, err := os.ReadFile(control)
	if err != nil {
		return err
	}
	isOn := func(name string) bool { return slices.Contains(strings.Fields(string(on)), name) }
	if !slices.ContainsFunc(h.controllers, func(name string) bool { return !isOn(name) }) {
		return nil
	}
	if err := enable(); !errors.Is(err, unix.EBUSY) {
		return err
	}
	b, err := os.ReadFile(filepath.Join(h.dir, "cgroup.procs"))
	if err != nil {
		return err
	}
	if self := strconv.Itoa(os.Getpid()); strings.TrimSpace(string(b)) != self {
		return fmt.Errorf("%s has other processes in it, so that no limits can be set below", h.dir)
	}
	leaf := filepath.Join(h.dir, selfLeaf)
	if err := os.Mkdir(leaf, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := writeControl(filepath.Join(leaf, "cgroup.procs"), "0"); err != nil {
		return err
	}
	return enable()
}

// writeControl writes to a file of a control group, which must be there.
func writeControl(path, value string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

// unescape undoes the octal escapes of mountinfo.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
