package difflib

import "slices"

// A run is a stretch of equal elements, from a[i] and from b[j].
type run struct {
	i, j, k int32
}

// waiting are runs that are to be taken, by their length.
type waiting struct {
	runs   []run
	next   []int32  // by run: the next one of the same length plus one, or 0
	first  []int32  // by length
	sorted []uint64 // those of one length, as a place in a and one in b
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
func (w *waiting) of(k int) []uint64 {
	w.sorted = w.sorted[:0]
	for at := w.first[k]; at > 0; at = w.next[at-1] {
		r := w.runs[at-1]
		w.sorted = append(w.sorted, uint64(r.i)<<32|uint64(r.j))
	}
	if len(w.sorted) > 1 {
		slices.Sort(w.sorted)
	}
	return w.sorted
}

// long takes the runs that are long enough to hold a seed for certain, from the
// longest to the shortest.
func (s *search) long(seeds *seeds) {
	shorter := 0
	for _, g := range s.gaps {
		shorter = max(shorter, int(min(g.ahi-g.alo, g.bhi-g.blo)))
	}
	least := seeds.least()
	if shorter < least {
		return
	}
	s.waiting.begin(shorter)
	// By diagonal: up to where in a its runs are known.
	s.known = empty(s.known, len(s.a)+len(s.b))
	longest := 0
	for _, g := range s.gaps {
		longest = max(longest, s.look(g, seeds))
	}
	for k := longest; k >= least && len(s.gaps) > 0; k-- {
		if s.waiting.first[k] == 0 {
			continue
		}
		for n, r := range s.waiting.of(k) {
			if n%64 == 0 && s.giveUp() {
				return
			}
			s.place(run{int32(r >> 32), int32(r), int32(k)}, int32(least))
		}
	}
}

// look looks for runs in a gap, and returns the length of the longest.
func (s *search) look(g gap, seeds *seeds) (longest int) {
	a, b := s.keenA[:g.ahi], s.keenB[:g.bhi]
	alo, blo := int(g.alo), int(g.blo)
	if min(len(a)-alo, len(b)-blo) < seeds.least() {
		return 0
	}
	var h uint64
	for _, c := range a[alo : alo+seeds.size-1] {
		h = seeds.roll(h, c)
	}
	work := 0 // since it was asked whether to go on
	for i := alo; i+seeds.size <= len(a); i++ {
		// What starts no match has a hash too, and is common with nothing.
		h = seeds.roll(h, a[i+seeds.size-1])
		for at := *seeds.slot(h); at > 0; at = seeds.next[at-1] {
			j := int(at-1) * seeds.step
			if j < blo {
				continue
			}
			if j >= len(b) {
				break
			}
			known := &s.known[i-j+len(s.b)-1]
			if i < int(*known) {
				continue
			}
			k := common(a[i:], b[j:])
			if work += k + 1; work > 1<<20 {
				if work = 0; s.giveUp() {
					return longest
				}
			}
			if k < seeds.size {
				continue
			}
			*known = int32(i + k)
			back := 0
			for i-back > alo && j-back > blo && a[i-back-1] == b[j-back-1] {
				back++
			}
			if back+k >= seeds.least() {
				s.waiting.add(run{int32(i - back), int32(j - back), int32(back + k)})
				longest = max(longest, back+k)
			}
		}
	}
	return longest
}

// place takes a run that lies in a gap as a whole. Otherwise its parts in the
// gaps that it crosses wait, if they are still long.
func (s *search) place(r run, least int32) {
	d := r.j - r.i
	// The first gap that ends behind the run's beginning.
	at, end := 0, len(s.gaps)
	for at < end {
		if mid := (at + end) / 2; s.gaps[mid].ahi <= r.i {
			at = mid + 1
		} else {
			end = mid
		}
	}
	for ; at < len(s.gaps) && s.gaps[at].alo < r.i+r.k; at++ {
		g := s.gaps[at]
		from := max(r.i, g.alo, g.blo-d)
		to := min(r.i+r.k, g.ahi, g.bhi-d)
		if to-from == r.k {
			before, after := s.take(g, r.i, r.j, r.k)
			s.split(at, before, after)
			return
		}
		if to-from >= least {
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

// common returns how many elements two texts have in common at their beginning.
func common(a, b []int32) int {
	const some, many = 16, 128 // are compared at once, when so many were equal
	n := min(len(a), len(b))
	k := 0
	for k < n && a[k] == b[k] {
		if k++; k%some != 0 {
			continue
		}
		for k+some <= n && [some]int32(a[k:]) == [some]int32(b[k:]) {
			if k += some; k%many == 0 {
				for k+many <= n && [many]int32(a[k:]) == [many]int32(b[k:]) {
					k += many
				}
			}
		}
	}
	return k
}
