package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/agent"
	"github.com/apprentice-rl/apprentice/agent/llm/llmtest"
	"github.com/apprentice-rl/apprentice/benchmarks"
	"github.com/apprentice-rl/apprentice/benchmarks/report"
	"github.com/apprentice-rl/apprentice/benchmarks/starter"
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/program"
	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
)

// A broken driver starts nothing and notes what it was to start.
type broken struct {
	sandbox.Driver
	mu    sync.Mutex
	lives []time.Duration
}

func (*broken) Name() string                                    { return "broken" }
func (*broken) Resolve(context.Context, string) (string, error) { return "sha256:0", nil }
func (b *broken) Start(_ context.Context, s sandbox.Spec) (sandbox.Instance, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lives = append(b.lives, s.Lifetime)
	return nil, sandbox.ErrNoImage
}

func TestASandboxOutlivesItsWork(t *testing.T) {
	suite, err := starter.Suite()
	require.NoError(t, err)
	suite.Tasks = suite.Tasks[:1]
	for _, work := range []time.Duration{time.Minute, 3 * time.Hour, 0} {
		t.Run(work.String(), func(t *testing.T) {
			a := &app{stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}}
			rf := runFlags{dir: t.TempDir(), parallel: 1}
			d := &broken{}
			_, err := a.record(t.Context(), d, recording{
				suite: suite, run: rf, policy: oracleFactory, limits: agent.Limits{Time: work}, set: "oracle", model: "oracle",
			})
			require.NoError(t, err)
			if work > 0 { // a test always has a limit
				preds, _, err := predictions("gold", suite)
				require.NoError(t, err)
				_, err = a.grade(t.Context(), d, grading{suite: suite, run: rf, set: "gold", predictions: preds, timeout: work})
				require.NoError(t, err)
			}
			require.NotEmpty(t, d.lives)
			for _, life := range d.lives {
				require.Greater(t, life, work+time.Hour)
			}
		})
	}
}

func TestARunFolderIsOneProcesss(t *testing.T) {
	rf := runFlags{dir: filepath.Join(t.TempDir(), "run"), parallel: 1}
	release, err := rf.open()
	require.NoError(t, err)
	for _, args := range [][]string{{"record"}, {"demo"}, {"bench", "grade", "--predictions", "gold"}} {
		var out, errs bytes.Buffer
		code := run(append(args, "--run", rf.dir), strings.NewReader(""), &out, &errs)
		require.Equal(t, exitUser, code, args)
		require.Equal(t, "apprentice: run folder "+rf.dir+" is in use by another apprentice; wait for its end, or choose another with --run\n", errs.String())
	}
	release()
	release, err = rf.open()
	require.NoError(t, err)
	release()
}

// TestTheRunsPurse spends the limit of a run in one command: the next one has
// nothing left, whatever became of the log.
func TestTheRunsPurse(t *testing.T) {
	if _, err := program.Binary(""); err != nil {
		sandboxtest.Missing(t, "guest", err.Error())
	}
	submit := llmtest.Act("Done.", "submit", `{}`)
	submit.Usage = llmtest.Usage{Prompt: 1_000_000, Completion: 1000}
	s := llmtest.New(t, submit)
	dir := filepath.Join(t.TempDir(), "run")
	args := []string{
		"record", "--policy", "llm", "--base-url", s.URL(), "--model", "tiny", "--price-prompt", "1", "--price-completion", "1", "--max-answer-tokens", "100",
		"--sandbox", "local", "--run", dir, "--max-run-cost", "1", "--json",
	}
	require.Equal(t, exitDone, command(t, append(args, "--task", "starter__hush-9")...))
	log := filepath.Join(dir, "trajectories", "starter__hush-9.1.jsonl")
	require.NoError(t, os.Rename(log, log+".interrupted-1"))

	var out, errs bytes.Buffer
	code := run(append(args, "--task", "starter__pantry-22"), strings.NewReader(""), &out, &errs)
	require.Equal(t, exitFellShort, code, errs.String())
	require.Contains(t, errs.String(), "the run's budget of $1.0000")
	require.Len(t, s.Requests(), 1)
	var doc struct{ Counts map[string]int }
	require.NoError(t, json.Unmarshal(out.Bytes(), &doc), "what there is, is said")
	require.Equal(t, map[string]int{"stopped": 1}, doc.Counts)
}

func TestTheDemosVerdict(t *testing.T) {
	resolved := benchmarks.Evaluation{Task: "a", Verdict: benchmarks.Resolved}
	failed := benchmarks.Evaluation{Task: "a", Verdict: benchmarks.Unresolved, Reason: benchmarks.ReasonTestsFailed}
	unread := benchmarks.Evaluation{Task: "a", Verdict: benchmarks.Unresolved, Reason: benchmarks.ReasonLogNotGradable}
	skipped := benchmarks.Evaluation{Task: "a", Verdict: benchmarks.Skipped, Detail: "the sandbox has no program go"}
	broke := benchmarks.Evaluation{Task: "a", Verdict: benchmarks.InfrastructureFailure}
	tests := []struct {
		name                 string
		oracle, empty, wrong benchmarks.Evaluation
		code                 int
		says                 string
	}{
		{"as it must be", resolved, failed, failed, exitDone, ""},
		{"the oracle fails", failed, failed, failed, exitFellShort, "the oracle does not resolve the task"},
		{"nothing resolves", resolved, resolved, failed, exitFellShort, "an empty patch resolves the task"},
		{"wrong resolves", resolved, failed, resolved, exitFellShort, "a wrong patch resolves the task"},
		{"unresolved for no good reason", resolved, failed, unread, exitFellShort, "the log of the tests cannot be graded"},
		{"nothing is scored", skipped, skipped, skipped, exitFellShort, "all tasks are skipped, the first because the sandbox has no program go"},
		{"broken", resolved, broke, failed, exitInfrastructure, "set empty"},
		{"broken and surprising", resolved, broke, resolved, exitInfrastructure, "a wrong patch resolves the task"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var errs bytes.Buffer
			a := &app{stderr: &errs}
			err := a.demoVerdict(report.New(report.Run{Name: "demo", Sets: []report.Set{
				{Name: "oracle", Kind: report.Oracle, Results: benchmarks.Results{tt.oracle}},
				{Name: "empty", Kind: report.Empty, Results: benchmarks.Results{tt.empty}},
				{Name: "wrong", Kind: report.Wrong, Results: benchmarks.Results{tt.wrong}},
			}}))
			if tt.code == exitDone {
				require.NoError(t, err)
				require.Empty(t, errs.String())
				return
			}
			require.Equal(t, tt.code, exitCode(err))
			require.Contains(t, errs.String()+err.Error(), tt.says)
		})
	}
}
