//go:build linux

package local_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
)

// someone is an ordinary user: no name, no group, no rights.
const someone = 61234

// TestAsAnOrdinaryUser runs all tests of this package once more, as an ordinary
// user, who may do less and for whom much is done differently.
func TestAsAnOrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 {
		return // the other tests are all that
	}
	home := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(home), 0o755))
	require.NoError(t, os.Chown(home, someone, someone))
	self, err := os.Executable()
	require.NoError(t, err)
	binary, err := os.ReadFile(self)
	require.NoError(t, err)
	program := filepath.Join(home, "local.test")
	require.NoError(t, os.WriteFile(program, binary, 0o755))

	// There is no module around it, and no build cache.
	programs := filepath.Join(home, "programs")
	require.NoError(t, os.Mkdir(programs, 0o755))
	for _, folder := range []string{"cmd/apprentice-guest", "sandbox/sandboxtest/probe"} {
		require.NoError(t, os.WriteFile(filepath.Join(programs, filepath.Base(folder)), sandboxtest.Program(t, folder), 0o755))
	}

	// The engine, where there is one, is root's.
	image := saved(t, home)

	// What takes longest has nothing to do with what the files stand on, and is
	// done without the image already.
	const done = "TestOnDebian/conformance/hostile/outputs|TestOnDebian/conformance/hostile/bombs/(processes|names)"
	cmd := exec.Command(program, "-test.v", "-test.timeout=15m", "-test.skip="+done)
	cmd.Dir = home
	cmd.Env = append(os.Environ(), "HOME="+home, "TMPDIR="+home, "USER=someone", sandboxtest.ProgramsVariable+"="+programs, archiveVariable+"="+image)
	cmd.SysProcAttr = &unix.SysProcAttr{Credential: &syscall.Credential{Uid: someone, Gid: someone}}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", failures(string(out)))
	require.Contains(t, string(out), "--- PASS: TestConformance ")
	if image != "" {
		require.Contains(t, string(out), "--- PASS: TestOnDebian ")
	}
}

// failures are the lines of a verbose test log that lead to a failure.
func failures(log string) string {
	var b strings.Builder
	for line := range strings.Lines(log) {
		if !strings.Contains(line, "=== ") && !strings.Contains(line, "--- PASS") {
			b.WriteString(line)
		}
	}
	return b.String()
}
