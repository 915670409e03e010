package filter

import (
	"maps"
	"slices"
)

// split holds groups out. They are gone through in the order of their seeded
// hashes, and each that fits into what is wanted is held out. One more may
// follow that does not fit and all the same brings the share nearer. A group's
// place in that order depends on its name and the seed alone, so data that is
// added moves few groups: those at the edge of the share.
func (r *Result) split(left []*family, o Options) {
	groups := groupsOf(left, o.By)
	sizes := map[string]int{}
	total := 0
	for _, f := range left {
		sizes[groups[f]] += len(f.members)
		total += len(f.members)
	}
	out := heldOut(sizes, o.HoldOut*float64(total), o.Seed)
	r.Groups = slices.AppendSeq(r.Groups, maps.Keys(out))
	for _, f := range left {
		for _, c := range f.members {
			if out[groups[f]] {
				r.HeldOut = append(r.HeldOut, c.Name)
			} else {
				r.Train = append(r.Train, c.Name)
			}
		}
	}
}

// heldOut chooses groups of about the wanted size in all, and never all groups.
func heldOut(sizes map[string]int, wanted float64, seed uint64) map[string]bool {
	out := map[string]bool{}
	var beside string // the smallest group that does not fit
	for _, name := range ranked(seed, slices.Collect(maps.Keys(sizes))) {
		switch size := sizes[name]; {
		case float64(size) <= wanted: // which is less than all
			out[name] = true
			wanted -= float64(size)
		case beside == "" || size < sizes[beside]:
			beside = name
		}
	}
	if size := float64(sizes[beside]); size > 0 && size < 2*wanted && len(out) < len(sizes)-1 {
		out[beside] = true
	}
	return out
}
