// Package sandboxtest is the conformance suite of sandbox drivers: what every
// driver must do, whatever it is made of. A driver's test file calls Run.
package sandboxtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
	"github.com/apprentice-rl/apprentice/sandbox/guest/program"
)

// Guest returns the guest program of this machine's architecture: the one that
// the build carries, or else one built on the spot from this source.
func Guest(t testing.TB) []byte {
	t.Helper()
	if b, err := program.Binary(""); err == nil {
		return b
	}
	return Program(t, "cmd/apprentice-guest")
}

// ProgramsVariable names a folder in which Program looks for programs that were
// built already, for tests that run where nothing can be built.
const ProgramsVariable = "APPRENTICE_TEST_PROGRAMS"

// Program returns a static program of this module, built from its source.
func Program(t testing.TB, folder string) []byte {
	t.Helper()
	out := filepath.Join(os.Getenv(ProgramsVariable), filepath.Base(folder))
	if os.Getenv(ProgramsVariable) == "" {
		out = filepath.Join(t.TempDir(), filepath.Base(folder))
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, "github.com/apprentice-rl/apprentice/"+folder)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		msg, err := cmd.CombinedOutput()
		require.NoError(t, err, "building %s: %s", folder, msg)
	}
	b, err := os.ReadFile(out)
	require.NoError(t, err)
	return b
}

// Missing skips a test that needs a component which is not there, and says how
// to get it. Where APPRENTICE_MUST_RUN lists the component, as in CI, the test
// fails instead.
func Missing(t testing.TB, component, hint string) {
	t.Helper()
	if slices.Contains(strings.Fields(os.Getenv("APPRENTICE_MUST_RUN")), component) {
		t.Fatalf("%s is missing, and must not be: %s", component, hint)
	}
	t.Skipf("%s is missing: %s", component, hint)
}

// Run checks a driver. Its base image must hold bash and the usual core
// utilities.
func Run(t *testing.T, driver sandbox.Driver) {
	t.Run("commands", func(t *testing.T) { commands(t, driver) })
	t.Run("streams", func(t *testing.T) { streams(t, driver) })
	t.Run("forwarding", func(t *testing.T) { forwarding(t, driver) })
	t.Run("shell", func(t *testing.T) { shells(t, driver) })
	t.Run("files", func(t *testing.T) { files(t, driver) })
	t.Run("walls", func(t *testing.T) { walls(t, driver) })
	t.Run("life", func(t *testing.T) { life(t, driver) })
	t.Run("hostile", func(t *testing.T) { hostile(t, driver) })
}

// open starts a sandbox that ends with the test.
func open(t *testing.T, driver sandbox.Driver, spec sandbox.Spec) *guest.Sandbox {
	t.Helper()
	sb, err := guest.Open(t.Context(), driver, spec)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sb.Close()) })
	return sb
}

// sh is a command for the shell.
func sh(script string) sandbox.Command {
	return sandbox.Command{Argv: []string{"bash", "-c", script}}
}
