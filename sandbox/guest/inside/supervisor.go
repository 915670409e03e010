package inside

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

// linkFD is the descriptor of a supervisor's socket to the guest.
const linkFD = 3

// beSupervisor makes this process the subreaper of all that it starts. What it
// starts goes before the guest when memory runs out.
func beSupervisor() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("become subreaper", err)
	}
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("500"), 0)
	deafen()
	stock(supervisorThreads)
	return nil
}

func refused(err error) sandbox.Result {
	return sandbox.Result{End: sandbox.EndRefused, ExitCode: -1, Reason: wire.NewError(err).Message}
}

// ended tells how a process ended.
func ended(ws unix.WaitStatus) sandbox.Result {
	if ws.Exited() {
		return sandbox.Result{End: sandbox.EndExit, ExitCode: ws.ExitStatus()}
	}
	return sandbox.Result{End: sandbox.EndSignal, ExitCode: -1, Signal: unix.SignalName(ws.Signal())}
}

// environment is base with extra in it.
func environment(base []string, extra map[string]string) []string {
	env := slices.DeleteFunc(slices.Clone(base), func(kv string) bool {
		k, _, _ := strings.Cut(kv, "=")
		_, replaced := extra[k]
		return replaced
	})
	for k, v := range extra {
		env = append(env, k+"="+v)
	}
	slices.Sort(env)
	return env
}

// lookPath finds the program of argv as execvpe would.
func lookPath(argv []string, dir string, environ []string) (string, error) {
	if len(argv) == 0 || argv[0] == "" {
		return "", errors.New("no program given")
	}
	name := argv[0]
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join("/", dir, name)
		}
		return name, nil
	}
	path := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	for _, kv := range environ {
		if v, ok := strings.CutPrefix(kv, "PATH="); ok && v != "" {
			path = v
		}
	}
	for _, d := range filepath.SplitList(path) {
		p := filepath.Join("/", d, name)
		if st, err := os.Stat(p); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return p, nil
		}
	}
	return "", fmt.Errorf("%s: no such program in PATH (%s)", name, path)
}
