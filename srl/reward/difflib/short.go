package difflib

import "math/bits"

// A level says which stretches of one length are equal to which, within one
// gap. Places count from the beginning of the gap's ranges. Lists of places are
// chains: the next place plus one, and 0 at the end.
type level struct {
	some   []uint64 // by place in a, 64 each: b has the stretch there, too
	class  []int32  // by such a place: the class of the stretch
	firstA []int32  // by class: its first place in a plus one, 0 if there is none
	nextA  []int32  // by place in a
	firstB []int32  // by class: its first place in b plus one
	nextB  []int32  // by place in b
}

// levels are made each from the one before it, and used from the last to the
// first.
type levels struct {
	all          []level
	lastA, lastB []int32 // by class: its last place plus one so far

	// By symbol: the class of the stretches that go on with it. It counts only
	// if seen is round.
	goesOn []goesOn
	round  uint32

	gaps, left []gap
}

type goesOn struct {
	class int32
	round uint32
}

// symbols makes room for so many symbols.
func (l *levels) symbols(n int) {
	if len(l.goesOn) < n {
		l.goesOn = make([]goesOn, n)
		l.round = 0
	}
}

// short takes all runs of a gap.
func (s *search) short(g gap) {
	l := &s.levels
	n := int32(0)
	for l.add(int(n), s.keenA[g.alo:g.ahi], s.keenB[g.blo:g.bhi]) {
		n++
	}
	l.gaps = append(l.gaps[:0], g)
	for ; n > 0 && len(l.gaps) > 0; n-- {
		l.left = l.left[:0]
		s.walk(g, n)
		l.gaps, l.left = l.left, l.gaps
	}
	for _, g := range l.gaps {
		s.corner(g)
	}
}

// add makes the level of stretches of n+1 elements from that of n, and reports
// whether there are any that both texts have.
func (l *levels) add(n int, a, b []int32) bool {
	if len(l.all) == n {
		l.all = append(l.all, level{})
	}
	up := &l.all[n]
	words := (len(a) + 63) / 64
	if cap(up.some) < words {
		up.some = make([]uint64, words+words/4)
	}
	up.some = up.some[:words]
	clear(up.some)
	up.class, up.nextA, up.nextB = grown(up.class, len(a)), grown(up.nextA, len(a)), grown(up.nextB, len(b))
	up.firstA, up.firstB = up.firstA[:0], up.firstB[:0]
	l.lastA, l.lastB = l.lastA[:0], l.lastB[:0]
	if n == 0 {
		l.round++
		for j, c := range b {
			if c >= 0 {
				l.addB(up, c, int32(j))
			}
		}
		any := false
		for i, c := range a {
			if c >= 0 && l.goesOn[c].round == l.round {
				l.addA(up, c, int32(i))
				any = true
			}
		}
		return any
	}
	any := false
	below := &l.all[n-1]
	endA, endB := int32(len(a)-n), int32(len(b)-n)
	for class, i := range below.firstA {
		if i == 0 {
			continue
		}
		l.round++
		for j := below.firstB[class]; j > 0; j = below.nextB[j-1] {
			if j-1 < endB {
				if c := b[int(j-1)+n]; c >= 0 {
					l.addB(up, c, j-1)
				}
			}
		}
		for ; i > 0; i = below.nextA[i-1] {
			if i-1 < endA {
				if c := a[int(i-1)+n]; c >= 0 && l.goesOn[c].round == l.round {
					l.addA(up, c, i-1)
					any = true
				}
			}
		}
	}
	return any
}

// addB adds a stretch at a place of b.
func (l *levels) addB(up *level, c, j int32) {
	up.nextB[j] = 0
	g := &l.goesOn[c]
	if g.round != l.round {
		*g = goesOn{int32(len(up.firstB)), l.round}
		up.firstB, l.lastB = append(up.firstB, j+1), append(l.lastB, j)
		up.firstA, l.lastA = append(up.firstA, 0), append(l.lastA, 0)
		return
	}
	last := &l.lastB[g.class]
	up.nextB[*last] = j + 1
	*last = j
}

// addA adds a stretch at a place of a that b has.
func (l *levels) addA(up *level, c, i int32) {
	class := l.goesOn[c].class
	up.class[i], up.nextA[i] = class, 0
	up.some[i/64] |= 1 << (i % 64)
	last := &l.lastA[class]
	if first := &up.firstA[class]; *first == 0 {
		*first = i + 1
	} else {
		up.nextA[*last] = i + 1
	}
	*last = i
}

// after returns the first place of a from i on, and before end, that has a
// stretch of the level; end if there is none.
func (l *level) after(i, end int32) int32 {
	if i >= end {
		return end
	}
	at := i / 64
	word := l.some[at] >> (i % 64) << (i % 64)
	for word == 0 {
		if at++; at*64 >= end {
			return end
		}
		word = l.some[at]
	}
	return min(at*64+int32(bits.TrailingZeros64(word)), end)
}

// walk takes the runs of n elements from the gaps that are left within a gap,
// none of which holds a longer one.
func (s *search) walk(whole gap, n int32) {
	l := &s.levels
	up := &l.all[n-1]
	for _, g := range l.gaps {
		for i := g.alo; ; i++ {
			i = whole.alo + up.after(i-whole.alo, g.ahi-n+1-whole.alo)
			if i+n > g.ahi {
				break
			}
			first := &up.firstB[up.class[i-whole.alo]]
			at := *first
			for at > 0 && at-1 < g.blo-whole.blo {
				at = up.nextB[at-1] // never asked for again
			}
			*first = at
			j := at - 1 + whole.blo
			if at == 0 || j+n > g.bhi {
				continue
			}
			before, after := s.take(g, i, j, n)
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
