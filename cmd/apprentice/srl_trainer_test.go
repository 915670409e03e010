package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
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
	dependsOn(t, "../../srl/trainer")
	cmd := exec.CommandContext(t.Context(), python, "-W", "error::ResourceWarning", "-m", "unittest", "discover", "-s", "tests", "-v")
	cmd.Dir = "../../srl/trainer"
	cmd.Env = append(os.Environ(), "APPRENTICE="+self, "PYTHONPATH=.", "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Logf("%s", out)
}

// dependsOn reads the Python files of a folder, so that a result that go test has
// kept is for the same ones.
func dependsOn(t *testing.T, folder string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".py" {
			_, err = os.ReadFile(path)
		}
		return err
	}))
}
