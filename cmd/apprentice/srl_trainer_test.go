package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
	"github.com/apprentice-rl/apprentice/srl/feed"
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

// TestHooksInTheirTrainers has the trainers' own code load the hooks and call them
// with rows of our feeds.
func TestHooksInTheirTrainers(t *testing.T) {
	python, logs, steps := trainersAndSteps(t)
	self, err := exec.LookPath("apprentice")
	require.NoError(t, err)
	dependsOn(t, "../../srl/trainer")
	dir := filepath.Dir(logs)
	cmd := exec.CommandContext(t.Context(), python, "tests/in_trainers.py", "-v")
	cmd.Dir = "../../srl/trainer"
	cmd.Env = append(trainersEnvironment(t), "APPRENTICE="+self, "PYTHONPATH=.", "PYTHONDONTWRITEBYTECODE=1")
	for variable, f := range map[string]feed.Encoding{"TRL": feed.JSONL, "VERL": feed.Parquet, "OPENRLHF": feed.JSONL} {
		out := filepath.Join(dir, variable)
		require.Zero(t, command(t, "srl", "feed", steps, "--to", strings.ToLower(variable), "--encoding", string(f), "--out", out))
		cmd.Env = append(cmd.Env, variable+"="+filepath.Join(out, "train."+string(f)))
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", tailOf(string(out)))
	require.Regexp(t, `Ran [1-9]\d* tests in [^\n]*\n\nOK\n`, string(out), "none is skipped")
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
