package difflib

// A level says which stretches of one length are equal to which, within one
// gap. Places count from the beginning of the gap's ranges.
type level struct {
	a     []place // the stretches of a that b has, too, in order
	first []int32 // by class: its first place in b plus one
	next  []int32 // by place in b: the next one of its class plus one, or 0
}

// A place is where a stretch of a class begins.
type place struct {
	at, class int32
}

// levels are made each from the one before it, and used from the last to the
// first.
type levels struct {
	base int32 // the length of the stretches of the first level
	n    int32 // how many levels there are
	all  []level
	b    []place // the stretches of b, backwards
	used []uint8 // by class plus one: 1 if a has it

	// Classes by the keys of their stretches.
	table   []int32 // class plus one, or 0
	each    int32   // if not 0, the table is by number: class*each+symbol
	classes int32   // how many are in such a table
	shift   uint
	keys    []uint64 // by class

	inA, inB []gram
	filter   filter

	gaps, left []gap
}

// bases are the lengths from which on the runs of a gap are taken, one after the
// other: what is longer cuts a gap into many, and in a small one there is less
// to number. A large one is worth it.
const (
	longBase = 8
	large    = 256
)

// short takes all runs of a gap.
func (s *search) short(g gap) {
	if s.symbols <= mostSymbols && min(g.ahi-g.alo, g.bhi-g.blo) > large {
		rest := s.down(g, longBase)
		s.rest = append(s.rest[:0], rest...)
		for _, g := range s.rest {
			s.last(g)
		}
		return
	}
	s.last(g)
}

// last takes the runs of a gap, down to single elements.
func (s *search) last(g gap) {
	var left []gap
	if s.narrow(g) {
		left = s.strip(g)
	} else {
		left = s.down(g, 1)
	}
	for _, g := range left {
		s.corner(g)
	}
}

// down takes the runs of a gap that have n elements at least, and returns the
// gaps that are left.
func (s *search) down(g gap, n int32) []gap {
	l := &s.levels
	a, b := s.keenA[g.alo:g.ahi], s.keenB[g.blo:g.bhi]
	l.base, l.n = n, 0
	var more bool
	if n == 1 {
		more = l.symbols(s.symbols, a, b)
	} else {
		more = l.grams(a, b)
	}
	for more && !s.giveUp() {
		l.n++
		more = l.add(s.symbols, a, b)
	}
	l.gaps = append(l.gaps[:0], g)
	for ; l.n > 0 && len(l.gaps) > 0 && !s.giveUp(); l.n-- {
		l.left = l.left[:0]
		s.walk(g)
		l.gaps, l.left = l.left, l.gaps
	}
	return l.gaps
}

// symbols makes the level of single elements, whose classes are the symbols, and
// reports whether there are any that both texts have.
func (l *levels) symbols(symbols int, a, b []int32) bool {
	up := l.level(0, len(a), len(b))
	up.first = empty(up.first, symbols)
	l.b = grownPlaces(l.b, len(b))[:0]
	for j := len(b) - 1; j >= 0; j-- {
		if c := b[j]; c >= 0 {
			up.next[j] = up.first[c]
			up.first[c] = int32(j + 1)
			l.b = append(l.b, place{int32(j), c})
		}
	}
	l.mark(symbols)
	k := 0
	for i, c := range a {
		if c >= 0 && up.first[c] > 0 {
			l.used[c+1] = 1
			up.a[k] = place{int32(i), c}
			k++
		}
	}
	up.a = up.a[:k]
	l.keep()
	return k > 0
}

// grams makes the level of stretches of base elements, of texts with symbols of a
// byte, and reports whether there are any that both texts have.
func (l *levels) grams(a, b []int32) bool {
	// Most are in one text only, and never come to the table.
	inA, inB := grams(a, &l.inA), grams(b, &l.inB)
	inA = l.filter.common(inA, inB)
	inB = l.filter.common(inB, inA)

	up := l.level(0, len(inA), len(b))
	l.clear(len(inB))
	up.first = up.first[:0]
	l.b = grownPlaces(l.b, len(inB))[:0]
	for k := len(inB) - 1; k >= 0; k-- {
		j := inB[k].at
		class := l.class(inB[k].word)
		if int(class) == len(up.first) {
			up.first = append(up.first, 0)
		}
		up.next[j] = up.first[class]
		up.first[class] = j + 1
		l.b = append(l.b, place{j, class})
	}
	l.mark(len(up.first))
	k := 0
	for _, g := range inA {
		class := l.find(g.word)
		l.used[class+1] = 1
		up.a[k] = place{g.at, class}
		k += int(uint32(^class) >> 31)
	}
	up.a = up.a[:k]
	l.keep()
	return k > 0
}

// add makes the next level, of stretches with one element more, and reports
// whether there are any that both texts have.
func (l *levels) add(symbols int, a, b []int32) bool {
	n := l.base + l.n - 1 // the length of those below
	below := l.all[l.n-1].a
	up := l.level(int(l.n), len(below), len(b))
	l.clearFor(len(l.all[l.n-1].first), symbols, len(l.b))
	up.first = up.first[:0]
	kept := l.b[:0]
	end := int32(len(b)) - n
	for _, p := range l.b {
		if p.at >= end {
			continue
		}
		c := b[p.at+n]
		if c < 0 {
			continue
		}
		class := l.longer(p.class, c)
		if int(class) == len(up.first) {
			up.first = append(up.first, 0)
		}
		up.next[p.at] = up.first[class]
		up.first[class] = p.at + 1
		kept = append(kept, place{p.at, class})
	}
	l.b = kept

	l.mark(len(up.first))
	k := 0
	end = int32(len(a)) - n
	for _, p := range below {
		if p.at >= end {
			break
		}
		c := a[p.at+n]
		if c < 0 {
			continue
		}
		// Without a branch, which nobody could foretell.
		class := l.findLonger(p.class, c)
		l.used[class+1] = 1
		up.a[k] = place{p.at, class}
		k += int(uint32(^class) >> 31)
	}
	up.a = up.a[:k]
	l.keep()
	return k > 0
}

// level makes room for a level.
func (l *levels) level(n, placesA, lenB int) *level {
	if len(l.all) == n {
		l.all = append(l.all, level{})
	}
	up := &l.all[n]
	up.a, up.next = grownPlaces(up.a, placesA+1), grown(up.next, lenB)
	return up
}

// mark notes that a has no stretch of any class.
func (l *levels) mark(classes int) {
	if cap(l.used) < classes+1 {
		l.used = make([]uint8, classes+classes/4+1)
	}
	l.used = l.used[:classes+1]
	clear(l.used)
}

// keep drops the stretches that a does not have.
func (l *levels) keep() {
	k := 0
	for _, p := range l.b {
		l.b[k] = p
		k += int(l.used[p.class+1])
	}
	l.b = l.b[:k]
}

func grownPlaces(s []place, n int) []place {
	if cap(s) < n {
		return make([]place, n+n/4)[:n]
	}
	return s[:n]
}

// clearFor empties the table, and makes room for n classes, of stretches with one of
// so many symbols behind one of so many classes. Where a table by number is not much
// larger, there is nothing to be hashed.
func (l *levels) clearFor(below, symbols, n int) {
	if all := below * symbols; all <= 64*n {
		l.table = empty(l.table, all)
		l.each, l.classes = int32(symbols), 0
		return
	}
	l.each = 0
	l.clear(n)
}

// clear empties the table, and makes room for n classes by the hash of their keys.
func (l *levels) clear(n int) {
	size := 16
	l.shift = 60
	for size < 2*n {
		size *= 2
		l.shift--
	}
	if cap(l.table) < size {
		l.table = make([]int32, size)
	}
	l.table = l.table[:size]
	clear(l.table)
	l.keys = l.keys[:0]
}

// longer returns the class of a stretch by the class of all but its last element,
// and that: a new one if there is none.
func (l *levels) longer(class, last int32) int32 {
	if l.each == 0 {
		return l.class(uint64(class)<<32 | uint64(last))
	}
	slot := &l.table[class*l.each+last]
	if *slot == 0 {
		l.classes++
		*slot = l.classes
	}
	return *slot - 1
}

// findLonger does the same, and returns -1 if there is none.
func (l *levels) findLonger(class, last int32) int32 {
	if l.each == 0 {
		return l.find(uint64(class)<<32 | uint64(last))
	}
	return l.table[class*l.each+last] - 1
}

// class returns the class of a stretch by its key, a new one if there is none.
func (l *levels) class(key uint64) int32 {
	mask := uint64(len(l.table) - 1)
	for h := key * spread >> l.shift; ; h++ {
		slot := &l.table[h&mask]
		if *slot == 0 {
			l.keys = append(l.keys, key)
			*slot = int32(len(l.keys))
			return int32(len(l.keys) - 1)
		}
		if class := *slot - 1; l.keys[class] == key {
			return class
		}
	}
}

// find returns the class of a stretch by its key, or -1.
func (l *levels) find(key uint64) int32 {
	mask := uint64(len(l.table) - 1)
	for h := key * spread >> l.shift; ; h++ {
		class := l.table[h&mask] - 1
		if class < 0 || l.keys[class] == key {
			return class
		}
	}
}

// walk takes the runs of the highest level's length from the gaps that are left
// within a gap, none of which holds a longer one.
func (s *search) walk(whole gap) {
	l := &s.levels
	n := l.base + l.n - 1
	up := &l.all[l.n-1]
	places := up.a
	for _, g := range l.gaps {
		for len(places) > 0 {
			p := places[0]
			i := p.at + whole.alo
			if i+n > g.ahi {
				if i >= g.ahi {
					break
				}
				places = places[1:] // it is in no other gap either
				continue
			}
			places = places[1:]
			if i < g.alo {
				continue
			}
			at := up.first[p.class]
			for at > 0 && at-1 < g.blo-whole.blo {
				at = up.next[at-1] // never asked for again
			}
			up.first[p.class] = at
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
		}
		if !g.empty() {
			l.left = append(l.left, g)
		}
	}
}
