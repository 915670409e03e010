package filter

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sourcegraph/conc/pool"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/minhash"
)

// A Gate is a reason to fall, one of a closed set.
type Gate string

// The gates, in their order.
const (
	GateStatus        Gate = "status"
	GateTrainable     Gate = "trainable"
	GatePatch         Gate = "patch"
	GateSteps         Gate = "steps"
	GateTokens        Gate = "tokens"
	GateCost          Gate = "cost"
	GateResolved      Gate = "resolved"
	GateAudit         Gate = "audit"
	GateNearDuplicate Gate = "near-duplicate"
	GatePerTask       Gate = "per-task"
)

// A gate at work.
type gate struct {
	name Gate
	// judge says for each family why it falls, and "" if it passes.
	judge func(context.Context, []*family) ([]string, error)
	// unsaid reports whether a family passes because its source does not say
	// what the gate asks for; nil where that cannot be.
	unsaid func(*family) bool
}

// gates are those that are closed, in their order.
func (o Options) gates() []gate {
	all := []struct {
		gate
		closed bool
	}{
		{gate{GateStatus, each(o.status), nil}, len(o.Statuses) > 0},
		{gate{GateTrainable, each(trainable), nil}, o.Trainable},
		{gate{GatePatch, each(patched), nil}, o.Patch},
		{gate{GateSteps, each(o.steps), nil}, o.MinSteps > 0 || o.MaxSteps > 0},
		{gate{GateTokens, each(o.tokens), func(f *family) bool { return tokensOf(f) == 0 }}, o.MaxTokens > 0},
		{gate{GateCost, each(o.cost), func(f *family) bool { return f.Summary.Usage.Cost == 0 }}, o.MaxCost > 0},
		{gate{GateResolved, each(o.resolved), nil}, o.Resolved != nil},
		{gate{GateAudit, o.audit, nil}, o.Flags != nil},
		{gate{GateNearDuplicate, o.nearDuplicates, nil}, o.NearDuplicates > 0},
		{gate{GatePerTask, o.perTask, nil}, o.PerTask > 0},
	}
	var closed []gate
	for _, g := range all {
		if g.closed {
			closed = append(closed, g.gate)
		}
	}
	return closed
}

// each judges families one by one.
func each(why func(*family) string) func(context.Context, []*family) ([]string, error) {
	return func(ctx context.Context, families []*family) ([]string, error) {
		fell := make([]string, len(families))
		for i, f := range families {
			fell[i] = why(f)
		}
		return fell, ctx.Err()
	}
}

func (o Options) status(f *family) string {
	switch s := f.Summary.Status; {
	case slices.Contains(o.Statuses, s):
		return ""
	case s == "":
		return "it has no end"
	case s == trajectories.ExitUnknown:
		return "its source does not say how it ended"
	default:
		return "it ended with " + string(s)
	}
}

func trainable(f *family) string {
	if slices.ContainsFunc(f.members, func(c Candidate) bool { return c.Summary.Trainable > 0 }) {
		return ""
	}
	return "no turn in it can be learned"
}

func patched(f *family) string {
	switch s := f.Summary; {
	case s.PatchBytes > 0:
		return ""
	case s.PatchUnknown || s.Status == "":
		return "its patch is not known"
	}
	return "its patch is empty"
}

func (o Options) steps(f *family) string {
	switch n := f.Summary.Steps; {
	case n < o.MinSteps:
		return fmt.Sprintf("%d steps, fewer than %d", n, o.MinSteps)
	case o.MaxSteps > 0 && n > o.MaxSteps:
		return fmt.Sprintf("%d steps, more than %d", n, o.MaxSteps)
	}
	return ""
}

func tokensOf(f *family) int {
	return f.Summary.Usage.PromptTokens + f.Summary.Usage.CompletionTokens
}

func (o Options) tokens(f *family) string {
	if n := tokensOf(f); n > o.MaxTokens {
		return fmt.Sprintf("%d tokens, more than %d", n, o.MaxTokens)
	}
	return ""
}

func (o Options) cost(f *family) string {
	if cost := f.Summary.Usage.Cost; cost > o.MaxCost {
		return fmt.Sprintf("it cost %.4g dollars, more than %.4g", cost, o.MaxCost)
	}
	return ""
}

func (o Options) resolved(f *family) string {
	v, why := o.Resolved(f.Summary)
	switch {
	case v == Resolved:
		return ""
	case why != "":
		return why
	case v == Unresolved:
		return "its patch does not resolve the task"
	}
	return "no verdict on its patch is known"
}

// audit asks for the flags of all members of a family.
func (o Options) audit(ctx context.Context, families []*family) ([]string, error) {
	fell := make([]string, len(families))
	audits := pool.New().WithContext(ctx).WithCancelOnError().WithFirstError().WithMaxGoroutines(max(1, o.Parallel))
	for i, f := range families {
		audits.Go(func(ctx context.Context) error {
			var found []string
			for _, c := range f.members {
				if err := ctx.Err(); err != nil {
					return err
				}
				flags, err := o.Flags(ctx, c)
				if err != nil {
					return fmt.Errorf("the audit of %s: %w", c.Name, err)
				}
				found = append(found, flags...)
			}
			slices.Sort(found)
			fell[i] = strings.Join(slices.Compact(found), ", ")
			return nil
		})
	}
	return fell, audits.Wait()
}

// nearDuplicates keeps the first of those that do nearly the same. No two that
// are kept are alike, and each that falls is like one that is kept.
func (o Options) nearDuplicates(ctx context.Context, families []*family) ([]string, error) {
	fell := make([]string, len(families))
	kept := minhash.NewIndex(o.NearDuplicates)
	var names []string
	for i, f := range families {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if n, similarity, ok := kept.Nearest(f.Summary.Sketch); ok {
			fell[i] = fmt.Sprintf("its actions are to %.0f %% those of %s", 100*similarity, names[n])
			continue
		}
		kept.Add(f.Summary.Sketch)
		names = append(names, f.Name)
	}
	return fell, nil
}

// perTask keeps the first ones of each task.
func (o Options) perTask(ctx context.Context, families []*family) ([]string, error) {
	count := map[string]int{}
	return each(func(f *family) string {
		task := taskOf(f.Candidate)
		if count[task]++; count[task] > o.PerTask {
			return fmt.Sprintf("others of its task are kept, %d of them", o.PerTask)
		}
		return ""
	})(ctx, families)
}
