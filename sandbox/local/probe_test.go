//go:build linux

package local_test

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
	"github.com/apprentice-rl/apprentice/sandbox/local"
	"github.com/apprentice-rl/apprentice/sandbox/local/contain"
)

// The test binary is also the program that tries things inside a sandbox. It is
// told so by its first argument.
const probeArgument = "probe-system-calls"

// An attempt is one system call that a sandbox is to answer in one way,
// whatever the privileges of the caller.
type attempt struct {
	name string
	do   func() error
	want error
}

func syscallOf(nr uintptr, args ...uintptr) func() error {
	var a [6]uintptr
	copy(a[:], args)
	return func() error {
		_, _, errno := unix.RawSyscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
		if errno == 0 {
			return nil
		}
		return errno
	}
}

func socketOf(family, kind int) func() error {
	return func() error {
		fd, err := unix.Socket(family, kind, 0)
		if err == nil {
			err = unix.Close(fd)
		}
		return err
	}
}

// attempts are made inside. Those that are refused would, without the filter,
// end in another error, or succeed: their arguments are nonsense (EFAULT,
// EINVAL, EBADF), which the filter does not look at.
func attempts() []attempt {
	none := ^uintptr(0)
	deviceRefused := unix.EPERM // for want of a capability
	if contain.LandlockABI() > 1 {
		deviceRefused = unix.EACCES
	}
	timespec := uintptr(unsafe.Pointer(&unix.Timespec{}))
	return []attempt{
		{"bpf", syscallOf(unix.SYS_BPF, none), unix.EPERM},
		{"keyctl", syscallOf(unix.SYS_KEYCTL, none), unix.EPERM},
		{"add_key", syscallOf(unix.SYS_ADD_KEY), unix.EPERM},
		{"request_key", syscallOf(unix.SYS_REQUEST_KEY), unix.EPERM},
		{"mount", syscallOf(unix.SYS_MOUNT), unix.EPERM},
		{"umount", syscallOf(unix.SYS_UMOUNT2), unix.EPERM},
		{"fsopen", syscallOf(unix.SYS_FSOPEN), unix.EPERM},
		{"open_tree", syscallOf(unix.SYS_OPEN_TREE, none), unix.EPERM},
		{"move_mount", syscallOf(unix.SYS_MOVE_MOUNT, none), unix.EPERM},
		{"mount_setattr", syscallOf(unix.SYS_MOUNT_SETATTR, none), unix.EPERM},
		{"pivot_root", syscallOf(unix.SYS_PIVOT_ROOT), unix.EPERM},
		{"chroot", syscallOf(unix.SYS_CHROOT), unix.EPERM},
		{"open_by_handle_at", syscallOf(unix.SYS_OPEN_BY_HANDLE_AT, none), unix.EPERM},
		{"perf_event_open", syscallOf(unix.SYS_PERF_EVENT_OPEN), unix.EPERM},
		{"userfaultfd", syscallOf(unix.SYS_USERFAULTFD, none), unix.EPERM},
		{"io_uring_setup", syscallOf(unix.SYS_IO_URING_SETUP), unix.EPERM},
		{"io_uring_enter", syscallOf(unix.SYS_IO_URING_ENTER, none), unix.EPERM},
		{"io_uring_register", syscallOf(unix.SYS_IO_URING_REGISTER, none), unix.EPERM},
		{"kexec_load", syscallOf(unix.SYS_KEXEC_LOAD), unix.EPERM},
		{"init_module", syscallOf(unix.SYS_INIT_MODULE), unix.EPERM},
		{"finit_module", syscallOf(unix.SYS_FINIT_MODULE, none), unix.EPERM},
		{"delete_module", syscallOf(unix.SYS_DELETE_MODULE), unix.EPERM},
		{"reboot", syscallOf(unix.SYS_REBOOT), unix.EPERM},
		{"swapon", syscallOf(unix.SYS_SWAPON), unix.EPERM},
		{"syslog", syscallOf(unix.SYS_SYSLOG, none), unix.EPERM},
		{"settimeofday", syscallOf(unix.SYS_SETTIMEOFDAY, none), unix.EPERM},
		{"clock_settime", syscallOf(unix.SYS_CLOCK_SETTIME, unix.CLOCK_REALTIME, timespec), unix.EPERM},
		{"adjtimex that sets", func() error {
			_, err := unix.Adjtimex(&unix.Timex{Modes: unix.ADJ_FREQUENCY})
			return err
		}, unix.EPERM},
		{"adjtimex that asks", func() error {
			_, err := unix.Adjtimex(&unix.Timex{})
			return err
		}, nil},
		{"sethostname", syscallOf(unix.SYS_SETHOSTNAME, none, none), unix.EPERM},
		{"setdomainname", syscallOf(unix.SYS_SETDOMAINNAME, none, none), unix.EPERM},
		{"setns", syscallOf(unix.SYS_SETNS, none), unix.EPERM},
		{"unshare", syscallOf(unix.SYS_UNSHARE, unix.CLONE_NEWUSER), unix.EPERM},
		{"clone into a namespace", syscallOf(unix.SYS_CLONE, unix.CLONE_NEWUSER|uintptr(unix.SIGCHLD)), unix.EPERM},
		{"clone3", syscallOf(unix.SYS_CLONE3), unix.ENOSYS},
		{"personality", syscallOf(unix.SYS_PERSONALITY, 0x0040000), unix.EPERM},
		{"the personality that is", syscallOf(unix.SYS_PERSONALITY, 0xffffffff), nil},
		{"a call of the future", syscallOf(1000), unix.ENOSYS},
		{"a socket of the hypervisor", socketOf(unix.AF_VSOCK, unix.SOCK_STREAM), unix.EPERM},
		{"a socket for raw packets", socketOf(unix.AF_PACKET, unix.SOCK_RAW), unix.EPERM},
		{"a socket for ciphers", socketOf(unix.AF_ALG, unix.SOCK_SEQPACKET), unix.EPERM},
		{"a local socket", socketOf(unix.AF_UNIX, unix.SOCK_STREAM), nil},
		{"an Internet socket", socketOf(unix.AF_INET, unix.SOCK_STREAM), nil},
		{"a netlink socket", socketOf(unix.AF_NETLINK, unix.SOCK_RAW), nil},
		{"a device", func() error { return unix.Mknod("/tmp/device", unix.S_IFCHR, 0x101) }, deviceRefused},
		{"a pipe with a name", func() error { return unix.Mkfifo("/tmp/pipe", 0o600) }, nil},
		{"memory in a file", func() error {
			fd, err := unix.MemfdCreate("x", 0)
			if err == nil {
				err = unix.Close(fd)
			}
			return err
		}, nil},
		// Landlock forbids these two unless they are allowed by name, and
		// builds depend on them.
		{"a rename from folder to folder", func() error { return across(unix.Rename) }, nil},
		{"a hard link from folder to folder", func() error { return across(unix.Link) }, nil},
	}
}

// across makes a file in one folder and moves or links it into another.
func across(do func(from, to string) error) error {
	one, err := os.MkdirTemp("", "one")
	if err != nil {
		return err
	}
	two, err := os.MkdirTemp("", "two")
	if err != nil {
		return err
	}
	if err := os.WriteFile(one+"/file", nil, 0o600); err != nil {
		return err
	}
	return do(one+"/file", two+"/file")
}

// probe makes the attempts and prints what came of each.
func probe() error {
	got := make(map[string]string)
	for _, a := range attempts() {
		got[a.name] = fmt.Sprint(a.do())
	}
	return json.NewEncoder(os.Stdout).Encode(got)
}

func TestSystemCallsAreFiltered(t *testing.T) {
	d := driver(t, local.Options{})
	sb, err := guest.Open(t.Context(), d, sandbox.Spec{Require: []sandbox.Limit{sandbox.LimitSyscalls}})
	require.NoError(t, err)
	defer sb.Close()
	self, err := os.Executable()
	require.NoError(t, err)
	program, err := os.ReadFile(self)
	require.NoError(t, err)
	require.NoError(t, sb.WriteFile(t.Context(), "/tmp/probe", program))
	res, err := sb.Run(t.Context(), sandbox.Command{Argv: []string{"sh", "-c", "chmod +x /tmp/probe && /tmp/probe " + probeArgument}})
	require.NoError(t, err)
	require.True(t, res.Succeeded(), "%+v %s", res, res.Output)
	var got map[string]string
	require.NoError(t, json.Unmarshal(res.Output, &got), "%s", res.Output)
	for _, a := range attempts() {
		t.Run(a.name, func(t *testing.T) {
			require.Equal(t, fmt.Sprint(a.want), got[a.name])
		})
	}
}
