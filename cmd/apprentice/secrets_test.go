package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/agent/llm/llmtest"
	"github.com/apprentice-rl/apprentice/sandbox/guest/program"
	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/redact"
)

// TestASecretFromEndToEnd records a model that finds a secret and uses it, and
// acts the recording again: with the secret it works, without it does not, and
// no disk ever has it.
func TestASecretFromEndToEnd(t *testing.T) {
	if _, err := program.Binary(""); err != nil {
		sandboxtest.Missing(t, "guest", err.Error())
	}
	const secret, key = "correct-horse-battery", "sk-very-secret-key"
	t.Setenv("DB_PASSWORD", secret)
	t.Setenv("MY_KEY", key)
	encoded := base64.StdEncoding.EncodeToString([]byte(secret))
	s := llmtest.New(t,
		llmtest.Act("I look at "+key, "bash", fmt.Sprintf(`{"command":"echo %s | base64 -d"}`, encoded)),
		llmtest.Act("It is "+secret, "bash", fmt.Sprintf(`{"command":"test \"$(printf %%s %s | base64)\" = %s"}`, secret, encoded)),
		llmtest.Act("Done.", "submit", `{}`),
	)
	root := t.TempDir()
	recorded := func(run string, args ...string) *trajectories.Trajectory {
		t.Helper()
		dir := filepath.Join(root, run)
		require.Equal(t, exitDone, command(t, append([]string{"record", "--sandbox", "local", "--task", "starter__hush-9", "--run", dir}, args...)...))
		path := filepath.Join(dir, "trajectories", "starter__hush-9.1.jsonl")
		log, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NotContains(t, string(log), secret)
		require.NotContains(t, string(log), key)
		tr, err := trajectories.Read(path)
		require.NoError(t, err)
		require.Equal(t, trajectories.ExitSubmitted, tr.End.Status)
		return tr
	}
	tr := recorded("first", "--policy", "llm", "--base-url", s.URL(), "--model", "tiny", "--api-key-env", "MY_KEY", "--secret", "DB_PASSWORD")
	require.False(t, tr.Observations[1].Failed)
	require.Contains(t, tr.Observations[0].Text, "__SECRET_DB_PASSWORD_")
	require.Contains(t, tr.Turns[0].Message, "__SECRET_MY_KEY_")
	require.Contains(t, string(s.Requests()[1].Body), secret, "the model sees what it does")
	require.Equal(t, exitDone, command(t, "traj", "redact", filepath.Join(root, "first"), "--check", "--secret", "DB_PASSWORD"))

	first := filepath.Join(root, "first")
	// A copy is under the key of the run, and there is nothing left to take out.
	clean := filepath.Join(root, "clean")
	require.Equal(t, exitDone, command(t, "traj", "redact", first, "--secret", "DB_PASSWORD", "--out", clean))
	was, err := os.ReadFile(filepath.Join(first, "trajectories", "starter__hush-9.1.jsonl"))
	require.NoError(t, err)
	is, err := os.ReadFile(filepath.Join(clean, "starter__hush-9.1.jsonl"))
	require.NoError(t, err)
	require.True(t, bytes.Equal(was, is))

	tr = recorded("again", "--policy", "replay", "--from", first, "--secret", "DB_PASSWORD")
	require.False(t, tr.Observations[1].Failed, "the secret was put back")
	require.Contains(t, tr.Observations[0].Text, "__SECRET_DB_PASSWORD_")

	// Nobody knows the secret: it is not put back, and found only by its name.
	path := filepath.Join(root, "blind", "trajectories", "starter__hush-9.1.jsonl")
	require.Equal(t, exitDone, command(t, "record", "--sandbox", "local", "--task", "starter__hush-9", "--run", filepath.Join(root, "blind"),
		"--policy", "replay", "--from", first))
	tr, err = trajectories.Read(path)
	require.NoError(t, err)
	require.True(t, tr.Observations[1].Failed)

	keys := map[string]bool{}
	for _, run := range []string{"first", "again", "blind"} {
		k, err := redact.ReadKey(filepath.Join(root, run))
		require.NoError(t, err)
		keys[string(k)] = true
	}
	require.Len(t, keys, 3, "each run has its own")
}
