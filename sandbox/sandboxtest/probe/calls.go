//go:build linux

package main

import (
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An attempt is something that a sandbox is to deny.
type attempt struct {
	name string
	do   func() error
}

func call(nr uintptr, args ...uintptr) func() error {
	return func() error {
		var a [6]uintptr
		copy(a[:], args)
		if _, _, errno := unix.Syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5]); errno != 0 {
			return errno
		}
		return nil
	}
}

func socket(family, kind, protocol int) func() error {
	return func() error {
		fd, err := unix.Socket(family, kind, protocol)
		if err == nil {
			_ = unix.Close(fd)
		}
		return err
	}
}

// clone starts a program in namespaces of its own.
func clone(flags uintptr) func() error {
	return func() error {
		cmd := exec.Command("/proc/self/exe", "calls-nothing")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
		return cmd.Run()
	}
}

// attempts are named as in the table of the suite. The permission of the
// caller is what the kernel looks at first in all of them, so arguments that
// would do nothing are enough; the clock is set to what it is, and the host
// gets the name that it has.
func attempts() []attempt {
	none := ^uintptr(0)
	path := func(s string) uintptr {
		b, _ := unix.BytePtrFromString(s)
		return uintptr(unsafe.Pointer(b))
	}
	return []attempt{
		{"mount", func() error { return unix.Mount("none", "/tmp", "tmpfs", 0, "") }},
		{"remount", func() error { return unix.Mount("", "/", "", unix.MS_REMOUNT, "") }},
		{"bind mount", func() error { return unix.Mount("/tmp", "/tmp", "", unix.MS_BIND, "") }},
		{"umount", func() error { return unix.Unmount("/proc", 0) }},
		{"pivot_root", func() error { return unix.PivotRoot(".", ".") }},
		{"chroot", func() error { return unix.Chroot("/") }},
		{"open_tree", func() error {
			_, err := unix.OpenTree(unix.AT_FDCWD, "/tmp", unix.OPEN_TREE_CLONE)
			return err
		}},
		{"fsopen", func() error {
			_, err := unix.Fsopen("tmpfs", 0)
			return err
		}},
		{"mknod of a disk", func() error { return unix.Mknod("/tmp/disk", unix.S_IFBLK|0o600, int(unix.Mkdev(8, 0))) }},
		{"mknod of memory", func() error { return unix.Mknod("/tmp/memory", unix.S_IFCHR|0o600, int(unix.Mkdev(1, 1))) }},
		{"unshare mount", func() error { return unix.Unshare(unix.CLONE_NEWNS) }},
		{"unshare net", func() error { return unix.Unshare(unix.CLONE_NEWNET) }},
		{"unshare pid", func() error { return unix.Unshare(unix.CLONE_NEWPID) }},
		{"unshare uts", func() error { return unix.Unshare(unix.CLONE_NEWUTS) }},
		{"unshare ipc", func() error { return unix.Unshare(unix.CLONE_NEWIPC) }},
		{"unshare cgroup", func() error { return unix.Unshare(unix.CLONE_NEWCGROUP) }},
		{"clone user", clone(unix.CLONE_NEWUSER)},
		{"clone mount", clone(unix.CLONE_NEWNS)},
		{"clone net", clone(unix.CLONE_NEWNET)},
		{"setns", func() error {
			fd, err := unix.Open("/proc/self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			return unix.Setns(fd, unix.CLONE_NEWNET)
		}},
		{"clock_settime", func() error {
			var now unix.Timespec
			if err := unix.ClockGettime(unix.CLOCK_REALTIME, &now); err != nil {
				return err
			}
			return unix.ClockSettime(unix.CLOCK_REALTIME, &now)
		}},
		{"settimeofday", func() error {
			var now unix.Timeval
			if err := unix.Gettimeofday(&now); err != nil {
				return err
			}
			return unix.Settimeofday(&now)
		}},
		{"adjtimex", func() error {
			var t unix.Timex
			if _, err := unix.Adjtimex(&t); err != nil {
				return err
			}
			t.Modes = unix.ADJ_STATUS
			_, err := unix.Adjtimex(&t)
			return err
		}},
		{"sethostname", func() error {
			var u unix.Utsname
			if err := unix.Uname(&u); err != nil {
				return err
			}
			return unix.Sethostname([]byte(unix.ByteSliceToString(u.Nodename[:])))
		}},
		{"setdomainname", func() error {
			var u unix.Utsname
			if err := unix.Uname(&u); err != nil {
				return err
			}
			return unix.Setdomainname([]byte(unix.ByteSliceToString(u.Domainname[:])))
		}},
		{"reboot", call(unix.SYS_REBOOT)},
		{"kexec_load", call(unix.SYS_KEXEC_LOAD, 0, none, 0, 0)},
		{"init_module", call(unix.SYS_INIT_MODULE, 0, 0, 0)},
		{"finit_module", call(unix.SYS_FINIT_MODULE, none, 0, 0)},
		{"delete_module", func() error { return unix.DeleteModule("no_such_module", unix.O_NONBLOCK) }},
		{"swapon", call(unix.SYS_SWAPON, path("/no/such/swap"), 0)},
		{"swapoff", call(unix.SYS_SWAPOFF, path("/no/such/swap"))},
		{"acct", call(unix.SYS_ACCT, path("/no/such/file"))},
		{"vhangup", call(unix.SYS_VHANGUP)},
		{"open_by_handle_at", func() error {
			_, err := unix.OpenByHandleAt(unix.AT_FDCWD, unix.NewFileHandle(1, make([]byte, 8)), unix.O_RDONLY)
			return err
		}},
		{"a packet socket", socket(unix.AF_PACKET, unix.SOCK_RAW, 0)},
		{"a raw socket", socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)},
		{"a higher limit", func() error {
			return unix.Setrlimit(unix.RLIMIT_RTPRIO, &unix.Rlimit{Cur: 99, Max: 99})
		}},
		{"capset", func() error {
			h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
			all := [2]unix.CapUserData{{Effective: ^uint32(0), Permitted: ^uint32(0)}, {Effective: ^uint32(0), Permitted: ^uint32(0)}}
			return unix.Capset(&h, &all[0])
		}},
		{"bpf", call(unix.SYS_BPF, 5, 0, 0)},
		{"keyctl", call(unix.SYS_KEYCTL, unix.KEYCTL_GET_KEYRING_ID, none-3, 0)},
		{"add_key", call(unix.SYS_ADD_KEY, 0, 0, 0, 0, none-3)},
		{"perf_event_open", call(unix.SYS_PERF_EVENT_OPEN, 0, 0, none, none, 0)},
		{"userfaultfd", func() error {
			fd, _, errno := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC, 0, 0)
			if errno != 0 {
				return errno
			}
			return unix.Close(int(fd))
		}},
		{"personality", call(unix.SYS_PERSONALITY, 0x0040000)}, // ADDR_NO_RANDOMIZE
		{"kernel log", call(unix.SYS_SYSLOG, 10, 0, 0)},        // the size of its buffer
		{"io_uring_setup", call(unix.SYS_IO_URING_SETUP, 0, 0)},
	}
}
