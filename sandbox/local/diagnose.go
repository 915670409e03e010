//go:build linux

package local

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/local/contain"
	"github.com/apprentice-rl/apprentice/sandbox/local/store"
)

// A Finding is what Diagnose found about one thing that sandboxes are made of.
type Finding struct {
	What   string `json:"what"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`         // what there is, or what is missing and what follows from that
	Mend   string `json:"mend,omitempty"` // what to do about it, where it is not OK
}

// Diagnose looks at what this kernel lets this user do, part by part. Without
// the first two parts there are no local sandboxes; what else is missing leaves
// a limit unenforced, or takes away a second wall behind another.
func (d *Driver) Diagnose() []Finding {
	findings := []Finding{diagnoseKernel(), d.diagnoseNamespaces(), diagnoseOverlay(), diagnoseFilters(), diagnoseLandlock()}
	findings = append(findings, diagnoseGroups(d.groups)...)
	return append(findings, Finding{What: "disk quota", OK: true, Detail: "the size of a tmpfs; what is written counts as memory too"})
}

func diagnoseKernel() Finding {
	f := Finding{What: "kernel", OK: kernelSince(5, 12), Detail: "is new enough"}
	if !f.OK {
		f.Detail, f.Mend = "mounts cannot be made read-only all at once (mount_setattr)", "use Linux 5.12 or newer"
	}
	return f
}

// diagnoseNamespaces makes the namespaces of a sandbox once.
func (d *Driver) diagnoseNamespaces() Finding {
	f := Finding{What: "namespaces"}
	guest, err := d.program()
	if err != nil {
		f.Detail = err.Error()
		return f
	}
	defer guest.Close()
	cmd := d.command(sandbox.Spec{}, d.onHost(store.Image{}, func() {}), guest)
	if err := cmd.Start(); err != nil {
		f.Detail, f.Mend = explain("", err)
		return f
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	f.OK, f.Detail = true, "user, mount, pid, network, ipc, uts and cgroup namespaces can be made"
	return f
}

// explain says why namespaces could not be made, and what to do about it. Root
// is the file system to look at; empty means that of this process.
func explain(root string, err error) (detail, mend string) {
	setting := func(name string) string {
		b, _ := os.ReadFile(root + "/proc/sys/" + name)
		return strings.TrimSpace(string(b))
	}
	status, _ := os.ReadFile(root + "/proc/self/status")
	switch {
	case strings.Contains(err.Error(), "mounting proc"):
		return "parts of /proc are covered here, as in a container, and the kernel gives out no uncovered one", "start the container with --security-opt systempaths=unconfined, or run outside of it"
	case errors.Is(err, unix.ENOSPC) && setting("user/max_user_namespaces") == "0":
		return "this machine allows no user namespaces (user.max_user_namespaces is 0)", "sysctl -w user.max_user_namespaces=15000"
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EUSERS):
		return "the number of namespaces that this user may have is used up", "raise user.max_user_namespaces, and its like for the other kinds"
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS):
		return "this kernel was built without one of the namespaces", "use a kernel with CONFIG_USER_NS, CONFIG_PID_NS and CONFIG_NET_NS"
	case !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EACCES):
		return err.Error(), ""
	case os.Geteuid() != 0 && setting("kernel/unprivileged_userns_clone") == "0":
		return "this machine lets only root make user namespaces (kernel.unprivileged_userns_clone is 0)", "sysctl -w kernel.unprivileged_userns_clone=1"
	case os.Geteuid() != 0 && setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
		return "AppArmor lets only programs with a profile for it make user namespaces (kernel.apparmor_restrict_unprivileged_userns is 1)",
			"give apprentice such a profile, or sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
	case strings.Contains(string(status), "\nSeccomp:\t2"):
		return "a filter of system calls forbids it to this process, as in a container", "start the container with --security-opt seccomp=unconfined, or run outside of it"
	default:
		return "the kernel forbids user namespaces to this user, without a setting that says so (in a chroot, or by a security module?)", "run outside of the chroot, or ask the machine's administrator"
	}
}

func diagnoseOverlay() Finding {
	f := Finding{What: "overlayfs", OK: kernelSince(5, 11), Detail: "images and snapshots are shared, not copied"}
	known, err := os.ReadFile("/proc/filesystems")
	switch {
	case !f.OK:
		f.Detail, f.Mend = "it cannot be mounted in a user namespace, so that there are no images and snapshots", "use Linux 5.11 or newer"
	case err == nil && !slices.Contains(strings.Fields(string(known)), "overlay"):
		f.OK, f.Detail, f.Mend = false, "the kernel has not loaded it, so that there are no images and snapshots", "modprobe overlay"
	}
	return f
}

func diagnoseFilters() Finding {
	if hasFilters() {
		return Finding{What: "seccomp", OK: true, Detail: "system calls are filtered"}
	}
	return Finding{What: "seccomp", Detail: "system calls are not filtered", Mend: "use a kernel with CONFIG_SECCOMP_FILTER"}
}

func diagnoseLandlock() Finding {
	abi := contain.LandlockABI()
	if abi < 2 {
		return Finding{What: "landlock", Detail: "there is no second wall against mounts and device nodes", Mend: "use Linux 5.19 or newer, with landlock in CONFIG_LSM or in lsm= on its command line"}
	}
	return Finding{What: "landlock", OK: true, Detail: fmt.Sprintf("version %d is a second wall", abi)}
}

// diagnoseGroups says for each limit that needs a control group whether there
// is one.
func diagnoseGroups(c *cgroups) []Finding {
	var all []Finding
	for _, limit := range []struct{ controller, without string }{
		{"memory", "each process is bounded, all together are not"},
		{"cpu", "processor time is not limited"},
		{"pids", "RLIMIT_NPROC bounds processes instead"},
	} {
		f := Finding{What: "cgroup " + limit.controller, OK: c.has(limit.controller)}
		if f.OK {
			f.Detail = "version " + c.version(limit.controller)
		} else {
			f.Detail = c.missing[limit.controller] + "; " + limit.without
			f.Mend = "run as root, or where control groups are version 2: systemd-run --user --scope -p Delegate=yes apprentice ..."
		}
		all = append(all, f)
	}
	return all
}
