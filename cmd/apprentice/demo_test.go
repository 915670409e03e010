package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/benchmarks/report"
	"github.com/apprentice-rl/apprentice/benchmarks/starter"
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/program"
	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
	"github.com/apprentice-rl/apprentice/trajectories"
)

// TestDemo runs the whole pipeline on the whole starter suite, on each driver.
func TestDemo(t *testing.T) {
	for _, driver := range []string{"local", "docker"} {
		t.Run(driver, func(t *testing.T) {
			if _, err := program.Binary(""); err != nil {
				sandboxtest.Missing(t, "guest", err.Error())
			}
			args := []string{"demo", "--sandbox", driver, "--run", filepath.Join(t.TempDir(), "demo")}
			if driver == "docker" {
				image := os.Getenv("APPRENTICE_TEST_IMAGE")
				if image == "" {
					sandboxtest.Missing(t, "docker", "run `make test`, which provides an engine on Debian")
				}
				args = append(args, "--image", image)
			}
			dir := args[4]
			require.Equal(t, exitDone, command(t, args...))

			r, err := report.Read(filepath.Join(dir, "report.json"))
			require.NoError(t, err)
			suite, err := starter.Suite()
			require.NoError(t, err)
			total := len(suite.Tasks)
			require.GreaterOrEqual(t, total, 12)
			require.Equal(t, driver, r.Sandbox)
			require.Empty(t, r.Skipped)
			require.Empty(t, r.Surprises())
			for _, s := range r.Sets {
				want := 0
				if s.Name == "oracle" {
					want = total
				}
				require.Equal(t, want, s.Resolved, s.Name)
				require.Equal(t, total, s.Total)
				require.Zero(t, s.InfrastructureFailures)
			}
			page, err := os.ReadFile(filepath.Join(dir, "report.html"))
			require.NoError(t, err)
			require.Contains(t, string(page), "<svg")

			steps := 0
			for _, task := range suite.Tasks {
				tr, err := trajectories.Read(filepath.Join(dir, "trajectories", task.ID+".1.jsonl"))
				require.NoError(t, err)
				steps += len(tr.Steps())
				require.Equal(t, trajectories.ExitSubmitted, tr.End.Status, task.ID)
				require.GreaterOrEqual(t, len(tr.Turns), 6)
				require.True(t, tr.Header.Policy.SyntheticReasoning)
				require.Equal(t, withoutIndex(task.Patch), withoutIndex(tr.End.Patch), "the final tree is gold's")
				log, err := os.ReadFile(filepath.Join(dir, "trajectories", task.ID+".1.jsonl"))
				require.NoError(t, err)
				for _, id := range task.FailToPass {
					if !strings.Contains(task.ProblemStatement, id) {
						require.NotContains(t, string(log), id, "a hidden test in the record of %s", task.ID)
					}
				}
				require.NotContains(t, string(log), "git apply")
				require.Nil(t, tr.End.Redactions, "the suite holds no secrets")
				require.NotContains(t, string(log), "__SECRET_")
			}
			require.Equal(t, steps, r.StepExamples)

			// Once more: nothing that is finished is done again.
			before := times(t, dir)
			require.Equal(t, exitDone, command(t, args...))
			require.Equal(t, before, times(t, dir))
			if driver == "docker" {
				out, err := exec.Command("docker", "ps", "-aq", "--filter", "label="+sandbox.LabelRun+"=demo").Output()
				require.NoError(t, err)
				require.Empty(t, string(out))
			}
		})
	}
}

// command runs the command line in this process.
func command(t *testing.T, args ...string) int {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(args, strings.NewReader(""), &out, &errs)
	if code != exitDone {
		t.Logf("%s\n%s", out.String(), errs.String())
	}
	return code
}

// times lists when the trajectories and evaluations of a run were written.
func times(t *testing.T, dir string) map[string]time.Time {
	t.Helper()
	found := map[string]time.Time{}
	for _, sub := range []string{"trajectories", "evaluation"} {
		err := filepath.WalkDir(filepath.Join(dir, sub), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			found[path] = info.ModTime()
			return err
		})
		require.NoError(t, err)
	}
	require.NotEmpty(t, found)
	return found
}

// withoutIndex leaves out the lines with blob hashes, which may be abbreviated.
func withoutIndex(patch string) string {
	return regexp.MustCompile(`(?m)^index .*\n`).ReplaceAllString(patch, "")
}

func TestDemoJSON(t *testing.T) {
	if _, err := program.Binary(""); err != nil {
		sandboxtest.Missing(t, "guest", err.Error())
	}
	var out, errs bytes.Buffer
	dir := filepath.Join(t.TempDir(), "demo")
	args := []string{"demo", "--json", "--sandbox", "local", "--task", "starter__hush-9", "--run", dir}
	code := run(args, strings.NewReader(""), &out, &errs)
	require.Equal(t, exitDone, code, errs.String())
	var doc struct {
		Sets map[string]struct {
			Resolved, Total int
			Failures        *int `json:"infrastructure_failures"`
		}
		StepExamples int `json:"step_examples"`
		Sandbox      string
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &doc))
	require.Equal(t, 1, doc.Sets["oracle"].Resolved)
	require.Equal(t, 1, doc.Sets["wrong"].Total)
	require.NotNil(t, doc.Sets["empty"].Failures)
	require.Positive(t, doc.StepExamples)
	require.Equal(t, "local", doc.Sandbox)

	// A verdict that must not be is a JSON document as well, and exit code 1.
	path := filepath.Join(dir, "evaluation", "wrong", "starter__hush-9", "1", "report.json")
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, bytes.Replace(b, []byte(`"verdict": "unresolved"`), []byte(`"verdict": "resolved"`), 1), 0o644))
	out.Reset()
	require.Equal(t, exitFellShort, run(args, strings.NewReader(""), &out, &errs))
	require.NoError(t, json.Unmarshal(out.Bytes(), &doc))
	require.Equal(t, 1, doc.Sets["wrong"].Resolved)
	require.Contains(t, errs.String(), "set wrong, task starter__hush-9: a wrong patch resolves the task")
}
