//go:build linux && (amd64 || arm64)

// Package seccomp assembles the filter of system calls that sandboxes run
// under. It is comparable to the default of Docker, and stricter in a few
// places, because nothing in a sandbox has capabilities.
//
// A filter is a small program that the kernel runs at each system call, on its
// number, its architecture and its arguments (as numbers: it cannot follow a
// pointer). This one is an allow-list:
//
//   - What is listed is allowed. The lists are grouped by purpose, and name
//     what compilers, test suites, servers and debuggers need.
//   - Some are looked at more closely. clone may make threads and processes and
//     no namespaces; socket may make local, Internet and netlink sockets and
//     none of the families in which most faults of the kernel were found;
//     personality may do what Docker lets it do; clone3, whose flags are behind
//     a pointer, does not exist (ENOSYS), and libraries fall back on clone.
//   - Limits and priorities may be lowered by a process for itself, and by
//     nobody for others: the guest is another process of the same user.
//   - All else that this list knows by number is refused with EPERM: mounts and
//     the roots of others, namespaces, modules and kexec, bpf, perf, userfaultfd,
//     io_uring, keys, swap, the clock, the names of the host, file handles.
//   - What is newer than the list does not exist (ENOSYS), so that libraries
//     do without it.
//   - A process of another architecture (32-bit programs) is killed with SIGSYS
//     at its first system call: the numbers mean something else there.
//
// In local sandboxes the first process gets the finished program from the
// driver. In a container the guest assembles it for itself, on top of the
// filter of the engine: those of engines differ.
package seccomp

import (
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Where things are in the kernel's struct seccomp_data. Arguments are 64 bits
// wide; those that are looked at are ints, of which the kernel takes the lower
// half, and both architectures store that first.
const (
	numberAt   = 0
	archAt     = 4
	firstArgAt = 16
	argSize    = 8
)

// What the kernel does with a call.
const (
	killProcess = 0x80000000 // SECCOMP_RET_KILL_PROCESS
	failWith    = 0x00050000 // SECCOMP_RET_ERRNO
	letPass     = 0x7fff0000 // SECCOMP_RET_ALLOW
)

// newest is the last system call that this package knows of. From here on the
// numbers are the same on all architectures.
const newest = unix.SYS_RSEQ_SLICE_YIELD

// namespaces are the flags of clone that make one.
const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// Program returns the filter for this machine's architecture in the form in
// which the kernel takes it: struct sock_filter, one after the other.
func Program() ([]byte, error) {
	raw, err := bpf.Assemble(filter())
	if err != nil {
		return nil, fmt.Errorf("assembling the filter of system calls: %w", err)
	}
	b := make([]byte, 0, 8*len(raw))
	for _, in := range raw {
		b = binary.NativeEndian.AppendUint16(b, in.Op)
		b = append(b, in.Jt, in.Jf)
		b = binary.NativeEndian.AppendUint32(b, in.K)
	}
	return b, nil
}

func filter() []bpf.Instruction {
	return append([]bpf.Instruction{
		bpf.LoadAbsolute{Off: archAt, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: arch, SkipTrue: 1},
		bpf.RetConstant{Val: killProcess},
		bpf.LoadAbsolute{Off: numberAt, Size: 4},
	}, search(spans())...)
}

// A span is the numbers from first up to the next span, which all have the
// same answer.
type span struct {
	first  uint32
	answer []bpf.Instruction
}

// spans cuts all numbers into spans.
func spans() []span {
	pass, refuse, unknown := ret(letPass), fail(unix.EPERM), fail(unix.ENOSYS)
	answers := map[uint32][]bpf.Instruction{
		unix.SYS_CLONE:  append(firstArg(), jump(bpf.JumpBitsSet, namespaces, 1, 0), pass, refuse),
		unix.SYS_CLONE3: {unknown},
		unix.SYS_SOCKET: oneOf(pass, refuse, unix.AF_UNIX, unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK),
		// The default, the 32-bit one, either with the version of Linux 2.6,
		// and the question which it is.
		unix.SYS_PERSONALITY: oneOf(pass, refuse, 0, 0x8, 0x20000, 0x20008, 0xffffffff),

		// The first argument is a process, 0 for the one that asks. Without new
		// limits, in the third, this only tells.
		unix.SYS_PRLIMIT64:          append(ifFirstZero(pass), append(ifThirdNull(pass), refuse)...),
		unix.SYS_SCHED_SETSCHEDULER: append(ifFirstZero(pass), refuse),
		unix.SYS_SCHED_SETPARAM:     append(ifFirstZero(pass), refuse),
		unix.SYS_SCHED_SETATTR:      append(ifFirstZero(pass), refuse),
		// The first is a process (0, 1), a group or a user, the second which.
		unix.SYS_SETPRIORITY: append(unlessSecondZero(refuse), oneOf(pass, refuse, 0, 1)...),
		unix.SYS_IOPRIO_SET:  append(unlessSecondZero(refuse), oneOf(pass, refuse, 1, 2)...),
	}
	for _, group := range append(allowed(), own()...) {
		for _, nr := range group {
			answers[nr] = []bpf.Instruction{pass}
		}
	}
	var all []span
	for nr := uint32(0); nr <= newest; nr++ {
		answer := answers[nr]
		if answer == nil {
			answer = []bpf.Instruction{refuse}
		}
		if len(all) == 0 || !slices.Equal(all[len(all)-1].answer, answer) {
			all = append(all, span{nr, answer})
		}
	}
	return append(all, span{newest + 1, []bpf.Instruction{unknown}})
}

// search finds the answer of the number in the accumulator by halves.
func search(in []span) []bpf.Instruction {
	if len(in) == 1 {
		return in[0].answer
	}
	half := len(in) / 2
	below, above := search(in[:half]), search(in[half:])
	// A conditional jump reaches no further than 255; a plain one does.
	program := []bpf.Instruction{
		jump(bpf.JumpGreaterOrEqual, in[half].first, 0, 1),
		bpf.Jump{Skip: uint32(len(below))},
	}
	return append(append(program, below...), above...)
}

// oneOf answers by whether the first argument is one of a few values.
func oneOf(yes, no bpf.Instruction, values ...uint32) []bpf.Instruction {
	program := firstArg()
	for i, v := range values {
		program = append(program, jump(bpf.JumpEqual, v, uint8(len(values)-i), 0))
	}
	return append(program, no, yes)
}

// ifFirstZero answers if the first argument, an int, is 0.
func ifFirstZero(answer bpf.Instruction) []bpf.Instruction {
	return append(firstArg(), jump(bpf.JumpNotEqual, 0, 1, 0), answer)
}

// unlessSecondZero answers if the second argument, an int, is not 0.
func unlessSecondZero(answer bpf.Instruction) []bpf.Instruction {
	return []bpf.Instruction{bpf.LoadAbsolute{Off: firstArgAt + argSize, Size: 4}, jump(bpf.JumpEqual, 0, 1, 0), answer}
}

// ifThirdNull answers if the third argument, a pointer, is nil.
func ifThirdNull(answer bpf.Instruction) []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: firstArgAt + 2*argSize, Size: 4}, jump(bpf.JumpNotEqual, 0, 3, 0),
		bpf.LoadAbsolute{Off: firstArgAt + 2*argSize + 4, Size: 4}, jump(bpf.JumpNotEqual, 0, 1, 0),
		answer,
	}
}

func firstArg() []bpf.Instruction {
	return []bpf.Instruction{bpf.LoadAbsolute{Off: firstArgAt, Size: 4}}
}

func jump(test bpf.JumpTest, value uint32, ifSo, ifNot uint8) bpf.Instruction {
	return bpf.JumpIf{Cond: test, Val: value, SkipTrue: ifSo, SkipFalse: ifNot}
}

func ret(action uint32) bpf.Instruction { return bpf.RetConstant{Val: action} }

func fail(errno unix.Errno) bpf.Instruction { return ret(failWith | uint32(errno)) }
