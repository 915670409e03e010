package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A warning quotes what is wrong, and names say more than they should.
func TestAnImportTellsNoSecret(t *testing.T) {
	const key = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
	t.Setenv("APPRENTICE_TEST_PASSWORD", "hunter4711-and-more")
	dir := t.TempDir()
	file, out := filepath.Join(dir, "a.traj.json"), filepath.Join(dir, "out")
	require.NoError(t, os.WriteFile(file, []byte(`{
		"info": {"exit_status": "Submitted", "submission": "", "model_stats": {"instance_cost": "`+key+`", "api_calls": 1},
			"config": {"model": {"model_name": "hunter4711-and-more"}}, "mini_version": "1.1.0"},
		"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "p"},
			{"role": "assistant", "content": "x\n\n`+"```bash\\nls\\n```"+`"}, {"role": "user", "content": "<returncode>0</returncode>"},
			{"role": "hunter4711-and-more", "content": "y"}],
		"trajectory_format": "mini-swe-agent-1"}`), 0o600))
	for _, more := range [][]string{{"--keep-going", "--json"}, {"--keep-going"}, nil} {
		var stdout, stderr bytes.Buffer
		code := run(append([]string{"traj", "import", file, "--out", out, "--secret", "APPRENTICE_TEST_PASSWORD"}, more...), nil, &stdout, &stderr)
		if more == nil {
			require.Equal(t, exitUser, code)
			require.Contains(t, stderr.String(), "[github]")
		} else {
			require.Equal(t, exitDone, code, stderr.String())
		}
		for _, secret := range []string{key, "hunter4711"} {
			require.NotContains(t, stdout.String()+stderr.String(), secret)
		}
	}
	require.Equal(t, exitDone, run([]string{"traj", "list", out}, nil, &bytes.Buffer{}, &bytes.Buffer{}))
	require.NoError(t, filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		if !d.IsDir() {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NotContains(t, string(text), key, path)
			require.NotContains(t, string(text), "hunter4711", path)
		}
		return nil
	}))
}
