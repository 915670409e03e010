package contain

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// filterSize is the size of the kernel's struct sock_filter.
const filterSize = int(unsafe.Sizeof(unix.SockFilter{}))

// filterSyscalls puts the filter of system calls over all threads of this
// process, and so over everything that comes after. Nothing takes it off.
func (p *Plan) filterSyscalls() error {
	if len(p.Filter) == 0 {
		return nil // the driver has reported it as not enforced
	}
	if len(p.Filter)%filterSize != 0 {
		return fmt.Errorf("a filter of %d bytes, which is not a number of instructions", len(p.Filter))
	}
	program := unix.SockFprog{
		Len:    uint16(len(p.Filter) / filterSize),
		Filter: (*unix.SockFilter)(unsafe.Pointer(&p.Filter[0])),
	}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return os.NewSyscallError("seccomp", errno)
	}
	if thread != 0 {
		return fmt.Errorf("seccomp: thread %d does not take the filter", thread)
	}
	return nil
}
