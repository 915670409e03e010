// Package benchmarks measures policies the way SWE-bench does: by the share of
// tasks that their patches resolve.
//
// A [Suite] is a named set of tasks, a [Prediction] a patch for one of them. An
// [Evaluator] grades predictions, each in a fresh sandbox that no policy has
// touched: it applies the patch, runs the task's own script, which adds the
// hidden tests and runs them, and reads the log by the [Rules] of one release
// of the SWE-bench harness.
//
//	preds, err := benchmarks.ReadPredictions("preds.jsonl", file)
//	results, err := evaluator.Run(ctx, suite, "my-model", preds)
//	fmt.Println(results.Rate()) // 7 of 12, 58.3 % (32.0 % to 80.7 %)
//
// There are four verdicts. A task is resolved, or unresolved for a [Reason]:
// that a patch does not apply, or that the tests ran out of time, is said about
// the patch and is no error. An infrastructure failure (the sandbox died, the
// daemon is gone) says nothing about the patch: it is retried, then reported
// apart, and never scored. A task is skipped where its image lacks a program
// that it needs. Both are also said of tasks for which there is nothing to
// grade because the recording came to that; see [Missing].
package benchmarks

import (
	"fmt"
	"strings"

	"github.com/apprentice-rl/apprentice/env"
)

// A Suite is a named set of tasks.
type Suite struct {
	Name  string
	Tasks []env.Task
}

// Task returns the task of that id. The error is an *UnknownTaskError.
func (s Suite) Task(id string) (env.Task, error) {
	for _, t := range s.Tasks {
		if t.ID == id {
			return t, nil
		}
	}
	return env.Task{}, &UnknownTaskError{Suite: s.Name, ID: id, Near: s.near(id)}
}

// near returns the task id that id may have been meant to be, or "".
func (s Suite) near(id string) string {
	for _, t := range s.Tasks {
		if strings.EqualFold(t.ID, id) || id != "" && strings.Contains(strings.ToLower(t.ID), strings.ToLower(id)) {
			return t.ID
		}
	}
	return ""
}

// An InputError is bad input, which the caller can mend. It is found before
// anything runs.
type InputError struct{ Err error }

func (e *InputError) Error() string { return e.Err.Error() }
func (e *InputError) Unwrap() error { return e.Err }

func inputf(format string, args ...any) error { return &InputError{fmt.Errorf(format, args...)} }

// An UnknownTaskError says that a suite has no task of that id.
type UnknownTaskError struct {
	Suite string
	ID    string
	Near  string // an id that may have been meant; may be empty
}

func (e *UnknownTaskError) Error() string {
	if e.Near != "" {
		return fmt.Sprintf("suite %s has no task %q; did you mean %s?", e.Suite, e.ID, e.Near)
	}
	return fmt.Sprintf("suite %s has no task %q", e.Suite, e.ID)
}
