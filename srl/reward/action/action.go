// Package action compares tool calls by what they say, part by part: the tool,
// then each argument by its kind. Calls that have nothing to do with each other
// come near 0, where a comparison of their characters gives half of everything
// for letters that all English and all Python have in common. Equal calls are
// exactly 1.
//
//   - The tool must be the same, or nothing is. A tool whose argument "command"
//     names one of its commands (view, str_replace) is a tool for each: between
//     two of them, equal arguments count a quarter.
//   - Shell commands are parsed, and their simple commands are aligned in their
//     order. A program is compared with the same program only: flags in any
//     order, operands in theirs, then redirections and here-documents. A cd
//     counts a tenth.
//   - Paths are compared by components, from the root down, where the name at
//     the end counts three times as much as a folder; the square of that is
//     taken, since two paths of one project have folders in common by chance.
//   - Other text is compared by words, numbers, signs and line breaks with
//     their indentation, matched as difflib matches characters. Words count
//     four times as much as the rest.
//   - Numbers are equal, or the nearer the better: 1/(1+d) at a distance d.
//     Ranges of lines count what they have in common by what they cover.
//
// The parts count by their size, with a logarithm so that a long text does not
// drown the path it is written to. An argument that one call lacks counts as
// unlike.
//
// The time is near linear in the size of the calls; what could make it
// quadratic is bounded, and a context ends the rest.
package action

import (
	"context"

	"github.com/apprentice-rl/apprentice/env"
)

// An Indexed step is the second of many pairs, as an expert's. Many goroutines
// may compare with it at once.
type Indexed struct {
	calls []part
}

// Index prepares the calls of a step for comparisons in which they are the
// second.
func Index(calls []env.Action) *Indexed {
	x := &Indexed{}
	for _, c := range calls {
		x.calls = append(x.calls, newCall(c))
	}
	return x
}

// Similarity compares the calls of a step with the indexed ones, which are the
// second. It is in [0, 1]. The error is that of ctx.
func (x *Indexed) Similarity(ctx context.Context, calls []env.Action) (float64, error) {
	return sequence(Index(calls).calls).like(ctx, sequence(x.calls))
}

// A part is something that is compared as a whole.
type part interface {
	// weight is how much the part counts among others.
	weight() float64
	// like is the similarity to the expert's part, in [0, 1]; 0 for one of
	// another kind. The error is that of ctx.
	like(ctx context.Context, expert part) (float64, error)
}

// A sequence is parts in an order that matters.
type sequence []part

func (s sequence) weight() float64 {
	sum := 0.0
	for _, p := range s {
		sum += p.weight()
	}
	return sum
}

// most is the number of parts of a sequence that are aligned; those after them
// are compared place by place.
const most = 32

func (s sequence) like(ctx context.Context, other part) (float64, error) {
	expert, ok := other.(sequence)
	if !ok {
		return 0, nil
	}
	all := s.weight() + expert.weight()
	if all == 0 {
		return 1, nil
	}
	same := 0.0
	for i := most; i < min(len(s), len(expert)); i++ {
		v, err := both(ctx, s[i], expert[i])
		if err != nil {
			return 0, err
		}
		same += v
	}
	aligned, err := align(ctx, s[:min(most, len(s))], expert[:min(most, len(expert))])
	return ratio(same+aligned, all), err
}

// ratio keeps the sums of many small numbers within [0, 1].
func ratio(same, all float64) float64 { return max(0, min(1, same/all)) }

// both is what two parts have in common, of the weight of both.
func both(ctx context.Context, model, expert part) (float64, error) {
	v, err := model.like(ctx, expert)
	return v * (model.weight() + expert.weight()), err
}

// align returns the most that two sequences have in common if the order of
// both is kept.
func align(ctx context.Context, model, expert sequence) (float64, error) {
	best := make([]float64, len(expert)+1) // with the parts of the model so far
	for _, m := range model {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		corner := 0.0 // best[j] before this part
		for j, e := range expert {
			v, err := both(ctx, m, e)
			if err != nil {
				return 0, err
			}
			v += corner
			corner = best[j+1]
			best[j+1] = max(v, best[j+1], best[j])
		}
	}
	return best[len(expert)], nil
}

// A set is parts by names, whose order does not matter.
type set map[string]part

func (s set) weight() float64 {
	sum := 0.0
	for _, name := range sorted(s) {
		sum += s[name].weight()
	}
	return sum
}

func (s set) like(ctx context.Context, other part) (float64, error) {
	expert, ok := other.(set)
	if !ok {
		return 0, nil
	}
	all := s.weight() + expert.weight()
	if all == 0 {
		return 1, nil
	}
	same := 0.0
	for _, name := range sorted(s) {
		e, ok := expert[name]
		if !ok {
			continue
		}
		v, err := both(ctx, s[name], e)
		if err != nil {
			return 0, err
		}
		same += v
	}
	return ratio(same, all), nil
}
