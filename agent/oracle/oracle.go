// Package oracle is the scripted expert: a policy that knows the gold patch of
// a task and works its way to it as a person would, through the tools alone.
//
// It looks around, searches for words of the issue, views the code that it
// will change, reproduces the failure with the issue's own snippet or the
// tests that exist, edits hunk by hunk with str_replace_editor, runs snippet
// and tests again, removes what it made on the way, and submits. It never
// writes the patch as a whole, never applies it with git, and never sees the
// hidden tests. The tree that it leaves equals the base with the gold patch.
//
// The texts of its turns are written by this package, not thought by anyone:
// its trajectories carry the mark SyntheticReasoning, and a resolve rate of
// 100 % says that the pipeline works and nothing more.
//
// What it knows of a file is what view has shown, as a person would: see the
// type text. The script that it follows is in script.go, read from top to
// bottom.
package oracle

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/apprentice-rl/apprentice/agent"
	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
)

// New returns the expert for one episode of task. Of the task it keeps the
// issue, the command of the existing tests and the gold patch. The error says
// what in the gold patch the tools cannot do: binary files and submodules.
//
// The policy implements io.Closer.
func New(task env.Task) (agent.Policy, error) {
	changes, err := parse(task.Patch)
	if err != nil {
		return nil, fmt.Errorf("gold patch of %s: %w", task.ID, err)
	}
	w := &worker{
		issue:       task.ProblemStatement,
		testCommand: task.TestCommand,
		changes:     changes,
		texts:       map[string]*text{},
	}
	p := &policy{worker: w}
	p.next, p.stop = iter.Pull(func(yield func(trajectories.Turn) bool) {
		w.yield = yield
		w.err = w.work()
	})
	return p, nil
}

// A policy runs the worker's script as a coroutine: each turn that the script
// yields is the answer of one call of Next.
type policy struct {
	worker *worker
	next   func() (trajectories.Turn, bool)
	stop   func()
}

func (*policy) Describe() trajectories.Policy {
	return trajectories.Policy{Name: "oracle", SyntheticReasoning: true}
}

func (p *policy) Next(_ context.Context, t *trajectories.Trajectory) (trajectories.Turn, error) {
	p.worker.seen = t
	turn, ok := p.next()
	switch {
	case ok:
		return turn, nil
	case p.worker.err != nil:
		return trajectories.Turn{}, fmt.Errorf("%w: %w", agent.ErrGaveUp, p.worker.err)
	default:
		return trajectories.Turn{}, fmt.Errorf("%w: the environment did not accept the submission", agent.ErrGaveUp)
	}
}

// Close ends the script.
func (p *policy) Close() error {
	p.stop()
	return nil
}

// errStopped ends a script whose episode has ended.
var errStopped = errors.New("the episode has ended")
