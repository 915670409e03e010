// Package stats says what many trajectories have in common, and in what they
// differ: how long they are and what they cost, which tools and programs they
// use and how often those fail, and what agents do at which point of an episode.
//
// [Of] reads one trajectory and keeps a few hundred bytes of it, its [Episode].
// [Stats] are sums over episodes: [Stats.Add] takes one in, [Stats.Merge] takes
// in what another worker has added up, and [Stats.Report] says what came out.
// [Collect] does all that on several processors.
//
// All sums are whole numbers (money is counted in billionths of a dollar), so
// the order in which episodes are added never changes a report. What is kept is
// one counter for each distinct value, from which medians and percentiles are
// exact; memory grows with how much trajectories differ, not with their size.
package stats

import (
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/behaviour"
)

// Deciles is the number of equal parts into which an episode is cut to see what
// is done when.
const Deciles = 10

// Stats are sums over episodes. The zero value holds none. It is not safe for
// concurrent use.
type Stats struct {
	trajectories int
	unfinished   int
	patches      Patches

	tasks, repos, models, policies, formats counts[string]
	statuses, limits                        counts[trajectories.ExitStatus]

	turns, steps, actions, observations, formatErrors values
	prompt, completion, cached, cost, seconds         values
	observed, patch                                   values
	firstEdit, firstTest                              values // in thousandths of the episode's steps

	tools, programs tallies[string]
	kinds           tallies[behaviour.Kind]
	course          [Deciles]counts[behaviour.Kind]
}

// Add takes in an episode.
func (s *Stats) Add(e Episode) {
	s.trajectories++
	s.tasks.add(e.Task, 1)
	s.repos.add(e.Repo, 1)
	s.models.add(e.Model, 1)
	s.policies.add(e.Policy, 1)
	s.formats.add(e.Format, 1)
	s.limits.add(e.Limit, 1)
	if e.Status == "" {
		s.unfinished++
	} else {
		s.statuses.add(e.Status, 1)
		s.addPatch(e)
	}

	s.turns.add(e.Turns)
	s.steps.add(e.Steps)
	s.actions.add(len(e.Acts))
	s.observations.add(e.Observations)
	s.formatErrors.add(e.FormatErrors)
	s.addUsage(e)
	for _, act := range e.Acts {
		s.tools.add(act.Tool, act)
		s.programs.add(act.Program, act)
		s.kinds.add(act.Kind, act)
		s.course[decile(act.Step, e.Steps)].add(act.Kind, 1)
		if act.Answered {
			s.observed.add(act.Bytes)
		}
	}
	if e.FirstEdit > 0 {
		s.firstEdit.add(1000 * e.FirstEdit / e.Steps)
	}
	if e.FirstTest > 0 {
		s.firstTest.add(1000 * e.FirstTest / e.Steps)
	}
}

func (s *Stats) addPatch(e Episode) {
	switch {
	case e.PatchUnknown:
		s.patches.Unknown++
	case e.PatchBytes == 0:
		s.patches.Empty++
	default:
		s.patches.Some++
		s.patch.add(e.PatchBytes)
	}
}

// addUsage adds what is known. A source that does not count tokens or money
// leaves zeros, which are not what an episode cost.
func (s *Stats) addUsage(e Episode) {
	if e.Usage.PromptTokens+e.Usage.CompletionTokens > 0 {
		s.prompt.add(e.Usage.PromptTokens)
		s.completion.add(e.Usage.CompletionTokens)
		s.cached.add(e.Usage.CachedTokens)
	}
	if e.Usage.Cost > 0 {
		s.cost.add(int(e.Usage.Cost*dollar + 0.5))
	}
	if e.Timed {
		s.seconds.add(e.Seconds)
	}
}

// dollar is what money is counted in: a dollar has so many.
const dollar = 1e9

// decile is the part of an episode in which the middle of a step lies, from 0.
func decile(step, steps int) int {
	return (2*step - 1) * Deciles / (2 * steps)
}

// Merge takes in what o has added up.
func (s *Stats) Merge(o *Stats) {
	s.trajectories += o.trajectories
	s.unfinished += o.unfinished
	s.patches.Some += o.patches.Some
	s.patches.Empty += o.patches.Empty
	s.patches.Unknown += o.patches.Unknown
	s.tasks.merge(o.tasks)
	s.repos.merge(o.repos)
	s.models.merge(o.models)
	s.policies.merge(o.policies)
	s.formats.merge(o.formats)
	s.statuses.merge(o.statuses)
	s.limits.merge(o.limits)
	from := o.values()
	for i, v := range s.values() {
		v.merge(from[i])
	}
	s.tools.merge(o.tools)
	s.programs.merge(o.programs)
	s.kinds.merge(o.kinds)
	for i := range s.course {
		s.course[i].merge(o.course[i])
	}
}

func (s *Stats) values() []*values {
	return []*values{
		&s.turns, &s.steps, &s.actions, &s.observations, &s.formatErrors,
		&s.prompt, &s.completion, &s.cached, &s.cost, &s.seconds,
		&s.observed, &s.patch, &s.firstEdit, &s.firstTest,
	}
}

// counts says how often there was what. What has no name is not counted.
type counts[K ~string] map[K]int

func (c *counts[K]) add(name K, n int) {
	if name == "" {
		return
	}
	if *c == nil {
		*c = counts[K]{}
	}
	(*c)[name] += n
}

func (c *counts[K]) merge(o counts[K]) {
	for name, n := range o {
		c.add(name, n)
	}
}

// A tally says how calls went.
type tally struct {
	calls, failed, bytes int
}

type tallies[K ~string] map[K]tally

func (t *tallies[K]) add(name K, a Act) {
	one := tally{calls: 1, bytes: a.Bytes}
	if a.Failed {
		one.failed = 1
	}
	t.sum(name, one)
}

func (t *tallies[K]) sum(name K, one tally) {
	if name == "" {
		return
	}
	if *t == nil {
		*t = tallies[K]{}
	}
	so := (*t)[name]
	(*t)[name] = tally{so.calls + one.calls, so.failed + one.failed, so.bytes + one.bytes}
}

func (t *tallies[K]) merge(o tallies[K]) {
	for name, one := range o {
		t.sum(name, one)
	}
}
