// Package verdicts reads what graders have written, and tells of a trajectory
// whether its patch resolves its task.
//
//	graded, err := verdicts.Read("runs/mine", "gpt.2024-report.json")
//	filter.Options{Resolved: graded.Of(summaries)}
//
// It reads
//
//   - the evaluations of our runs, RUN/evaluation/<set>/<task>/<attempt>/, and
//     those of the SWE-bench harness, logs/run_evaluation/<run>/<model>/<task>/:
//     a report.json with patch.diff beside it;
//   - report.json of our runs, where no evaluations are beside it;
//   - the final reports of the SWE-bench harness, with resolved_ids (or resolved,
//     as older ones call it) and unresolved_ids;
//   - objects of true and false by task, as SWE-bench Pro's harness writes them.
//
// A verdict is one about a patch, and a task may have been tried several times.
// So where the patch was kept, a verdict counts for the trajectories of that task
// with exactly that patch, and for no other. A report that only names tasks
// speaks of one patch of each and does not say which: its verdicts count where
// all trajectories of a task have the same patch, and not where they differ.
//
// What the infrastructure broke, and what a report calls an error, is no verdict.
package verdicts

import (
	"fmt"

	"github.com/apprentice-rl/apprentice/benchmarks"
	"github.com/apprentice-rl/apprentice/trajectories/filter"
	"github.com/apprentice-rl/apprentice/trajectories/summary"
)

// Verdicts are those of graders.
type Verdicts struct {
	patches map[work]found
	graded  map[string]bool  // the tasks of patches
	tasks   map[string]found // of reports that name tasks
}

// work is a task and the SHA-256 of a patch for it, "" for an empty one.
type work struct{ task, patch string }

// found is a verdict and where it stands.
type found struct {
	resolved bool
	reason   benchmarks.Reason
	file     string
	// disputed says that there is another verdict on the same.
	disputed bool
}

// Len is how many verdicts there are.
func (v *Verdicts) Len() int { return len(v.patches) + len(v.tasks) }

// add takes a verdict on what one map is about.
func add[K comparable](to map[K]found, on K, f found) {
	if before, ok := to[on]; ok && before.resolved != f.resolved {
		before.disputed = true
		f = before
	}
	to[on] = f
}

// Of returns what says for each of these trajectories what is known of its
// patch, and in words why it is not known to resolve the task.
func (v *Verdicts) Of(all []summary.Summary) func(summary.Summary) (filter.Verdict, string) {
	patches := map[string]map[string]bool{}
	for _, s := range all {
		if s.Parent == "" {
			if patches[s.Task] == nil {
				patches[s.Task] = map[string]bool{}
			}
			patches[s.Task][s.PatchDigest] = true
		}
	}
	return func(s summary.Summary) (filter.Verdict, string) {
		if f, ok := v.patches[work{s.Task, s.PatchDigest}]; ok && known(s) {
			return f.verdict()
		}
		if f, ok := v.tasks[s.ID]; ok {
			return f.verdict()
		}
		f, ok := v.tasks[s.Task]
		switch {
		case ok && len(patches[s.Task]) > 1:
			return filter.Unknown, fmt.Sprintf("its task has %d different patches here, and %s does not say which one it is about", len(patches[s.Task]), f.file)
		case ok:
			return f.verdict()
		case v.graded[s.Task] && !known(s):
			return filter.Unknown, "its patch is not known"
		case v.graded[s.Task]:
			return filter.Unknown, "its task was graded with other patches, and not with this one"
		}
		return filter.Unknown, "its task was not graded"
	}
}

// known reports whether an empty patch is one.
func known(s summary.Summary) bool { return s.Status != "" && !s.PatchUnknown }

func (f found) verdict() (filter.Verdict, string) {
	switch {
	case f.disputed:
		return filter.Unknown, "it was graded more than once, and the verdicts differ"
	case f.resolved:
		return filter.Resolved, ""
	case f.reason != "":
		return filter.Unresolved, "unresolved: " + string(f.reason)
	}
	return filter.Unresolved, "unresolved"
}
