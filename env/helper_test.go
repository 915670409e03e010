package env_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/env/gitrepo"
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
	"github.com/apprentice-rl/apprentice/sandbox/local"
	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var _ env.Sandbox = (*guest.Sandbox)(nil)

// newDriver returns a local driver whose state goes with the test.
func newDriver(t *testing.T) *local.Driver {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755)) // the user inside passes through
	d, err := local.New(local.Options{Dir: dir, Guest: sandboxtest.Guest(t)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

// newSandbox starts a sandbox that ends with the test.
func newSandbox(t *testing.T) *guest.Sandbox {
	t.Helper()
	sb, err := guest.Open(t.Context(), newDriver(t), sandbox.Spec{Env: env.FixedEnv()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sb.Close()) })
	return sb
}

// pager is a task on a repository of three commits, of which the last is the
// fix that nobody may see.
func pager(t *testing.T) env.Task {
	t.Helper()
	at := func(day int) time.Time { return time.Date(2023, 3, day, 10, 0, 0, 0, time.UTC) }
	ada := gitrepo.Author{Name: "Ada Example", Email: "ada@example.org"}
	repo, hashes, err := gitrepo.Build([]gitrepo.Commit{
		{Author: ada, When: at(1), Message: "first version", Write: map[string]string{
			"README.md": "# pager\n", ".gitignore": "build/\n", ".hidden": "h\n",
			"src/page.go": "package pager\n\nfunc Last(n int) int {\n\treturn n\n}\n",
		}},
		{Author: ada, When: at(2), Message: "a script", Write: map[string]string{"run.sh": "#!/bin/sh\n"}, Executable: []string{"run.sh"}},
		{Author: ada, When: at(3), Message: "the fix", Write: map[string]string{"src/page.go": "package pager // fixed\n"}},
	})
	require.NoError(t, err)
	return env.Task{ID: "example__pager-1", Repo: "example/pager", BaseCommit: hashes[1], ProblemStatement: "It fails.", Repository: repo}
}

// openPager opens an environment on the task pager.
func openPager(t *testing.T, opts env.Options) *env.Environment {
	t.Helper()
	e, err := env.Open(t.Context(), newSandbox(t), pager(t), opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return e
}

// do performs an action.
func do(t *testing.T, e *env.Environment, tool string, arguments map[string]any) env.Observation {
	t.Helper()
	raw, err := json.Marshal(arguments)
	require.NoError(t, err)
	o, err := e.Do(t.Context(), env.Action{ID: "a1", Tool: tool, Arguments: raw})
	require.NoError(t, err)
	require.Equal(t, "a1", o.Action)
	return o
}

// sh runs a script in the sandbox and returns its output. It must succeed.
func sh(t *testing.T, sb env.Sandbox, script string) string {
	t.Helper()
	res, err := sb.Run(t.Context(), sandbox.Command{Argv: []string{"bash", "-euc", script}, Dir: env.Workdir})
	require.NoError(t, err)
	require.True(t, res.Succeeded(), "%s\n%s", script, res.Output)
	return strings.TrimSuffix(string(res.Output), "\n")
}

func write(t *testing.T, sb env.Sandbox, name, content string) {
	t.Helper()
	require.NoError(t, sb.WriteFile(t.Context(), name, []byte(content)))
}

func read(t *testing.T, sb env.Sandbox, name string) string {
	t.Helper()
	b, err := sb.ReadFile(t.Context(), name)
	require.NoError(t, err)
	return string(b)
}
