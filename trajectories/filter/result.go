package filter

import (
	"slices"
	"strings"
)

// A Result is what Apply has decided. Every candidate is in exactly one of
// Train, HeldOut and Fell.
type Result struct {
	Given int `json:"given"` // candidates
	// Train and HeldOut are the names of those that are kept, sorted.
	Train   []string `json:"train"`
	HeldOut []string `json:"held_out"`
	// Groups are the tasks or repositories that are held out, sorted.
	Groups []string `json:"held_out_groups"`
	// Funnel has a stage for each gate that was closed, in their order.
	Funnel []Stage `json:"funnel"`
	// Fell are those that are not kept, sorted by name.
	Fell []Fall `json:"fell"`
}

// A Stage is what a gate did. Trajectories are counted, not families: In is
// Fell + Left, and the next stage's In is Left.
type Stage struct {
	Gate Gate `json:"gate"`
	In   int  `json:"in"`
	Fell int  `json:"fell"`
	Left int  `json:"left"`
	// Unsaid is how many of those left passed because their source does not say
	// what the gate asks for.
	Unsaid int `json:"unsaid,omitempty"`
}

// A Fall is a trajectory that is not kept.
type Fall struct {
	Name   string `json:"name"`
	Gate   Gate   `json:"gate"`
	Reason string `json:"reason"`
	// With is the trajectory that it is a part of, where the gate looked at
	// that one.
	With string `json:"with,omitempty"`
}

// pass notes what a gate did, and returns who is left.
func (r *Result) pass(g gate, families []*family, fell []string) []*family {
	stage := Stage{Gate: g.name}
	var left []*family
	for i, f := range families {
		n := len(f.members)
		stage.In += n
		if fell[i] == "" {
			left = append(left, f)
			stage.Left += n
			if g.unsaid != nil && g.unsaid(f) {
				stage.Unsaid += n
			}
			continue
		}
		stage.Fell += n
		for _, c := range f.members {
			fall := Fall{Name: c.Name, Gate: g.name, Reason: fell[i]}
			if c.Name != f.Name {
				fall.With = f.Name
			}
			r.Fell = append(r.Fell, fall)
		}
	}
	r.Funnel = append(r.Funnel, stage)
	return left
}

func (r *Result) sort() {
	slices.Sort(r.Train)
	slices.Sort(r.HeldOut)
	slices.Sort(r.Groups)
	slices.SortFunc(r.Fell, func(a, b Fall) int { return strings.Compare(a.Name, b.Name) })
}
