package difflib

import "math/bits"

// A strip says where in 64 neighbouring places of b the stretch of a is found
// that begins at a place. Places count from the beginning of a gap's ranges.
type strip struct {
	at, word int32  // the place in a; which 64 places, from 64*word on
	set      uint64 // the places, from the lowest bit on
}

// strips are those of one gap, by their length: of n elements in all[n-2]. There
// are none of single elements, for which the rows say as much. Strips where
// nothing is found are left out.
type strips struct {
	all        [][]strip
	gaps, left []gap
	// rows[c*wide+w] has the bits of 64*w to 64*w+63 set where b has the symbol
	// c. The last word of a row is always zero. So are all between gaps.
	rows []uint64
	wide int
	// had has a bit for each hash of two neighbours in b, and some is where those
	// begin in a.
	had  [64]uint64
	some []int32
}

// The most words that the rows of a gap may have, and how many words for each
// element of the gap there may be strips of: more is left to levels, which take
// longer for each element and need no words.
const (
	mostRows  = 1 << 14
	mostWords = 8
)

// narrow reports whether strips are the faster way for a gap.
func (s *search) narrow(g gap) bool {
	lenA, lenB := int(g.ahi-g.alo), int(g.bhi-g.blo)
	words := lenB/64 + 1
	return s.symbols*(words+1) <= mostRows && lenA*words <= mostWords*(lenA+lenB)
}

// strip takes all runs of a gap that is narrow, none of which has 64 elements,
// and returns the gaps that are left.
func (s *search) strip(g gap) []gap {
	l := &s.strips
	a, b := s.keenA[g.alo:g.ahi], s.keenB[g.blo:g.bhi]
	l.mark(s.symbols, b)
	n := 1
	for more := l.pairs(a); more; more = l.longer(a, n) {
		n++
	}
	l.gaps = append(l.gaps[:0], g)
	for ; n > 0 && len(l.gaps) > 0; n-- {
		l.left = l.left[:0]
		if n > 1 {
			s.pick(g, int32(n))
		} else {
			s.singles(g)
		}
		l.gaps, l.left = l.left, l.gaps
	}
	l.unmark(b)
	return l.gaps
}

// mark sets the bits of a range of b.
func (l *strips) mark(symbols int, b []int32) {
	l.wide = len(b)/64 + 2
	if size := symbols * l.wide; len(l.rows) < size {
		l.rows = make([]uint64, size+size/4)
	}
	l.had = [64]uint64{}
	before := noneInB
	for j, c := range b {
		if c >= 0 {
			l.rows[int(c)*l.wide+j/64] |= 1 << (j % 64)
		}
		h := both(before, c)
		l.had[h/64] |= 1 << (h % 64)
		before = c
	}
}

// both is a hash of two neighbours, of twelve bits.
func both(c, d int32) uint32 { return (uint32(c)*61 + uint32(d)) % 4096 }

// unmark clears them.
func (l *strips) unmark(b []int32) {
	for j, c := range b {
		if c >= 0 {
			l.rows[int(c)*l.wide+j/64] = 0
		}
	}
}

// level makes room for the strips of n elements.
func (l *strips) level(n, most int) []strip {
	if len(l.all) == n-2 {
		l.all = append(l.all, nil)
	}
	if cap(l.all[n-2]) < most {
		l.all[n-2] = make([]strip, most+most/4)
	}
	return l.all[n-2][:most]
}

// pairs makes the strips of two elements, and reports whether there are any.
func (l *strips) pairs(a []int32) bool {
	words := l.wide - 1
	l.some = grown(l.some, len(a))
	n := 0
	for i := range len(a) - 1 {
		// Without a branch, which nobody could foretell.
		l.some[n] = int32(i)
		h := both(a[i], a[i+1])
		n += int(l.had[h/64] >> (h % 64) & 1)
	}
	up, k := l.level(2, n*words+1), 0
	for _, i := range l.some[:n] {
		c, d := a[i], a[i+1]
		if c < 0 || d < 0 {
			continue
		}
		row, next := l.rows[int(c)*l.wide:][:words], l.rows[int(d)*l.wide:][:words+1]
		for w, set := range row {
			set &= next[w]>>1 | next[w+1]<<63
			up[k] = strip{i, int32(w), set}
			k += one(set)
		}
	}
	l.all[0] = up[:k]
	return k > 0
}

// longer makes the strips of n+1 elements from those of n, and reports whether
// there are any.
func (l *strips) longer(a []int32, n int) bool {
	below := l.all[n-2]
	up, k := l.level(n+1, len(below)+1), 0
	down, rise := uint(n)%64, uint(64-n)%64
	for _, p := range below {
		end := int(p.at) + n
		if end >= len(a) {
			break
		}
		c := a[end]
		if c < 0 {
			continue
		}
		at := int(c)*l.wide + int(p.word)
		row := l.rows[at : at+2]
		set := p.set & (row[0]>>down | row[1]<<rise)
		up[k] = strip{p.at, p.word, set}
		k += one(set)
	}
	l.all[n-1] = up[:k]
	return k > 0
}

// one is 1 if any bit is set, without a branch, which nobody could foretell.
func one(set uint64) int { return int((set | -set) >> 63) }

// pick takes the runs of n elements from the gaps that are left within a gap,
// none of which holds a longer one.
func (s *search) pick(whole gap, n int32) {
	l := &s.strips
	all := l.all[n-2]
	k := 0
	for _, g := range l.gaps {
		// The places that a run may have, in a and in b.
		from, to := g.alo-whole.alo, g.ahi-whole.alo-n
		first, last := g.blo-whole.blo, g.bhi-whole.blo-n
		if from > to || first > last {
			l.left = append(l.left, g)
			continue
		}
		for k < len(all) && all[k].at < from {
			k++
		}
		for ; k < len(all) && all[k].at <= to; k++ {
			p := all[k]
			set := p.set & (^uint64(0) << max(first-64*p.word, 0)) & (^uint64(0) >> (63 - min(last-64*p.word, 63)))
			if set == 0 || p.at < from {
				continue
			}
			before, after := s.take(g, p.at+whole.alo, 64*p.word+int32(bits.TrailingZeros64(set))+whole.blo, n)
			if !before.empty() {
				l.left = append(l.left, before)
			}
			g = after
			from, first = g.alo-whole.alo, g.blo-whole.blo
			if g.empty() {
				break
			}
		}
		if !g.empty() {
			l.left = append(l.left, g)
		}
	}
}

// singles takes the runs of a single element from the gaps that are left within a
// gap, none of which holds a longer one.
func (s *search) singles(whole gap) {
	l := &s.strips
	for _, g := range l.gaps {
		// What is taken moves the beginning of g, and not its end.
		last := g.bhi - whole.blo - 1
		for i := g.alo; i < g.ahi; i++ {
			c := s.keenA[i]
			if c < 0 {
				continue
			}
			j, ok := first(l.rows[int(c)*l.wide:], g.blo-whole.blo, last)
			if !ok {
				continue
			}
			before, after := s.take(g, i, j+whole.blo, 1)
			if !before.empty() {
				l.left = append(l.left, before)
			}
			if g = after; g.empty() {
				break
			}
			i = g.alo - 1
		}
		if !g.empty() {
			l.left = append(l.left, g)
		}
	}
}

// first is the first place of a row's from one to another.
func first(row []uint64, from, to int32) (place int32, ok bool) {
	for w, mask := from/64, ^uint64(0)<<(from%64); w <= to/64; w, mask = w+1, ^uint64(0) {
		if set := row[w] & mask; set != 0 {
			place = 64*w + int32(bits.TrailingZeros64(set))
			return place, place <= to
		}
	}
	return 0, false
}
