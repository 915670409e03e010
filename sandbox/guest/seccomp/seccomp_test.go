//go:build linux && (amd64 || arm64)

package seccomp

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// ask runs the filter on one call. The machine that runs it here loads numbers
// with the first byte first, and so they are laid out that way for it.
func ask(t *testing.T, vm *bpf.VM, arch, nr uint32, args ...uint64) uint32 {
	t.Helper()
	data := make([]byte, 64)
	binary.BigEndian.PutUint32(data[numberAt:], nr)
	binary.BigEndian.PutUint32(data[archAt:], arch)
	for i, arg := range args { // the lower half first, each half for itself
		binary.BigEndian.PutUint32(data[firstArgAt+i*argSize:], uint32(arg))
		binary.BigEndian.PutUint32(data[firstArgAt+i*argSize+4:], uint32(arg>>32))
	}
	answer, err := vm.Run(data)
	require.NoError(t, err)
	return uint32(answer)
}

func machine(t *testing.T) *bpf.VM {
	t.Helper()
	vm, err := bpf.NewVM(filter())
	require.NoError(t, err)
	return vm
}

func refusal(errno unix.Errno) uint32 { return failWith | uint32(errno) }

func TestEveryNumberGetsTheAnswerOfItsList(t *testing.T) {
	vm := machine(t)
	listed := make(map[uint32]bool)
	for _, group := range append(allowed(), own()...) {
		for _, nr := range group {
			require.False(t, listed[nr], "system call %d is listed twice", nr)
			listed[nr] = true
		}
	}
	closer := map[uint32]bool{
		unix.SYS_CLONE: true, unix.SYS_CLONE3: true, unix.SYS_SOCKET: true, unix.SYS_PERSONALITY: true, unix.SYS_PRLIMIT64: true,
		unix.SYS_SCHED_SETSCHEDULER: true, unix.SYS_SCHED_SETPARAM: true, unix.SYS_SCHED_SETATTR: true,
		unix.SYS_SETPRIORITY: true, unix.SYS_IOPRIO_SET: true,
	}
	for nr := range uint32(1024) {
		require.False(t, listed[nr] && closer[nr], "system call %d is both allowed and looked at", nr)
		want := refusal(unix.EPERM)
		switch {
		case closer[nr]:
			continue
		case listed[nr]:
			want = letPass
		case nr > newest:
			want = refusal(unix.ENOSYS)
		}
		require.Equal(t, want, ask(t, vm, arch, nr, 0), "system call %d", nr)
	}
}

func TestArgumentsAreLookedAt(t *testing.T) {
	const (
		threads = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD | unix.CLONE_SYSVSEM | unix.CLONE_SETTLS
		x32     = 0x40000000
	)
	refused, unknown := refusal(unix.EPERM), refusal(unix.ENOSYS)
	tests := []struct {
		name string
		nr   uint32
		args []uint64
		want uint32
	}{
		{"a thread", unix.SYS_CLONE, []uint64{threads}, letPass},
		{"a process", unix.SYS_CLONE, []uint64{uint64(unix.SIGCHLD)}, letPass},
		{"a user namespace", unix.SYS_CLONE, []uint64{unix.CLONE_NEWUSER | uint64(unix.SIGCHLD)}, refused},
		{"a mount namespace among other flags", unix.SYS_CLONE, []uint64{threads | unix.CLONE_NEWNS}, refused},
		{"flags behind a pointer", unix.SYS_CLONE3, []uint64{0}, unknown},
		{"a local socket", unix.SYS_SOCKET, []uint64{unix.AF_UNIX}, letPass},
		{"an Internet socket", unix.SYS_SOCKET, []uint64{unix.AF_INET6}, letPass},
		{"a socket to the hypervisor", unix.SYS_SOCKET, []uint64{unix.AF_VSOCK}, refused},
		{"raw packets", unix.SYS_SOCKET, []uint64{unix.AF_PACKET}, refused},
		{"the kernel's ciphers", unix.SYS_SOCKET, []uint64{unix.AF_ALG}, refused},
		{"the default personality", unix.SYS_PERSONALITY, []uint64{0}, letPass},
		{"asking for the personality", unix.SYS_PERSONALITY, []uint64{0xffffffff}, letPass},
		{"no random addresses", unix.SYS_PERSONALITY, []uint64{0x0040000}, refused},
		{"a limit of one's own", unix.SYS_PRLIMIT64, []uint64{0, 7, 0x7fff00000000}, letPass},
		{"a limit of the guest", unix.SYS_PRLIMIT64, []uint64{1, 7, 0x7fff00000000}, refused},
		{"a limit of the guest, low in memory", unix.SYS_PRLIMIT64, []uint64{1, 7, 0x10000}, refused},
		{"asking for a limit of the guest", unix.SYS_PRLIMIT64, []uint64{1, 7, 0, 0x7fff00000000}, letPass},
		{"a policy of one's own", unix.SYS_SCHED_SETSCHEDULER, []uint64{0, 5}, letPass},
		{"a policy of another", unix.SYS_SCHED_SETSCHEDULER, []uint64{1, 5}, refused},
		{"attributes of another", unix.SYS_SCHED_SETATTR, []uint64{1}, refused},
		{"parameters of another", unix.SYS_SCHED_SETPARAM, []uint64{1}, refused},
		{"being nice", unix.SYS_SETPRIORITY, []uint64{0, 0, 10}, letPass},
		{"being nice as a group", unix.SYS_SETPRIORITY, []uint64{1, 0, 10}, letPass},
		{"being nice for all of the user", unix.SYS_SETPRIORITY, []uint64{2, 0, 19}, refused},
		{"being nice for the guest", unix.SYS_SETPRIORITY, []uint64{0, 1, 19}, refused},
		{"idle on the disk", unix.SYS_IOPRIO_SET, []uint64{1, 0, 3 << 13}, letPass},
		{"idle on the disk, all of the user", unix.SYS_IOPRIO_SET, []uint64{3, 0, 3 << 13}, refused},
		{"idle on the disk, the guest", unix.SYS_IOPRIO_SET, []uint64{1, 1, 3 << 13}, refused},
		{"a number of x32", x32 | 1, nil, unknown},
	}
	vm := machine(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, ask(t, vm, arch, tt.nr, tt.args...))
		})
	}
}

func TestAnotherArchitectureIsKilled(t *testing.T) {
	vm := machine(t)
	for _, other := range []uint32{unix.AUDIT_ARCH_I386, unix.AUDIT_ARCH_ARM, unix.AUDIT_ARCH_RISCV64, 0} {
		require.Equal(t, uint32(killProcess), ask(t, vm, other, unix.SYS_READ, 0))
	}
}

func TestTheProgramFitsTheKernel(t *testing.T) {
	b, err := Program()
	require.NoError(t, err)
	const most = 4096 // instructions: BPF_MAXINSNS
	require.Zero(t, len(b)%8)
	require.Less(t, len(b)/8, most)
	require.Equal(t, uint16(0x20), binary.NativeEndian.Uint16(b), "the first loads a word")
}
