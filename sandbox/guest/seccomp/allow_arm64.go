package seccomp

import "golang.org/x/sys/unix"

// arch is how the kernel names this architecture.
const arch = unix.AUDIT_ARCH_AARCH64

// own are the system calls that only this architecture has: none.
func own() [][]uint32 { return nil }
