package filter_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/filter"
	"github.com/apprentice-rl/apprentice/trajectories/minhash"
	"github.com/apprentice-rl/apprentice/trajectories/summary"
)

// sketchOf is the sketch of commands.
func sketchOf(commands ...string) minhash.Sketch {
	var s minhash.Sketcher
	for _, c := range commands {
		s.Add("bash", c)
	}
	return s.Sketch()
}

func good(name string) filter.Candidate {
	return filter.Candidate{Name: name, Summary: summary.Summary{
		ID: name, Task: name, Status: trajectories.ExitSubmitted, Steps: 10, Trainable: 10, PatchBytes: 5,
		Usage: trajectories.Usage{PromptTokens: 900, CompletionTokens: 100, Cost: 1}, Sketch: sketchOf("work on " + name),
	}}
}

func bad(name string, change func(*summary.Summary)) filter.Candidate {
	c := good(name)
	change(&c.Summary)
	return c
}

// reasons are those of the ones that fell.
func reasons(r *filter.Result) map[string]string {
	all := map[string]string{}
	for _, f := range r.Fell {
		all[f.Name] = string(f.Gate) + ": " + f.Reason
	}
	return all
}

func TestEachGateSaysWhyOneFell(t *testing.T) {
	verdicts := map[string]filter.Verdict{"good": filter.Resolved, "unresolved": filter.Unresolved, "odd": filter.Unresolved}
	for name, tt := range map[string]struct {
		options filter.Options
		given   filter.Candidate
		want    string // "" if it is kept
	}{
		"everything":        {filter.Options{}, bad("x", func(s *summary.Summary) { *s = summary.Summary{} }), ""},
		"a wanted status":   {filter.Options{Statuses: []trajectories.ExitStatus{"submitted"}}, good("x"), ""},
		"another status":    {filter.Options{Statuses: []trajectories.ExitStatus{"submitted"}}, bad("x", func(s *summary.Summary) { s.Status = "step_limit" }), "status: it ended with step_limit"},
		"an unknown end":    {filter.Options{Statuses: []trajectories.ExitStatus{"submitted"}}, bad("x", func(s *summary.Summary) { s.Status = "unknown" }), "status: its source does not say how it ended"},
		"no end":            {filter.Options{Statuses: []trajectories.ExitStatus{"submitted"}}, bad("x", func(s *summary.Summary) { s.Status = "" }), "status: it has no end"},
		"no end, as wanted": {filter.Options{Statuses: []trajectories.ExitStatus{""}}, bad("x", func(s *summary.Summary) { s.Status = "" }), ""},
		"nothing to learn":  {filter.Options{Trainable: true}, bad("x", func(s *summary.Summary) { s.Trainable = 0 }), "trainable: no turn in it can be learned"},
		"an empty patch":    {filter.Options{Patch: true}, bad("x", func(s *summary.Summary) { s.PatchBytes = 0 }), "patch: its patch is empty"},
		"an unknown patch":  {filter.Options{Patch: true}, bad("x", func(s *summary.Summary) { s.PatchBytes, s.PatchUnknown = 0, true }), "patch: its patch is not known"},
		"too few steps":     {filter.Options{MinSteps: 11}, good("x"), "steps: 10 steps, fewer than 11"},
		"too many steps":    {filter.Options{MaxSteps: 9}, good("x"), "steps: 10 steps, more than 9"},
		"just right":        {filter.Options{MinSteps: 10, MaxSteps: 10, MaxTokens: 1000, MaxCost: 1}, good("x"), ""},
		"too many tokens":   {filter.Options{MaxTokens: 999}, good("x"), "tokens: 1000 tokens, more than 999"},
		"tokens not known":  {filter.Options{MaxTokens: 1}, bad("x", func(s *summary.Summary) { s.Usage = trajectories.Usage{} }), ""},
		"too expensive":     {filter.Options{MaxCost: 0.5}, good("x"), "cost: it cost 1 dollars, more than 0.5"},
		"resolved":          {filter.Options{}, good("good"), ""},
		"unresolved":        {filter.Options{}, good("unresolved"), "resolved: its patch does not resolve the task"},
		"no verdict":        {filter.Options{}, good("unknown"), "resolved: no verdict on its patch is known"},
		"a verdict's words": {filter.Options{}, good("odd"), "resolved: the tests ran out of time"},
		"flags":             {filter.Options{Flags: flags(map[string][]string{"x": {"secret", "history", "secret"}})}, good("x"), "audit: history, secret"},
		"no flags":          {filter.Options{Flags: flags(nil)}, good("x"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			if _, graded := verdicts[tt.given.Name]; graded || tt.given.Name == "unknown" {
				tt.options.Resolved = func(s summary.Summary) (filter.Verdict, string) {
					why := ""
					if s.Task == "odd" {
						why = "the tests ran out of time"
					}
					return verdicts[s.Task], why
				}
			}
			r, err := filter.Apply(t.Context(), []filter.Candidate{tt.given}, tt.options)
			require.NoError(t, err)
			require.Equal(t, tt.want, reasons(r)[tt.given.Name])
			require.Equal(t, tt.want == "", len(r.Train) == 1)
		})
	}
}

func flags(of map[string][]string) func(context.Context, filter.Candidate) ([]string, error) {
	return func(_ context.Context, c filter.Candidate) ([]string, error) { return of[c.Name], nil }
}

func TestTheFunnelTellsWhatEachGateDid(t *testing.T) {
	given := []filter.Candidate{
		good("a"), good("b"), good("c"),
		bad("limit", func(s *summary.Summary) { s.Status = "step_limit" }),
		bad("limit and long", func(s *summary.Summary) { s.Status, s.Steps = "step_limit", 99 }),
		bad("long", func(s *summary.Summary) { s.Steps = 99 }),
		bad("uncounted", func(s *summary.Summary) { s.Usage = trajectories.Usage{} }),
		bad("copy", func(s *summary.Summary) { s.Sketch = sketchOf("work on a") }),
	}
	r, err := filter.Apply(t.Context(), given, filter.Options{
		Statuses: []trajectories.ExitStatus{"submitted"}, MaxSteps: 50, MaxTokens: 5000, NearDuplicates: 0.9,
	})
	require.NoError(t, err)
	require.Equal(t, 8, r.Given)
	require.Equal(t, []filter.Stage{
		{Gate: filter.GateStatus, In: 8, Fell: 2, Left: 6},
		{Gate: filter.GateSteps, In: 6, Fell: 1, Left: 5},
		{Gate: filter.GateTokens, In: 5, Left: 5, Unsaid: 1},
		{Gate: filter.GateNearDuplicate, In: 5, Fell: 1, Left: 4},
	}, r.Funnel)
	why := reasons(r)
	require.Equal(t, "status: it ended with step_limit", why["limit and long"], "the first gate counts")
	require.Contains(t, []string{why["a"], why["copy"]}, map[bool]string{
		true:  "near-duplicate: its actions are to 100 % those of copy",
		false: "near-duplicate: its actions are to 100 % those of a",
	}[why["a"] != ""])
}

func TestAnAuditIsMadeOfWhatIsLeft(t *testing.T) {
	asked := make(chan string, 10)
	_, err := filter.Apply(t.Context(), []filter.Candidate{good("a"), good("b"), bad("long", func(s *summary.Summary) { s.Steps = 99 })}, filter.Options{
		MaxSteps: 50, Parallel: 4,
		Flags: func(_ context.Context, c filter.Candidate) ([]string, error) { asked <- c.Name; return nil, nil },
	})
	require.NoError(t, err)
	close(asked)
	var names []string
	for name := range asked {
		names = append(names, name)
	}
	require.ElementsMatch(t, []string{"a", "b"}, names)
}

func TestAnAuditThatFailsEndsTheFilter(t *testing.T) {
	broken := errors.New("the log is broken")
	_, err := filter.Apply(t.Context(), []filter.Candidate{good("a"), good("b")}, filter.Options{
		Flags: func(context.Context, filter.Candidate) ([]string, error) { return nil, broken },
	})
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "the audit of")
}

func TestAFilterCanBeInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, o := range map[string]filter.Options{
		"a cheap gate":    {Patch: true},
		"an audit":        {Flags: flags(nil)},
		"near duplicates": {NearDuplicates: 0.9},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := filter.Apply(ctx, []filter.Candidate{good("a")}, o)
			require.ErrorIs(t, err, context.Canceled)
		})
	}
}

func TestPartsFollowWhatTheyAreAPartOf(t *testing.T) {
	part := func(name, of string) filter.Candidate {
		c := bad(name, func(s *summary.Summary) { s.Status, s.Steps = "", 1 })
		c.Parent = of
		return c
	}
	attempt := part("attempt", "kept")
	attempt.Summary.ParentKind = trajectories.ParentAttempt
	given := []filter.Candidate{
		good("kept"), part("part of kept", "kept"), part("part of the part", "part of kept"),
		bad("limit", func(s *summary.Summary) { s.Status = "step_limit" }), part("part of limit", "limit"),
		part("orphan", "not here"), attempt,
		part("circle 1", "circle 3"), part("circle 2", "circle 1"), part("circle 3", "circle 2"), part("part of circle", "circle 2"),
		good("peeked"), part("who peeked", "peeked"),
	}
	r, err := filter.Apply(t.Context(), given, filter.Options{
		Statuses: []trajectories.ExitStatus{"submitted"}, MinSteps: 5, Flags: flags(map[string][]string{"who peeked": {"history"}}),
	})
	require.NoError(t, err)
	require.Equal(t, []string{"kept", "part of kept", "part of the part"}, r.Train)
	with := map[string]string{}
	for _, f := range r.Fell {
		with[f.Name] = f.With
	}
	require.Equal(t, map[string]string{
		"limit": "", "part of limit": "limit", "orphan": "", "attempt": "",
		"circle 1": "", "circle 2": "circle 1", "circle 3": "circle 1", "part of circle": "circle 1",
		"peeked": "", "who peeked": "peeked",
	}, with)
	require.Equal(t, "audit: history", reasons(r)["peeked"])
	require.Equal(t, 13, r.Funnel[0].In)
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for name, o := range map[string]filter.Options{
		"few and many steps":  {MinSteps: 5, MaxSteps: 4},
		"steps below 0":       {MinSteps: -1},
		"a cap below 0":       {PerTask: -1},
		"cost below 0":        {MaxCost: -1},
		"cost is no number":   {MaxCost: math.NaN()},
		"similarity above 1":  {NearDuplicates: 1.1},
		"similarity is none":  {NearDuplicates: math.NaN()},
		"everything held out": {HoldOut: 1},
		"split by step":       {By: "step"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := filter.Apply(t.Context(), nil, o)
			require.Error(t, err)
		})
	}
	_, err := filter.Apply(t.Context(), []filter.Candidate{good("a"), good("a")}, filter.Options{})
	require.ErrorContains(t, err, `two trajectories are named "a"`)
	r, err := filter.Apply(t.Context(), nil, filter.Options{HoldOut: 0.5, NearDuplicates: 0.5, PerTask: 1})
	require.NoError(t, err)
	require.Empty(t, r.Train)
}

func TestATaskWithoutARepositoryStandsForItself(t *testing.T) {
	require.Equal(t, "django/django", filter.RepositoryOf("Django/django", "x"))
	require.Equal(t, "django/django", filter.RepositoryOf("", "django__django-11066"))
	require.Equal(t, "hello-world", filter.RepositoryOf("", "Hello-World"))
}
