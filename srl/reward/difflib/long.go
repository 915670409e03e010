package difflib

import (
	"cmp"
	"slices"
)

// A run is a stretch of equal elements, from a[i] and from b[j].
type run struct {
	i, j, k int32
}

// waiting are runs that are to be taken, by their length.
type waiting struct {
	runs   []run
	next   []int32 // by run: the next one of the same length plus one, or 0
	first  []int32 // by length
	sorted []run   // those of one length
}

func (w *waiting) begin(longest int) {
	w.runs, w.next = w.runs[:0], w.next[:0]
	w.first = empty(w.first, longest+1)
}

func (w *waiting) add(r run) {
	w.runs = append(w.runs, r)
	w.next = append(w.next, w.first[r.k])
	w.first[r.k] = int32(len(w.runs))
}

// of returns the runs of a length in the order of their places.
func (w *waiting) of(k int) []run {
	w.sorted = w.sorted[:0]
	for at := w.first[k]; at > 0; at = w.next[at-1] {
		w.sorted = append(w.sorted, w.runs[at-1])
	}
	if len(w.sorted) > 1 {
		slices.SortFunc(w.sorted, func(x, y run) int { return cmp.Or(cmp.Compare(x.i, y.i), cmp.Compare(x.j, y.j)) })
	}
	return w.sorted
}

// long takes the runs of longSize elements and more, from the longest to the
// shortest.
func (s *search) long(x *Indexed) {
	shorter := min(len(s.a), len(s.b))
	if shorter < longSize {
		return
	}
	s.waiting.begin(shorter)
	longest := s.find(&x.seeds)
	for k := longest; k >= longSize && len(s.gaps) > 0; k-- {
		if s.waiting.first[k] == 0 {
			continue
		}
		for _, r := range s.waiting.of(k) {
			s.place(r)
		}
	}
}

// find looks for runs, and returns the length of the longest.
func (s *search) find(seeds *seeds) (longest int) {
	a, b := s.keenA, s.keenB
	var h uint64
	n := 0 // elements in a row that may be in a seed
	for end, c := range a {
		if c < 0 {
			n = 0
			continue
		}
		h = roll(h, c)
		if n++; n < seedSize {
			continue
		}
		for at := *seeds.slot(h); at > 0; at = seeds.next[at-1] {
			i, j := end-seedSize+1, int(at-1)*seedStep
			// The run from here backwards. If it holds an earlier seed, it was
			// found from that one.
			back := 0
			for back < seedStep && i > back && j > back && a[i-back-1] == b[j-back-1] {
				back++
			}
			if back == seedStep {
				continue
			}
			k := 0
			for i+k < len(a) && j+k < len(b) && a[i+k] == b[j+k] {
				k++
			}
			if k >= seedSize && back+k >= longSize {
				s.waiting.add(run{int32(i - back), int32(j - back), int32(back + k)})
				longest = max(longest, back+k)
			}
		}
	}
	return longest
}

// place takes a run that lies in a gap as a whole. Otherwise its parts in the
// gaps that it crosses wait, if they are still long.
func (s *search) place(r run) {
	d := r.j - r.i
	at, _ := slices.BinarySearchFunc(s.gaps, r.i, func(g gap, i int32) int { return cmp.Compare(g.ahi, i+1) })
	for ; at < len(s.gaps) && s.gaps[at].alo < r.i+r.k; at++ {
		g := s.gaps[at]
		from := max(r.i, g.alo, g.blo-d)
		to := min(r.i+r.k, g.ahi, g.bhi-d)
		if to-from == r.k {
			before, after := s.take(g, r.i, r.j, r.k)
			s.split(at, before, after)
			return
		}
		if to-from >= longSize {
			s.waiting.add(run{from, from + d, to - from})
		}
	}
}

// split puts what is left of a gap in its place.
func (s *search) split(at int, before, after gap) {
	switch {
	case before.empty() && after.empty():
		s.gaps = slices.Delete(s.gaps, at, at+1)
	case before.empty():
		s.gaps[at] = after
	case after.empty():
		s.gaps[at] = before
	default:
		s.gaps[at] = before
		s.gaps = slices.Insert(s.gaps, at+1, after)
	}
}
