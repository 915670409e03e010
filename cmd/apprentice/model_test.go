package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/agent/llm/llmtest"
	"github.com/apprentice-rl/apprentice/benchmarks"
	"github.com/apprentice-rl/apprentice/sandbox/guest/program"
	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
	"github.com/apprentice-rl/apprentice/trajectories"
)

// TestAModelFromEndToEnd records a model behind an endpoint, grades it, and
// makes examples of it.
func TestAModelFromEndToEnd(t *testing.T) {
	if _, err := program.Binary(""); err != nil {
		sandboxtest.Missing(t, "guest", err.Error())
	}
	s := llmtest.New(t,
		llmtest.Act("Let me look.", "bash", `{"command":"ls"}`),
		llmtest.Reply{Message: "I have no call in here."},
		llmtest.Act("I leave a note.", "str_replace_editor", `{"command":"create","path":"/testbed/NOTE","file_text":"hello\n"}`),
		llmtest.Act("Done.", "submit", `{}`),
	)
	dir := filepath.Join(t.TempDir(), "run")
	t.Setenv("MY_KEY", "sk-very-secret-key")
	require.Equal(t, exitDone, command(t, "record", "--policy", "llm", "--base-url", s.URL(), "--model", "tiny", "--api-key-env", "MY_KEY",
		"--sandbox", "local", "--task", "starter__hush-9", "--run", dir))

	path := filepath.Join(dir, "trajectories", "starter__hush-9.1.jsonl")
	tr, err := trajectories.Read(path)
	require.NoError(t, err)
	require.Equal(t, trajectories.ExitSubmitted, tr.End.Status)
	require.Len(t, tr.Turns, 4)
	require.NotEmpty(t, tr.Turns[1].FormatError)
	require.Equal(t, trajectories.Policy{Name: "llm", Model: "tiny"}, tr.Header.Policy)
	require.Contains(t, tr.End.Patch, "+hello")
	for _, r := range s.Requests() {
		require.Equal(t, "Bearer sk-very-secret-key", r.Header.Get("Authorization"))
	}
	for _, name := range []string{path, filepath.Join(dir, "run.json")} {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		require.NotContains(t, string(b), "sk-very-secret-key")
	}

	preds := filepath.Join(dir, "predictions", "llm.jsonl")
	var out, errs bytes.Buffer
	code := run([]string{"bench", "grade", "--predictions", preds, "--sandbox", "local", "--task", "starter__hush-9", "--run", dir, "--min-resolve-rate", "0.5", "--json"},
		strings.NewReader(""), &out, &errs)
	require.Equal(t, exitFellShort, code, errs.String())
	var doc struct {
		Resolved int
		Tasks    []struct{ Verdict, Reason string }
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &doc))
	require.Zero(t, doc.Resolved)
	require.Equal(t, string(benchmarks.ReasonTestsFailed), doc.Tasks[0].Reason)

	steps := filepath.Join(dir, "steps.jsonl")
	require.Equal(t, exitDone, command(t, "srl", "steps", dir, "--out", steps))
	b, err := os.ReadFile(steps)
	require.NoError(t, err)
	require.Equal(t, 3, bytes.Count(b, []byte("\n")), "a turn without a call is no step")
}

func TestAnEndpointThatIsNotThere(t *testing.T) {
	if _, err := program.Binary(""); err != nil {
		sandboxtest.Missing(t, "guest", err.Error())
	}
	s := llmtest.New(t, llmtest.Unauthorized("sk-wrong-key-here"))
	dir := filepath.Join(t.TempDir(), "run")
	t.Setenv("MY_KEY", "sk-wrong-key-here")
	var out, errs bytes.Buffer
	code := run([]string{"record", "--policy", "llm", "--base-url", s.URL(), "--model", "tiny", "--api-key-env", "MY_KEY",
		"--sandbox", "local", "--task", "starter__hush-9", "--run", dir}, strings.NewReader(""), &out, &errs)
	require.Equal(t, exitUser, code, errs.String())
	require.NotContains(t, errs.String(), "sk-wrong-key-here")
	require.NotContains(t, errs.String(), "goroutine")
}
