// Package filter chooses the trajectories that a model is to learn from, and
// says of every other one why it fell.
//
//	result, err := filter.Apply(ctx, candidates, filter.Options{
//		Statuses: []trajectories.ExitStatus{trajectories.ExitSubmitted},
//		Resolved: verdicts, NearDuplicates: 0.9, PerTask: 3, HoldOut: 0.1, By: filter.Task,
//	})
//
// It goes through gates, always in this order, those that were asked for:
//
//	status          how the episode ended
//	trainable       it has a turn that a model may learn
//	patch           it has a patch that is not empty
//	steps           not too few, not too many
//	tokens          of the whole episode, in and out
//	cost            in US dollars
//	resolved        its patch solves its task, as a grader has found
//	audit           nothing in it that must not be learned
//	near-duplicate  no other one that is kept does nearly the same
//	per-task        not more than so many of one task
//
// The cheap gates come first, so that an audit, which reads the whole log, is
// made of few. Near duplicates go before tasks are capped, so that a cap is not
// filled with copies. What passes is split at last: some tasks or repositories
// are held out, whole.
//
// The result depends on the candidates and the options, and on nothing else: not
// on the order of the candidates, not on the machine. Where one of several must
// fall, a seeded hash of the name decides. It prefers neither short nor cheap
// episodes: who wants those says so with a gate.
//
// A trajectory that is a part of another one, such as the work of a subagent,
// follows it: the gates look at the one it is a part of, and both are kept or
// both fall. One thing in it counts all the same: what an audit finds in a part
// makes the whole fall. Several attempts of one run are not parts of each other.
//
// What a source does not say is never held against a trajectory by a bound:
// without counted tokens or cost it passes, and the funnel tells how many did so.
// A patch or a verdict that is not known is none: those gates ask for evidence.
package filter

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/summary"
)

// A Candidate is a trajectory that may be kept.
type Candidate struct {
	// Name is what the result calls it, and no two have the same. Ids of
	// trajectories are such names as long as they come from one run.
	Name string
	// Parent is the name of the candidate that it is a part of, "" if there is
	// none. A name that no candidate has counts as none.
	Parent  string
	Summary summary.Summary
}

// A Verdict is what a grader says of the patch of a trajectory.
type Verdict int

// The verdicts.
const (
	Unknown Verdict = iota // nobody has graded it, or the infrastructure failed
	Unresolved
	Resolved
)

// Options say what is kept. The zero value keeps everything and holds nothing
// out: each gate is closed by an option that is not zero.
type Options struct {
	// Seed decides where one of several must fall, and who is held out.
	Seed uint64

	Statuses  []trajectories.ExitStatus // "" is that of a trajectory without an end
	Trainable bool
	Patch     bool
	// Steps are turns with actions.
	MinSteps, MaxSteps int
	// MaxTokens bounds the sum over all requests of what went into the model
	// and came out of it.
	MaxTokens int
	MaxCost   float64

	// Resolved tells the verdict, and in a few words why it is not Resolved.
	Resolved func(summary.Summary) (v Verdict, why string)
	// Flags tells what an audit has found of what must not be learned; one flag
	// is enough to fall. It is called for several trajectories at the same time.
	Flags func(context.Context, Candidate) ([]string, error)
	// Parallel is how many audits run at the same time, at least one.
	Parallel int

	// NearDuplicates is from which similarity on the actions of two
	// trajectories are nearly the same: a Jaccard index from 0 to 1, estimated
	// as package minhash says.
	NearDuplicates float64
	// PerTask is how many of one task are kept. SWE-smith keeps at most 3.
	PerTask int

	// HoldOut is the wanted share of what is kept, from 0 to below 1, and By
	// what is never split.
	HoldOut float64
	By      By
}

// By is what is held out as a whole.
type By string

// The empty By means Task.
const (
	Task       By = "task"
	Repository By = "repo" // see [RepositoryOf]
)

// Check says what is wrong with the options.
func (o Options) Check() error {
	switch {
	case o.MinSteps < 0 || o.MaxSteps < 0 || o.MaxTokens < 0 || o.PerTask < 0 || !(o.MaxCost >= 0):
		return errors.New("a bound below 0")
	case o.MaxSteps > 0 && o.MinSteps > o.MaxSteps:
		return fmt.Errorf("at least %d steps and at most %d: nothing can be both", o.MinSteps, o.MaxSteps)
	case !(o.NearDuplicates >= 0 && o.NearDuplicates <= 1):
		return fmt.Errorf("near duplicates from %v on: want a similarity from 0 to 1", o.NearDuplicates)
	case !(o.HoldOut >= 0 && o.HoldOut < 1):
		return fmt.Errorf("holding out %v: want a share from 0 to below 1", o.HoldOut)
	case o.By != "" && o.By != Task && o.By != Repository:
		return fmt.Errorf("splitting by %q: want %s or %s", o.By, Task, Repository)
	}
	return nil
}

// Apply filters. The errors are those of Check, of names that are used twice,
// of Flags, and the context's.
func Apply(ctx context.Context, candidates []Candidate, o Options) (*Result, error) {
	if err := o.Check(); err != nil {
		return nil, fmt.Errorf("filtering: %w", err)
	}
	left, err := families(candidates)
	if err != nil {
		return nil, fmt.Errorf("filtering: %w", err)
	}
	slices.SortFunc(left, bySeed(o.Seed))
	r := &Result{Given: len(candidates), Train: []string{}, HeldOut: []string{}, Groups: []string{}, Funnel: []Stage{}, Fell: []Fall{}}
	for _, g := range o.gates() {
		fell, err := g.judge(ctx, left)
		if err != nil {
			return nil, fmt.Errorf("filtering: %w", err)
		}
		left = r.pass(g, left, fell)
	}
	r.split(left, o)
	r.sort()
	return r, nil
}
