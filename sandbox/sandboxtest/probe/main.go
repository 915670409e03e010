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
	"os/exec"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: probe calls | trace PID... | dial NETWORK ADDRESS | swap A B | chain | headless PROGRAM ARG... | hold PID | limit PID")
		os.Exit(2)
	}
	switch args := os.Args[2:]; os.Args[1] {
	case "calls":
		for _, a := range append(attempts(), moreAttempts()...) {
			tell(a.name, a.do())
		}
	case "trace":
		for _, arg := range args {
			trace(number(arg))
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
	case "headless":
		headless(args)
	case "hold":
		if err := hold(number(args[0])); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case "limit":
		limit(number(args[0]))
	}
}

func number(arg string) int {
	n, err := strconv.Atoi(arg)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return n
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

// headless starts a program and ends its own first thread; the others stay, so
// that it is not over, although the kernel shows it as a zombie.
func headless(argv []string) {
	runtime.LockOSThread() // main is the first thread
	go func() {
		if err := exec.Command(argv[0], argv[1:]...).Start(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		select {}
	}()
	time.Sleep(100 * time.Millisecond)
	_, _, _ = unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
}

// hold stops a process for as long as this one lives, as a debugger would.
func hold(pid int) error {
	runtime.LockOSThread()
	if err := unix.PtraceSeize(pid); err != nil {
		return err
	}
	if err := unix.PtraceInterrupt(pid); err != nil {
		return err
	}
	fmt.Println("held")
	select {}
}

// limit tries to set limits and priorities for a process: to what they are.
func limit(pid int) {
	var l unix.Rlimit
	err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &l)
	if err == nil {
		err = unix.Prlimit(pid, unix.RLIMIT_NOFILE, &l, nil)
	}
	tell("limit", err)
	tell("priority", unix.Setpriority(unix.PRIO_PROCESS, pid, 0))
	tell("priority of the user", unix.Setpriority(unix.PRIO_USER, 0, 0))
	attr, err := unix.SchedGetAttr(pid, 0)
	if err == nil {
		err = unix.SchedSetAttr(pid, attr, 0)
	}
	tell("scheduling", err)
	_, _, errno := unix.Syscall(unix.SYS_IOPRIO_SET, 1, uintptr(pid), 0) // IOPRIO_WHO_PROCESS
	if err = nil; errno != 0 {
		err = errno
	}
	tell("priority on the disk", err)
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
