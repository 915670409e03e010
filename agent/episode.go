package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/trajectories"
)

// An Environment is what an episode needs of an env.Environment.
type Environment interface {
	// Task returns the task.
	Task() env.Task
	// Tools returns the tools offered.
	Tools() []env.Tool
	// Do performs one action. An error means that the environment is broken.
	Do(ctx context.Context, a env.Action) (env.Observation, error)
	// Patch returns what has changed since the start.
	Patch(ctx context.Context) (string, error)
}

// A Log takes the events of an episode; *trajectories.Writer is one.
type Log interface {
	Turn(trajectories.Turn) error
	Observation(trajectories.Observation) error
	End(trajectories.End) error
}

// An Episode is one policy working on one task.
type Episode struct {
	Policy      Policy
	Environment Environment
	Limits      Limits
	// Header opens the trajectory that the policy sees. It is in the log
	// already.
	Header trajectories.Header
	Log    Log
	// OnTurn, where set, is told of each turn when it is on disk and before
	// its actions run.
	OnTurn func(trajectories.Turn)
}

// NewHeader returns the header of an episode: the task without what a policy
// may not see, the tools, and the first two messages.
func NewHeader(task env.Task, tools []env.Tool, policy trajectories.Policy) (trajectories.Header, error) {
	system, prompt, err := Messages(task, tools)
	if err != nil {
		return trajectories.Header{}, err
	}
	h := trajectories.Header{
		Version: trajectories.Version,
		Started: time.Now().UTC(),
		Task:    headerTask(task),
		Policy:  policy,
		System:  system,
		Prompt:  prompt,
	}
	for _, t := range tools {
		h.Tools = append(h.Tools, trajectories.Tool{Name: t.Name, Description: t.Description, Parameters: t.Parameters})
	}
	return h, nil
}

// headerTask is a task without what a policy may not see.
func headerTask(task env.Task) trajectories.Task {
	return trajectories.Task{
		ID: task.ID, Repo: task.Repo, BaseCommit: task.BaseCommit,
		ProblemStatement: task.ProblemStatement, Image: task.Image,
	}
}

// patchTime bounds the fetching of the final patch, which happens after the
// episode's own time and even when its context has just been cancelled.
const patchTime = time.Minute

var errTimeLimit = errors.New("the episode's time is over")

// Run runs the episode to its end and returns its trajectory, which has an End
// exactly when the error is nil. An error means that the episode says nothing
// about the policy: the context was cancelled (then it is the context's
// cause), the environment or the log broke, or the policy failed with an error
// that is no exit status.
func (e *Episode) Run(ctx context.Context) (*trajectories.Trajectory, error) {
	t := &trajectories.Trajectory{Header: e.Header}
	status, detail, err := e.act(ctx, t)
	if err != nil {
		return t, err
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), patchTime)
	defer cancel()
	patch, err := e.Environment.Patch(bounded)
	var spoilt *env.RepositoryError
	switch {
	case errors.As(err, &spoilt): // the policy's own doing, in a sandbox that works
		patch, detail = "", strings.TrimPrefix(detail+"; there is no patch: "+spoilt.Error(), "; ")
	case err != nil:
		return t, fmt.Errorf("fetching the final patch: %w", err)
	}
	end := trajectories.End{Time: now(), Status: status, Detail: detail, Patch: patch, Usage: t.Usage()}
	if err := e.Log.End(end); err != nil {
		return t, err
	}
	t.End = &end
	return t, nil
}

// act loops until the episode has an exit status.
func (e *Episode) act(ctx context.Context, t *trajectories.Trajectory) (trajectories.ExitStatus, string, error) {
	timed := ctx
	if e.Limits.Time > 0 {
		var cancel context.CancelFunc
		timed, cancel = context.WithTimeoutCause(ctx, e.Limits.Time, errTimeLimit)
		defer cancel()
	}
	var so tally
	used := map[string]bool{} // action ids
	for {
		if status, detail := e.Limits.reached(so); status != "" {
			return status, detail, nil
		}
		turn, err := e.Policy.Next(timed, t)
		if err != nil {
			err = fmt.Errorf("policy %s: %w", e.Header.Policy.Name, err)
			if errors.Is(err, sandbox.ErrUnavailable) && errors.Is(context.Cause(timed), errTimeLimit) {
				return "", "", err // the policy had no part in how the time went
			}
			return e.stopped(timed, t, err)
		}
		complete(&turn, len(t.Turns)+1, used)
		if err := e.Log.Turn(turn); err != nil {
			return "", "", err
		}
		t.Turns = append(t.Turns, turn)
		so.add(turn)
		if e.OnTurn != nil {
			e.OnTurn(turn)
		}
		for _, a := range turn.Actions {
			o, err := e.Environment.Do(timed, a)
			if err != nil {
				return e.stopped(timed, t, fmt.Errorf("action %s (%s): %w", a.ID, a.Tool, err))
			}
			o.Action = a.ID
			observation := trajectories.Observation{Turn: turn.N, Observation: o}
			if err := e.Log.Observation(observation); err != nil {
				return "", "", err
			}
			t.Observations = append(t.Observations, observation)
			if o.Submitted {
				return trajectories.ExitSubmitted, "", nil
			}
		}
	}
}

// stopped turns the error that stopped an episode into its exit status, where
// it is one.
func (e *Episode) stopped(timed context.Context, t *trajectories.Trajectory, err error) (trajectories.ExitStatus, string, error) {
	// A cancelled call may fail in any words, so the context comes first.
	switch cause := context.Cause(timed); {
	case errors.Is(cause, errTimeLimit):
		return trajectories.ExitTimeLimit, fmt.Sprintf("%s of wall time", e.Limits.Time), nil
	case cause != nil:
		return "", "", cause
	}
	var budget *BudgetError
	switch {
	case errors.Is(err, ErrGaveUp):
		return trajectories.ExitGaveUp, err.Error(), nil
	case errors.Is(err, ErrContextLength):
		return trajectories.ExitTokenLimit, err.Error(), nil
	case errors.As(err, &budget):
		// An empty purse of the run says nothing about an episode that has not
		// begun; one that has begun is ended, so that what it was paid for is
		// kept.
		if budget.Scope == scopeRun && len(t.Turns) == 0 {
			return "", "", err
		}
		return trajectories.ExitCostLimit, err.Error(), nil
	}
	return "", "", err
}

// complete fills in what the policy leaves to the episode.
func complete(turn *trajectories.Turn, n int, used map[string]bool) {
	turn.N = n
	turn.Time = now()
	if len(turn.Actions) == 0 && turn.FormatError == "" {
		turn.FormatError = "The answer holds no tool call."
	}
	if turn.FormatError != "" {
		turn.Actions = nil // half of an answer is not acted on
	}
	turn.Actions = slices.Clone(turn.Actions) // the policy's own stays as it was
	for i := range turn.Actions {
		a := &turn.Actions[i]
		// Some servers count their calls from zero in every answer.
		for k := i + 1; a.ID == "" || used[a.ID]; k++ {
			a.ID = fmt.Sprintf("turn-%d.%d", n, k)
		}
		used[a.ID] = true
		if len(a.Arguments) == 0 {
			a.Arguments = json.RawMessage("{}")
		}
	}
}

func now() time.Time { return time.Now().UTC() }
