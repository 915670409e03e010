// Package agent lets policies work on tasks and records what they do.
//
// A [Policy] maps the history of an episode to the next turn. An [Episode] is
// one policy working on one task in one environment: it asks the policy for a
// turn, writes the turn to the log, performs its actions one after another,
// writes what came back, and goes on until the policy submits, a limit is
// reached, or something breaks. It ends with exactly one exit status of a
// closed set.
//
// A [Recorder] runs a policy over many tasks side by side, each in a sandbox
// of its own, and leaves one trajectory file per episode:
//
//	r := agent.Recorder{
//		Launcher:  agent.Sandboxes{Launcher: launcher}, // sandboxes from package env
//		NewPolicy: oracle.New,
//		Dir:       "runs/demo",
//		Run:       "demo",
//		Parallel:  4,
//		Limits:    agent.DefaultLimits(),
//	}
//	results, err := r.Record(ctx, tasks)
//
// Called again, Record keeps what is finished and runs the rest: a log that is
// unfinished, or of a task or an image that has changed, is set aside, never
// deleted.
//
// Three kinds of trouble are told apart. What the model or the task is to
// blame for (too many malformed answers, a limit, giving up) is an exit status
// in the record. What the machine is to blame for (a sandbox that died, an
// endpoint that does not answer) leaves the log without an end, is retried,
// and is never scored. What the user can mend (a wrong key, a full purse)
// stops the run with an error that says so.
//
// The policies are in the packages below: oracle, the scripted expert; llm, a
// model behind an OpenAI-compatible endpoint; replay, a recording.
package agent

import (
	"context"
	"errors"
	"fmt"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
)

// A Policy chooses the next turn. It works on one episode only, and its
// methods are not called concurrently. A policy that holds resources may also
// implement io.Closer; the recorder closes it after the episode.
type Policy interface {
	// Describe says who acts.
	Describe() trajectories.Policy

	// Next returns the turn that follows t. The number and the time of the
	// turn, and ids of actions that have none or a used one, are filled in by
	// the episode. A turn without actions is a format error.
	//
	// An error ends the episode: one that matches ErrGaveUp, ErrContextLength
	// or *BudgetError with an exit status of its own, any other without an
	// end, so that the episode is run again another time. One that matches
	// ErrStop stops the whole run.
	//
	// A Next that the episode's time limit ends while it waits for an endpoint
	// that fails returns an error that matches sandbox.ErrUnavailable: the
	// episode then has no end, and not the status of the time limit.
	Next(ctx context.Context, t *trajectories.Trajectory) (trajectories.Turn, error)
}

// An InputError is bad input, which the caller can mend. It is found before
// anything has started.
type InputError struct{ Err error }

func (e *InputError) Error() string { return e.Err.Error() }
func (e *InputError) Unwrap() error { return e.Err }

func inputf(format string, args ...any) error { return &InputError{fmt.Errorf(format, args...)} }

// A Factory makes the policy of one episode.
type Factory func(task env.Task) (Policy, error)

var (
	// ErrGaveUp says that the policy itself cannot go on. The episode ends with
	// trajectories.ExitGaveUp.
	ErrGaveUp = errors.New("the policy gave up")
	// ErrContextLength says that the history does not fit into the model's
	// context any more. The episode ends with trajectories.ExitTokenLimit.
	ErrContextLength = errors.New("the history no longer fits into the model's context")
	// ErrStop says that every other episode would meet the same error (a
	// refused key, a model that does not exist), so the whole run stops.
	ErrStop = errors.New("the run cannot go on")
)
