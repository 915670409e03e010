package main

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
)

// TestTheTrainersPackage runs the tests of the Python package that trainers ask
// the server with.
func TestTheTrainersPackage(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		sandboxtest.Missing(t, "python3", "install it, to test what trainers call")
	}
	program, err := exec.LookPath("apprentice") // testscript has put this test there
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), python, "-W", "error::ResourceWarning", "-m", "unittest", "discover", "-s", "tests", "-t", ".")
	cmd.Dir = "../../srl/trainer"
	cmd.Env = append(os.Environ(), "APPRENTICE_PROGRAM="+program, "PYTHONDONTWRITEBYTECODE=1", "TMPDIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Logf("%s", out)
}
