package contain

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// LandlockABI is the version of Landlock that this kernel has; 0 means none.
func LandlockABI() int {
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(abi)
}

// The versions of Landlock from which on there is what we use.
const (
	landlockRefer  = 2
	landlockScopes = 6
)

// landlock is a second wall behind others: it holds also where a fault of the
// kernel gives capabilities back. Nobody inside can mount anything or make the
// node of a device; and where the kernel scopes them, signals and connections
// to abstract sockets stay among the processes of the sandbox, which matters
// where the network is the host's.
//
// Version 1 forbids every rename and hard link from one folder to another, on
// which builds depend, so that it is not used.
func landlock() error {
	abi := LandlockABI()
	if abi < landlockRefer {
		return nil
	}
	rules := unix.LandlockRulesetAttr{
		Handled_access_fs: unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK | unix.LANDLOCK_ACCESS_FS_REFER,
	}
	// A kernel refuses what it does not know, unless it is zero.
	size := unsafe.Sizeof(rules.Handled_access_fs)
	if abi >= landlockScopes {
		rules.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
		size = unsafe.Offsetof(rules.Scoped) + unsafe.Sizeof(rules.Scoped)
	}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&rules)), size, 0)
	if errno != 0 {
		return os.NewSyscallError("landlock_create_ruleset", errno)
	}
	defer unix.Close(int(fd))
	root, err := unix.Open("/", unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("open", err)
	}
	defer unix.Close(root)
	// Whatever is not handled is allowed, but for moving between folders: that
	// has to be allowed by name.
	move := unix.LandlockPathBeneathAttr{Allowed_access: unix.LANDLOCK_ACCESS_FS_REFER, Parent_fd: int32(root)}
	if _, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, fd, unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&move)), 0, 0, 0); errno != 0 {
		return os.NewSyscallError("landlock_add_rule", errno)
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return os.NewSyscallError("landlock_restrict_self", errno)
	}
	return nil
}
