package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/trajectories"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A script is a policy whose turns are given by a function of their number.
type script struct {
	next   func(ctx context.Context, n int) (trajectories.Turn, error)
	closed *int
}

func (s script) Describe() trajectories.Policy { return trajectories.Policy{Name: "script"} }

func (s script) Next(ctx context.Context, t *trajectories.Trajectory) (trajectories.Turn, error) {
	return s.next(ctx, len(t.Turns)+1)
}

func (s script) Close() error {
	if s.closed != nil {
		*s.closed++
	}
	return nil
}

func call(tool string) trajectories.Turn {
	return trajectories.Turn{Actions: []env.Action{{Tool: tool, Arguments: json.RawMessage(`{}`)}}}
}

// submitsAfter is a policy that submits in its n-th turn.
func submitsAfter(n int) script {
	return script{next: func(_ context.Context, turn int) (trajectories.Turn, error) {
		if turn == n {
			return call("submit"), nil
		}
		return call("bash"), nil
	}}
}

// A place is an environment in memory.
type place struct {
	task   env.Task
	do     func(ctx context.Context, a env.Action) (env.Observation, error)
	patch  func(ctx context.Context) (string, error)
	closed func()
}

func (p place) Task() env.Task { return p.task }
func (p place) Tools() []env.Tool {
	return []env.Tool{{Name: "bash", Description: "Run a command.\nMore.", Parameters: json.RawMessage(`{}`)}, {Name: "submit", Description: "End."}}
}
func (p place) Driver() string                                     { return "memory" }
func (p place) Image() string                                      { return "sha256:0" }
func (p place) Enforcement() map[sandbox.Limit]sandbox.Enforcement { return nil }

func (p place) Do(ctx context.Context, a env.Action) (env.Observation, error) {
	if p.do != nil {
		return p.do(ctx, a)
	}
	return env.Observation{Text: a.Tool + " done", Submitted: a.Tool == "submit"}, nil
}

func (p place) Patch(ctx context.Context) (string, error) {
	if p.patch != nil {
		return p.patch(ctx)
	}
	return "the patch of " + p.task.ID, ctx.Err()
}

func (p place) Close() error {
	if p.closed != nil {
		p.closed()
	}
	return nil
}

func tasks(n int) []env.Task {
	var all []env.Task
	for i := range n {
		all = append(all, env.Task{ID: fmt.Sprintf("toy__calc-%d", i+1), Repo: "toy/calc", ProblemStatement: "it is broken"})
	}
	return all
}
