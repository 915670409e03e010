//go:build linux

package local

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// enforcement says what this driver does on this machine.
func (d *Driver) enforcement(spec sandbox.Spec) map[sandbox.Limit]sandbox.Enforcement {
	where := func(ok bool) sandbox.Enforcement {
		if ok {
			return sandbox.Enforced
		}
		return sandbox.Unenforced
	}
	e := map[sandbox.Limit]sandbox.Enforcement{
		sandbox.LimitDisk:          sandbox.Enforced, // the size of the tmpfs
		sandbox.LimitNetwork:       sandbox.Enforced,
		sandbox.LimitCapabilities:  sandbox.Enforced,
		sandbox.LimitNewPrivileges: sandbox.Enforced,
		sandbox.LimitMemory:        where(d.groups.has("memory")),
		sandbox.LimitCPU:           where(d.groups.has("cpu")),
		sandbox.LimitProcesses:     where(d.groups.has("pids") || countsProcesses()),
		sandbox.LimitSyscalls:      where(d.filter != nil),
	}
	if spec.Network == sandbox.NetworkHost {
		e[sandbox.LimitNetwork] = sandbox.Open
	}
	return e
}

// countsProcesses reports whether RLIMIT_NPROC bounds a sandbox: it is counted
// per user namespace since 5.14.
func countsProcesses() bool { return kernelSince(5, 14) }

// kernelSince reports whether the running kernel is of that version or newer.
func kernelSince(major, minor int) bool {
	var u unix.Utsname
	var a, b int
	if unix.Uname(&u) != nil {
		return false
	}
	if _, err := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &a, &b); err != nil {
		return false
	}
	return a > major || a == major && b >= minor
}

// hasFilters reports whether this kernel filters system calls.
func hasFilters() bool {
	action := uint32(unix.SECCOMP_RET_ERRNO)
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&action)))
	return errno == 0
}
