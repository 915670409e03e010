package main

import "golang.org/x/sys/unix"

// moreAttempts are those of this architecture.
func moreAttempts() []attempt {
	return []attempt{
		{"iopl", call(unix.SYS_IOPL, 3)},
		{"ioperm", call(unix.SYS_IOPERM, 0x70, 1, 1)},
	}
}
