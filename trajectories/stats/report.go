package stats

import (
	"cmp"
	"slices"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/behaviour"
)

// A Report is what statistics say of a set of trajectories. Lists are in the
// order of their counts, the largest first.
type Report struct {
	Trajectories int `json:"trajectories"`
	Unfinished   int `json:"unfinished"` // that have no end
	// Tasks and Repos count distinct ones.
	Tasks int `json:"tasks"`
	Repos int `json:"repos"`

	Statuses []Count `json:"statuses"`
	Limits   []Count `json:"limits"` // that forced a submission
	Models   []Count `json:"models"`
	Policies []Count `json:"policies"`
	Formats  []Count `json:"formats"` // of imported trajectories
	Patches  Patches `json:"patches"` // of finished trajectories

	// Of each trajectory. Tokens, cost and duration are known of some only: their
	// N says of how many.
	Turns            Distribution `json:"turns"`
	Steps            Distribution `json:"steps"` // turns with actions
	Actions          Distribution `json:"actions"`
	Observations     Distribution `json:"observations"`
	FormatErrors     Distribution `json:"format_errors"`
	PromptTokens     Distribution `json:"prompt_tokens"`
	CachedTokens     Distribution `json:"cached_tokens"`
	CompletionTokens Distribution `json:"completion_tokens"`
	Cost             Distribution `json:"cost"` // US dollars
	Seconds          Distribution `json:"seconds"`
	PatchBytes       Distribution `json:"patch_bytes"` // of patches that are not empty

	// ObservationBytes are of each observation.
	ObservationBytes Distribution `json:"observation_bytes"`

	// FirstEdit and FirstTest say where in the episodes that do so a file is
	// changed and tests are run first: 0 is before the first step, 1 the last one.
	FirstEdit Distribution `json:"first_edit"`
	FirstTest Distribution `json:"first_test"`

	// Each action is counted once, by what it was mainly for. Programs are those
	// of commands.
	Tools      []Use `json:"tools"`
	Programs   []Use `json:"programs"`
	Behaviours []Use `json:"behaviours"`
	// Course says what is done when: episodes are cut into Deciles equal parts.
	Course []Part `json:"course"`
}

// A Count says how often there was what.
type Count struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// Patches counts final patches.
type Patches struct {
	Some    int `json:"some"`
	Empty   int `json:"empty"`
	Unknown int `json:"unknown"` // the source does not hold it
}

// A Use says how calls of one sort went.
type Use struct {
	Name    string `json:"name"`
	Actions int    `json:"actions"`
	// Failed counts those that are known to have failed.
	Failed int `json:"failed"`
	Bytes  int `json:"bytes"` // of their observations
}

// A Part is one part of the episodes.
type Part struct {
	Actions int `json:"actions"`
	// Kinds counts the actions by kind.
	Kinds map[behaviour.Kind]int `json:"kinds"`
}

// Share is the share of a kind in the actions of the part.
func (p Part) Share(kind behaviour.Kind) float64 {
	if p.Actions == 0 {
		return 0
	}
	return float64(p.Kinds[kind]) / float64(p.Actions)
}

// Report says what came out.
func (s *Stats) Report() Report {
	r := Report{
		Trajectories: s.trajectories,
		Unfinished:   s.unfinished,
		Tasks:        len(s.tasks),
		Repos:        len(s.repos),
		Statuses:     s.statuses.list(),
		Limits:       s.limits.list(),
		Models:       s.models.list(),
		Policies:     s.policies.list(),
		Formats:      s.formats.list(),
		Patches:      s.patches,

		Turns:            s.turns.distribution(1),
		Steps:            s.steps.distribution(1),
		Actions:          s.actions.distribution(1),
		Observations:     s.observations.distribution(1),
		FormatErrors:     s.formatErrors.distribution(1),
		PromptTokens:     s.prompt.distribution(1),
		CachedTokens:     s.cached.distribution(1),
		CompletionTokens: s.completion.distribution(1),
		Cost:             s.cost.distribution(dollar),
		Seconds:          s.seconds.distribution(1),
		PatchBytes:       s.patch.distribution(1),
		ObservationBytes: s.observed.distribution(1),
		FirstEdit:        s.firstEdit.distribution(1000),
		FirstTest:        s.firstTest.distribution(1000),

		Tools:      s.tools.list(),
		Programs:   s.programs.list(),
		Behaviours: s.kinds.list(),
	}
	for _, kinds := range s.course {
		part := Part{Kinds: map[behaviour.Kind]int{}}
		for kind, n := range kinds {
			part.Kinds[kind] = n
			part.Actions += n
		}
		r.Course = append(r.Course, part)
	}
	return r
}

// Submitted counts the trajectories that were handed in.
func (r Report) Submitted() int {
	for _, c := range r.Statuses {
		if c.Name == string(trajectories.ExitSubmitted) {
			return c.Count
		}
	}
	return 0
}

func (c counts[K]) list() []Count {
	list := make([]Count, 0, len(c))
	for name, n := range c {
		list = append(list, Count{string(name), n})
	}
	slices.SortFunc(list, func(a, b Count) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.Name, b.Name))
	})
	return list
}

func (t tallies[K]) list() []Use {
	list := make([]Use, 0, len(t))
	for name, one := range t {
		list = append(list, Use{Name: string(name), Actions: one.calls, Failed: one.failed, Bytes: one.bytes})
	}
	slices.SortFunc(list, func(a, b Use) int {
		return cmp.Or(b.Actions-a.Actions, cmp.Compare(a.Name, b.Name))
	})
	return list
}
