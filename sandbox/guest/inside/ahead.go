package inside

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// workerVariable tells Serve of a supervisor that runs already: its process
// number and the descriptor of its link.
const workerVariable = "APPRENTICE_WORKER"

// StartAhead starts the supervisor of the first command in a process that is
// about to execute this program as the guest, and returns the environment for
// that. So the two starts, which take as long as each other, go side by side.
func StartAhead() []string {
	environ := os.Environ()
	// What is meant for the guest is not meant for commands.
	clean := slices.DeleteFunc(slices.Clone(environ), func(kv string) bool {
		return strings.HasPrefix(kv, LifetimeVariable+"=") || strings.HasPrefix(kv, DiskVariable+"=")
	})
	var pid int
	near, err := startSupervisor("exec", "", clean, func(argv []string, attr *syscall.ProcAttr) (err error) {
		pid, err = forkExec("/proc/self/exe", argv, attr)
		return err
	})
	if err == nil {
		_, err = unix.FcntlInt(uintptr(near), unix.F_SETFD, 0) // it stays open
	}
	if err != nil {
		return environ // the guest tries it again, and tells
	}
	return append(environ, fmt.Sprintf("%s=%d %d", workerVariable, pid, near))
}

// startedAhead takes the supervisor that StartAhead has started, if there is
// one, out of the environment.
func startedAhead() (pid, near int, ok bool) {
	n, _ := fmt.Sscanf(os.Getenv(workerVariable), "%d %d", &pid, &near)
	_ = os.Unsetenv(workerVariable)
	if n != 2 {
		return 0, 0, false
	}
	unix.CloseOnExec(near)
	return pid, near, true
}
