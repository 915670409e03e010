//go:build linux

package local

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox"
)

func TestWhyThereCanBeNoNamespaces(t *testing.T) {
	tests := []struct {
		name     string
		err      error
		files    map[string]string
		ordinary bool // only of a user who is not root
		want     string
		mend     string
	}{
		{"a limit of none", unix.ENOSPC, map[string]string{"proc/sys/user/max_user_namespaces": "0\n"}, false, "allows no user namespaces", "sysctl -w user.max_user_namespaces"},
		{"a limit that is reached", unix.ENOSPC, map[string]string{"proc/sys/user/max_user_namespaces": "9\n"}, false, "used up", "raise"},
		{"a kernel without", unix.EINVAL, nil, false, "built without", "CONFIG_USER_NS"},
		{"root only", unix.EPERM, map[string]string{"proc/sys/kernel/unprivileged_userns_clone": "0\n"}, true, "lets only root", "unprivileged_userns_clone=1"},
		{"AppArmor", wallFailure("building the root: make mounts private: permission denied"), map[string]string{"proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1\n"}, true, "AppArmor", "restrict_unprivileged_userns=0"},
		{"a filter", unix.EPERM, map[string]string{"proc/self/status": "Name:\tx\nSeccomp:\t2\n"}, false, "filter of system calls", "seccomp=unconfined"},
		{"a container's /proc", wallFailure("building the root: mounting proc on /new/proc: operation not permitted"), nil, false, "/proc are covered", "systempaths=unconfined"},
		{"nothing that says why", unix.EPERM, nil, false, "without a setting", "administrator"},
		{"something else", errors.New("no such file"), nil, false, "no such file", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.ordinary && os.Geteuid() == 0 {
				tt.want, tt.mend = "without a setting", "" // does not concern root
			}
			detail, mend := explain(machine(t, tt.files), tt.err)
			require.Contains(t, detail, tt.want)
			require.Contains(t, mend, tt.mend)
			require.Equal(t, detail != tt.err.Error(), errors.Is(unavailable(tt.err), sandbox.ErrUnavailable))
		})
	}
}

func TestWhatAMachineHasNoMoreOf(t *testing.T) {
	for _, err := range []error{
		os.NewSyscallError("pipe2", unix.EMFILE),
		os.NewSyscallError("memfd_create", unix.ENFILE),
		&os.PathError{Op: "fork/exec", Path: "/proc/self/fd/9", Err: unix.EAGAIN},
		wallFailure("building the root: mounting tmpfs on /new: cannot allocate memory"),
	} {
		require.ErrorIs(t, exhausted(unavailable(err)), sandbox.ErrUnavailable)
		require.ErrorIs(t, exhausted(unavailable(err)), err)
	}
	for _, err := range []error{
		wallFailure("building the root: Mounts[0]: showing /usr at /etc/passwd: invalid argument"),
		errors.New("resource temporarily unavailable"),
	} {
		require.Equal(t, err, exhausted(unavailable(err)))
	}
}

func TestGroupsThatCannotBeUsedAreSaidSo(t *testing.T) {
	c := findCgroups(machine(t, map[string]string{
		"proc/self/cgroup":           "4:memory:/\n",
		"proc/self/mountinfo":        "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
		"sys/fs/cgroup/memory/tasks": "",
	}))
	found := diagnoseGroups(c)
	require.Len(t, found, 3)
	require.Equal(t, Finding{What: "cgroup memory", OK: true, Detail: "version 1"}, found[0])
	for _, f := range found[1:] {
		require.False(t, f.OK)
		require.Contains(t, f.Detail, "no control groups with it are mounted here")
		require.Contains(t, f.Mend, "Delegate=yes")
	}
}
