package minhash

import "math"

// An Index finds the sketches that are like another one. It looks at few of
// those it holds, and misses none.
//
// It cuts sketches into bands of functions and keeps for each band who has
// which numbers in it, as locality-sensitive hashing does. The threshold says
// how many functions may disagree at most, and there are more bands than that:
// two sketches that reach it have at least one band in common.
type Index struct {
	need     int // functions that agree
	rows     int // functions of a band
	sketches []Sketch
	bands    map[uint64][]int // hash of a band and its numbers → who has it
	seen     []int            // for each sketch the last search that has come by
	searches int
}

// NewIndex makes an index for one threshold, above 0 and up to 1.
func NewIndex(threshold float64) *Index {
	// A little less, so that 0.9 times 128 needs no function more for the error
	// of its last bit.
	need := min(max(1, int(math.Ceil(threshold*Hashes-1e-9))), Hashes)
	rows := Hashes
	for Hashes/rows <= Hashes-need {
		rows /= 2
	}
	return &Index{need: need, rows: rows, bands: map[uint64][]int{}}
}

// Add adds a sketch. Sketches are numbered from 0 in the order they come in.
func (x *Index) Add(s Sketch) {
	n := len(x.sketches)
	x.sketches, x.seen = append(x.sketches, s), append(x.seen, 0)
	if s.IsZero() {
		return // it is like none
	}
	for band := range Hashes / x.rows {
		key := x.key(&s, band)
		x.bands[key] = append(x.bands[key], n)
	}
}

// Nearest returns the number of the sketch that is most similar to s, and how
// similar it is, the first one of several. It reports false if none reaches the
// threshold.
func (x *Index) Nearest(s Sketch) (n int, similarity float64, ok bool) {
	if s.IsZero() {
		return 0, 0, false
	}
	x.searches++
	best := x.need - 1
	for band := range Hashes / x.rows {
		for _, i := range x.bands[x.key(&s, band)] {
			if x.seen[i] == x.searches {
				continue
			}
			x.seen[i] = x.searches
			agree := s.agree(&x.sketches[i])
			if agree > best || agree == best && ok && i < n {
				n, best, ok = i, agree, true
			}
		}
	}
	if !ok {
		return 0, 0, false
	}
	return n, float64(best) / Hashes, true
}

// key is a hash of a band and its numbers. Two that share a key by chance are
// compared in vain, and nothing else.
func (x *Index) key(s *Sketch, band int) uint64 {
	h := mix(uint64(band) + 1)
	for _, low := range s.low[band*x.rows : (band+1)*x.rows] {
		h = mix(h ^ uint64(low))
	}
	return h
}
