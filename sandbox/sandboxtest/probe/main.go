//go:build linux

// Probe is what the conformance suite runs inside a sandbox where a shell
// cannot do the harm: system calls, tracing, sockets, races. Each attempt is a
// line of output: its name, a tab, and the name of the error, or "allowed".
// Where it is allowed, an attempt changes nothing.
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: probe calls | trace PID... | dial NETWORK ADDRESS | swap A B | chain")
		os.Exit(2)
	}
	switch args := os.Args[2:]; os.Args[1] {
	case "calls":
		for _, a := range append(attempts(), moreAttempts()...) {
			tell(a.name, a.do())
		}
	case "trace":
		for _, arg := range args {
			pid, err := strconv.Atoi(arg)
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(2)
			}
			trace(pid)
		}
	case "dial":
		c, err := net.DialTimeout(args[0], args[1], 5*time.Second)
		if err == nil {
			_ = c.Close()
		}
		tell("dial", err)
	case "swap":
		// For ever, until it is killed: what is checked is not what is used.
		for {
			_ = unix.Renameat2(unix.AT_FDCWD, args[0], unix.AT_FDCWD, args[1], unix.RENAME_EXCHANGE)
		}
	case "chain":
		chain()
	}
}

func tell(name string, err error) {
	var errno unix.Errno
	switch {
	case err == nil:
		fmt.Printf("%s\tallowed\n", name)
	case errors.As(err, &errno):
		fmt.Printf("%s\t%s\n", name, unix.ErrnoName(errno))
	default:
		fmt.Printf("%s\t%v\n", name, err)
	}
}

// chain forks and ends, again and again, each time in a session of its own:
// there is but one process, and never for long the same. In a child there is
// one thread and no more of the runtime, so these are bare calls.
func chain() {
	runtime.LockOSThread()
	for {
		switch pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0); {
		case errno != 0: // no more processes; try again
		case pid == 0:
			_, _, _ = unix.RawSyscall(unix.SYS_SETSID, 0, 0, 0)
		default:
			_, _, _ = unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
	}
}

// trace tries to get hold of a process by all ways that there are.
func trace(pid int) {
	proc := fmt.Sprintf("/proc/%d/", pid)
	open := func(name string, flags int) func() error {
		return func() error {
			fd, err := unix.Open(proc+name, flags|unix.O_CLOEXEC, 0)
			if err == nil {
				_ = unix.Close(fd)
			}
			return err
		}
	}
	list := func(name string) func() error {
		return func() error {
			_, err := os.ReadDir(proc + name)
			return err
		}
	}
	for _, a := range []attempt{
		{"attach", func() error {
			err := unix.PtraceAttach(pid)
			if err == nil {
				_ = unix.PtraceDetach(pid)
			}
			return err
		}},
		{"seize", func() error {
			err := unix.PtraceSeize(pid)
			if err == nil {
				_ = unix.PtraceDetach(pid)
			}
			return err
		}},
		{"read its memory", func() error {
			b := make([]byte, 8)
			_, err := unix.ProcessVMReadv(pid, []unix.Iovec{{Base: &b[0], Len: 8}}, []unix.RemoteIovec{{Base: 0x400000, Len: 8}}, 0)
			return err
		}},
		{"take its descriptor", func() error {
			p, err := unix.PidfdOpen(pid, 0)
			if err != nil {
				return err
			}
			defer unix.Close(p)
			fd, err := unix.PidfdGetfd(p, 0, 0)
			if err == nil {
				_ = unix.Close(fd)
			}
			return err
		}},
		{"open mem", open("mem", unix.O_RDWR)},
		{"open environ", open("environ", unix.O_RDONLY)},
		{"open exe to write", open("exe", unix.O_WRONLY)},
		{"open ns/mnt", open("ns/mnt", unix.O_RDONLY)},
		{"open its standard input", open("fd/0", unix.O_RDONLY)},
		{"open oom_score_adj", open("oom_score_adj", unix.O_WRONLY)},
		{"list fd", list("fd")},
		{"list map_files", list("map_files")},
	} {
		tell(a.name, a.do())
	}
}
