// Package report writes what a run found, for programs (report.json), for a
// pull request (report.md) and for people (report.html, one page that needs
// neither network nor scripts).
//
//	err := report.Write("runs/demo", report.Run{
//		Name: "demo", Suite: "starter", Sandbox: "local", Rules: benchmarks.V4,
//		Sets: []report.Set{
//			{Name: "oracle", Kind: report.Oracle, Results: oracle},
//			{Name: "my-model", Results: mine},
//		},
//	})
//
// A [Run] is what goes in. A [Report] is made of it by [New], is what
// report.json holds and what [Read] gives back; the three files are three
// renderings of it.
//
// A report says no more than the run has shown. The [Kind] of a set tells
// policies that are measured from checks of the pipeline, whose rates are known
// beforehand: a check is never reported as a result, and one that does not come
// out as it must is the first thing that a report says.
package report

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/apprentice-rl/apprentice/benchmarks"
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/trajectories"
)

// A Run is what there is to report on. Everything but the name may be missing.
type Run struct {
	Name    string
	Created time.Time
	Suite   string
	Rules   benchmarks.Rules // "" means V4

	// Sandbox is the driver, Image the image that it started, as a digest
	// where there is one.
	Sandbox string
	Image   string
	// Limits bound each sandbox, and Enforcement says which of them are in
	// force.
	Limits      sandbox.Limits
	Enforcement map[sandbox.Limit]sandbox.Enforcement
	// Versions are those of the programs that matter, by name.
	Versions map[string]string

	// Sets are shown in this order. No two have the same name.
	Sets         []Set
	StepExamples int
	Rewards      *Rewards
	// Trajectory is the one that the page shows step by step.
	Trajectory *trajectories.Trajectory
}

// A Set is one set of predictions, graded.
type Set struct {
	Name string
	Kind Kind
	// Title names the set for people, and Note says what its rate means. Empty
	// means what the Kind says.
	Title, Note string
	Results     benchmarks.Results
}

// Kind says what a set is there for.
type Kind string

const (
	// Measured sets are the predictions of a policy whose rate is not known.
	Measured Kind = ""
	// Oracle sets come from the gold patches; every task must be resolved.
	Oracle Kind = "oracle"
	// Empty sets change nothing; no task may be resolved.
	Empty Kind = "empty"
	// Wrong sets hold plausible patches that are wrong; no task may be
	// resolved.
	Wrong Kind = "wrong"
)

// Check reports whether the rate of such a set is known beforehand.
func (k Kind) Check() bool { return k != Measured }

// describe returns title and note of a set that brings none.
func (k Kind) describe(name string) (title, note string) {
	switch k {
	case Oracle:
		return "Oracle", "A check of the pipeline: the oracle works from the gold patch, and a script wrote its reasoning. " +
			"Its 100 % says that tasks, sandbox and grading fit together, and nothing about a model."
	case Empty:
		return "Empty", "Nothing is changed and the tests run all the same. That no task is resolved proves that the tests fail where nothing is done."
	case Wrong:
		return "Wrong", "Plausible patches of the right file that are wrong. That none is accepted proves that the tests tell such a patch from a right one."
	}
	return name, "The predictions of a policy. The interval is where its rate on tasks like these may lie."
}

// Rewards are the scores of made-up answers to the steps of one trajectory.
type Rewards struct {
	Trajectory string   `json:"trajectory"` // its id
	Name       string   `json:"name"`       // of the reward
	Series     []Series `json:"series"`
}

// A Series is the rewards of one kind of answer.
type Series struct {
	Name   string  `json:"name"`
	Points []Point `json:"points"`
}

// A Point is the reward at one step, from -1 to 1. Steps count from 1.
type Point struct {
	Step   int     `json:"step"`
	Reward float64 `json:"reward"`
}

// Mean is the mean reward; 0 where there is no point.
func (s Series) Mean() float64 {
	if len(s.Points) == 0 {
		return 0
	}
	sum := 0.0
	for _, p := range s.Points {
		sum += p.Reward
	}
	return sum / float64(len(s.Points))
}

// New makes the report of a run.
func New(run Run) Report {
	rules := run.Rules
	if rules == "" {
		rules = benchmarks.V4
	}
	r := Report{
		SchemaVersion: SchemaVersion,
		Name:          run.Name,
		Created:       run.Created.UTC().Truncate(time.Second),
		Suite:         run.Suite,
		Sandbox:       run.Sandbox,
		Image:         run.Image,
		Rules:         rules,
		Limits: Limits{
			Memory: run.Limits.Memory, Disk: run.Limits.Disk, CPUs: run.Limits.CPUs, Processes: run.Limits.Processes,
		},
		Enforcement:  maps.Clone(run.Enforcement),
		Versions:     maps.Clone(run.Versions),
		StepExamples: run.StepExamples,
		Rewards:      run.Rewards,
		Skipped:      []Skip{},
		Trajectory:   run.Trajectory,
	}
	for _, set := range run.Sets {
		r.Sets = append(r.Sets, newSet(set))
		for _, e := range set.Results {
			skip := Skip{Task: e.Task, Reason: e.Detail}
			if e.Verdict == benchmarks.Skipped && !slices.Contains(r.Skipped, skip) {
				r.Skipped = append(r.Skipped, skip)
			}
		}
	}
	slices.SortFunc(r.Skipped, func(a, b Skip) int {
		return cmp.Or(cmp.Compare(a.Task, b.Task), cmp.Compare(a.Reason, b.Reason))
	})
	return r
}

// With adds to r what an earlier report of the same run holds and r does not:
// sets of other names, rewards, and the count of step examples.
func (r Report) With(earlier Report) Report {
	for _, s := range earlier.Sets {
		if !slices.ContainsFunc(r.Sets, func(t SetReport) bool { return t.Name == s.Name }) {
			r.Sets = append(r.Sets, s)
		}
	}
	for _, s := range earlier.Skipped {
		if !slices.Contains(r.Skipped, s) {
			r.Skipped = append(r.Skipped, s)
		}
	}
	r.StepExamples = cmp.Or(r.StepExamples, earlier.StepExamples)
	r.Rewards = cmp.Or(r.Rewards, earlier.Rewards)
	return r
}

func newSet(set Set) SetReport {
	title, note := set.Kind.describe(set.Name)
	rate := set.Results.Rate()
	low, high := rate.Interval()
	r := SetReport{
		Name: set.Name, Kind: set.Kind, Title: cmp.Or(set.Title, title), Note: cmp.Or(set.Note, note),
		Resolved:               rate.Resolved,
		Unresolved:             set.Results.Count(benchmarks.Unresolved),
		Total:                  len(set.Results),
		InfrastructureFailures: set.Results.Count(benchmarks.InfrastructureFailure),
		Skipped:                set.Results.Count(benchmarks.Skipped),
		Rate:                   rate.Value(), RateLow: low, RateHigh: high,
		Tasks: make(map[string]TaskReport, len(set.Results)),
	}
	for _, e := range set.Results {
		t := TaskReport{
			Verdict: e.Verdict, Reason: e.Reason, Detail: e.Detail,
			Seconds: float64(e.Duration.Milliseconds()) / 1000,
		}
		if e.Grade.Gradable {
			t.FailToPass, t.PassToPass = sorted(e.Grade.FailToPass), sorted(e.Grade.PassToPass)
		}
		r.Tasks[e.Task] = t
	}
	return r
}

func sorted(t benchmarks.Tests) *benchmarks.Tests {
	list := func(of []string) []string {
		return slices.AppendSeq([]string{}, slices.Values(slices.Sorted(slices.Values(of))))
	}
	return &benchmarks.Tests{Success: list(t.Success), Failure: list(t.Failure)}
}
