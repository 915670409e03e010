package sandboxtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
)

// escapes are attempts on what is outside, and on the guest, which is the way
// there.
func escapes(t *testing.T, driver sandbox.Driver, h *host) {
	t.Setenv("A_SECRET_OF_THE_HOST", secret)
	sb := open(t, driver, sandbox.Spec{})
	t.Run("the guest's program", func(t *testing.T) { overwrites(t, sb, h) })
	t.Run("the guest's privileges", func(t *testing.T) { deputies(t, sb, h) })
	t.Run("the host's files and environment", func(t *testing.T) { readings(t, sb, h) })
	t.Run("the host's network", func(t *testing.T) {
		for _, at := range h.endpoints() {
			said := h.attempt(t, sb, "dial", at.network, at.address)
			require.NotEqual(t, "allowed", said["dial"], at)
			h.endure(t, sb)
		}
	})
	t.Run("limits", func(t *testing.T) { limits(t, sb, h) })
	t.Run("tracing", func(t *testing.T) { traces(t, sb, h) })
	t.Run("system calls", func(t *testing.T) { calls(t, sb, h) })
}

func overwrites(t *testing.T, sb *guest.Sandbox, h *host) {
	before := genuine(t, sb)
	same := func(t *testing.T, sb *guest.Sandbox, _ sandbox.Result) {
		require.Equal(t, before, genuine(t, sb))
	}
	h.do(t, sb, []deed{
		{"of the guest", sh("echo x >/proc/1/exe"), only(sandbox.EndExit), ".*(denied|No such).*", same},
		{"of the supervisor", sh("echo x >/proc/$PPID/exe"), only(sandbox.EndExit), ".*(denied|busy|No such).*", same},
		{"of all supervisors", sh("for p in /proc/[0-9]*; do [ $p = /proc/$$ ] || echo x >$p/exe; done 2>/dev/null; true"), only(sandbox.EndExit), "", same},
		{"by its file", sh("guest=$(tr '\\0' '\\n' </proc/1/cmdline | head -1); echo x >$guest; cp /bin/true $guest; mv -f /bin/true $guest; rm -f $guest; ln -sf /bin/true $guest; true"), only(sandbox.EndExit), ".*", same},
		{"by its folder", sh("mv /.apprentice /tmp/a; rm -rf /.apprentice; mkdir -p /.apprentice; true"), only(sandbox.EndExit), ".*", same},
		{"by a program that waits for it", sandbox.Command{Script: `exec 9</proc/$PPID/exe; (for i in $(seq 50); do echo x >/proc/self/fd/9; done) 2>/dev/null; true`}, only(sandbox.EndExit), ".*", same},
	})
	t.Run("through the names that a shell's supervisor has", func(t *testing.T) {
		s, err := sb.Shell(t.Context(), "/tmp")
		require.NoError(t, err)
		res, err := s.Run(t.Context(), "(echo x >/proc/$PPID/exe) 2>/dev/null || echo denied", 10*time.Second)
		require.NoError(t, err)
		require.Equal(t, "denied\n", string(res.Output))
		require.NoError(t, s.Close())
		same(t, sb, sandbox.Result{})
		h.endure(t, sb)
	})
}

// deputies ask the guest itself, whose paths a policy may choose, to use what
// only the guest may do.
func deputies(t *testing.T, sb *guest.Sandbox, h *host) {
	for _, path := range []string{
		"/proc/self/oom_score_adj", "/proc/1/oom_score_adj", "/proc/self/mem", "/proc/self/comm", "/proc/self/coredump_filter",
		"/proc/self/clear_refs", "/proc/self/exe", "/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/task/1/comm", "/proc/sys/kernel/hostname",
		"/dev/full", "/dev/tty", "/dev/ptmx",
	} {
		t.Run(path, func(t *testing.T) {
			err := sb.WriteFile(t.Context(), path, []byte("1000"))
			require.Error(t, err)
			require.NotErrorIs(t, err, sandbox.ErrBroken)
			_, err = sb.Edit(t.Context(), path, sandbox.Edit{Old: []byte("0"), New: []byte("1"), Count: 1})
			if err == nil { // nothing to be found in it
				require.NotContains(t, path, "oom_score_adj")
			}
			require.NotErrorIs(t, err, sandbox.ErrBroken)
			h.endure(t, sb)
		})
	}
	for _, path := range []string{"/proc/self/environ", "/proc/1/environ", "/proc/self/cmdline"} {
		b, err := sb.ReadFile(t.Context(), path)
		require.NotErrorIs(t, err, sandbox.ErrBroken)
		require.NotContains(t, string(b), secret)
	}
	for _, path := range []string{"/proc/self/mem", "/proc/kcore", "/proc/self/fd/0", "/proc/self/pagemap"} {
		_, err := sb.ReadFile(t.Context(), path)
		require.Error(t, err, path)
		require.NotErrorIs(t, err, sandbox.ErrBroken)
	}
	_, _, err := sb.Search(t.Context(), "/proc/self", sandbox.Search{Pattern: secret})
	require.NoError(t, err)
	h.endure(t, sb)
}

func readings(t *testing.T, sb *guest.Sandbox, h *host) {
	home, err := os.UserHomeDir()
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	work, err := os.Getwd()
	require.NoError(t, err)
	for _, path := range []string{
		h.file, h.dir, h.socket, self, filepath.Join(work, "hostile.go"), "/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock",
		"/var/lib/docker", filepath.Join(home, ".ssh"), filepath.Join(home, ".docker"), "/proc/1/root" + h.file, "/proc/self/root" + h.file,
		"/proc/self/cwd/../../../../.." + h.file, "/dev/mem", "/dev/kmem", "/dev/sda", "/proc/kcore", "/proc/kmsg", "/sys/kernel/debug/x",
	} {
		t.Run(path, func(t *testing.T) {
			res, err := sb.Run(t.Context(), sandbox.Command{Argv: []string{"head", "-c", "100", path}, Timeout: 10 * time.Second})
			require.NoError(t, err)
			if res.Succeeded() { // masked
				require.Empty(t, res.Output)
			}
			require.NotContains(t, string(res.Output), secret)
		})
	}
	h.do(t, sb, []deed{
		{"environments", sh("cat /proc/*/environ /proc/*/task/*/environ 2>/dev/null | tr '\\0' '\\n' | grep -c " + strings.ReplaceAll(secret, " ", ".")), only(sandbox.EndExit), "0\n", nil},
		{"the guest's environment", sh("cat /proc/1/environ"), only(sandbox.EndExit), ".*denied.*", nil},
		{"the guest's root", sh("ls /proc/1/root/ /proc/1/cwd/"), only(sandbox.EndExit), ".*denied.*", nil},
		{"the guest's descriptors", sh("ls /proc/1/fd/"), only(sandbox.EndExit), ".*denied.*", nil},
		{"the guest's memory", sh("head -c 1 /proc/1/mem"), only(sandbox.EndExit), ".*denied.*", nil},
		{"descriptors of ours", sh("ls /proc/self/fd | tr '\\n' ' '"), only(sandbox.EndExit), "0 1 2 3 ", nil},
		{"mounts of the host", sh("grep -c " + h.dir + " /proc/self/mountinfo"), only(sandbox.EndExit), "0\n", nil},
		{"a kernel that is told to tell", sh("for f in /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /proc/sysrq-trigger /sys/kernel/uevent_helper; do echo x >$f && echo written; done 2>/dev/null; true"), only(sandbox.EndExit), "", nil},
	})
}

// limits of the guest are not for those to set who run as the same user.
func limits(t *testing.T, sb *guest.Sandbox, h *host) {
	if sb.Instance().Enforcement()[sandbox.LimitSyscalls] != sandbox.Enforced || emulated(t, sb) {
		return // nothing forbids it
	}
	for name, what := range h.attempt(t, sb, "limit", "1") {
		require.Equal(t, "EPERM", what, name)
	}
	res, err := sb.Run(t.Context(), sh("ulimit -n 100; ulimit -n; nice -n 5 nice"))
	require.NoError(t, err)
	require.Equal(t, "100\n5\n", string(res.Output), "for oneself they are")
	h.endure(t, sb)
}

func traces(t *testing.T, sb *guest.Sandbox, h *host) {
	s, err := sb.Shell(t.Context(), "/tmp")
	require.NoError(t, err)
	h.putProbe(t, sb)
	// The guest and the supervisor of the command that tries.
	res, err := sb.Run(t.Context(), sh("exec /tmp/probe/probe trace 1 $PPID"))
	require.NoError(t, err)
	require.True(t, res.Succeeded(), "%s", res.Output)
	require.NotContains(t, string(res.Output), "allowed")
	require.Equal(t, 24, strings.Count(string(res.Output), "\n"), "%s", res.Output)
	require.NoError(t, s.Close())
	h.endure(t, sb)
}

// Whose is it that a system call is denied?
const (
	byWalls  = "walls"  // by capabilities and namespaces, on every driver
	byFilter = "filter" // by the filter of system calls, where that limit is in force; elsewhere it may be allowed, and is harmless
	byNobody = "nobody" // by some filters and not by others; it is harmless
)

func calls(t *testing.T, sb *guest.Sandbox, h *host) {
	table := map[string]string{
		"mount": byWalls, "remount": byWalls, "bind mount": byWalls, "umount": byWalls, "pivot_root": byWalls, "chroot": byWalls,
		"open_tree": byWalls, "fsopen": byWalls, "mknod of a disk": byWalls, "mknod of memory": byWalls,
		"unshare mount": byWalls, "unshare net": byWalls, "unshare pid": byWalls, "unshare uts": byWalls,
		"unshare ipc": byWalls, "unshare cgroup": byWalls, "clone user": byWalls, "clone mount": byWalls, "clone net": byWalls, "setns": byWalls,
		"clock_settime": byWalls, "settimeofday": byWalls, "adjtimex": byWalls, "sethostname": byWalls, "setdomainname": byWalls,
		"reboot": byWalls, "kexec_load": byWalls, "init_module": byWalls, "finit_module": byWalls, "delete_module": byWalls,
		"swapon": byWalls, "swapoff": byWalls, "acct": byWalls, "vhangup": byWalls, "open_by_handle_at": byWalls,
		"a packet socket": byWalls, "a raw socket": byWalls, "a higher limit": byWalls, "capset": byWalls, "iopl": byWalls, "ioperm": byWalls,
		"bpf": byFilter, "keyctl": byFilter, "add_key": byFilter, "perf_event_open": byFilter, "userfaultfd": byFilter, "personality": byFilter,
		"kernel log":     byFilter,
		"io_uring_setup": byNobody,
	}
	denied := []string{"EPERM", "EACCES", "ENOSYS", "ENOSPC"} // ENOSPC: no more user namespaces than none
	filtered := sb.Instance().Enforcement()[sandbox.LimitSyscalls] == sandbox.Enforced
	said := h.attempt(t, sb, "calls")
	for _, name := range sorted(said) {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, table, name)
			if by := table[name]; by == byWalls || by == byFilter && filtered {
				require.Contains(t, denied, said[name])
			}
		})
	}
	h.endure(t, sb)
}
