package main

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
)

// TestPythonClient runs the tests of the Python package below srl/trainer, which ask
// a reward server of this program.
func TestPythonClient(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		sandboxtest.Missing(t, "python3", "install it, to test the trainers' hooks")
	}
	self, err := exec.LookPath("apprentice") // what TestMain has put there
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), python, "-W", "error::ResourceWarning", "-m", "unittest", "discover", "-s", "tests", "-v")
	cmd.Dir = "../../srl/trainer"
	cmd.Env = append(os.Environ(), "APPRENTICE="+self, "PYTHONPATH=.", "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Logf("%s", out)
}
