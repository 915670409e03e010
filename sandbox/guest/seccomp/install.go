//go:build linux && (amd64 || arm64)

package seccomp

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// instruction is the size of the kernel's struct sock_filter, in bytes.
const instruction = int(unsafe.Sizeof(unix.SockFilter{}))

// Install puts a filter, as Program returns it, over all threads of this
// process, and so over everything that comes after. Nothing takes it off. The
// process must have given up gaining privileges (PR_SET_NO_NEW_PRIVS).
func Install(program []byte) error {
	if len(program) == 0 || len(program)%instruction != 0 {
		return fmt.Errorf("a filter of %d bytes, which is not a number of instructions", len(program))
	}
	f := unix.SockFprog{
		Len:    uint16(len(program) / instruction),
		Filter: (*unix.SockFilter)(unsafe.Pointer(&program[0])),
	}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&f)))
	if errno != 0 {
		return os.NewSyscallError("seccomp", errno)
	}
	if thread != 0 {
		return fmt.Errorf("seccomp: thread %d does not take the filter", thread)
	}
	return nil
}
