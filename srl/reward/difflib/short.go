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
	all  []level
	b    []place // the stretches of b, backwards
	used []bool  // by class: a has it

	// The class of a stretch is that of the stretch without its last element,
	// and that element. table finds it by the hash of both.
	table []int32 // class plus one, or 0
	shift uint
	keys  []uint64 // by class

	gaps, left []gap
}

// short takes all runs of a gap.
func (s *search) short(g gap) {
	l := &s.levels
	a, b := s.keenA[g.alo:g.ahi], s.keenB[g.blo:g.bhi]
	n := int32(0)
	for l.add(n, a, b) {
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
func (l *levels) add(n int32, a, b []int32) bool {
	if len(l.all) == int(n) {
		l.all = append(l.all, level{})
	}
	up := &l.all[n]
	var below []place
	if n == 0 {
		l.b = grownPlaces(l.b, len(b))
		for j := range b {
			l.b[len(b)-1-j] = place{at: int32(j)}
		}
		up.a = grownPlaces(up.a, len(a))
		for i := range a {
			up.a[i] = place{at: int32(i)}
		}
		below = up.a
	} else {
		below = l.all[n-1].a
	}
	l.begin(len(l.b))
	up.next = grown(up.next, len(b))
	up.first = up.first[:0]

	kept := l.b[:0]
	for _, p := range l.b {
		if int(p.at+n) >= len(b) {
			continue
		}
		c := b[p.at+n]
		if c < 0 {
			continue
		}
		class := l.class(p.class, c)
		if int(class) == len(up.first) {
			up.first = append(up.first, 0)
		}
		up.next[p.at] = up.first[class]
		up.first[class] = p.at + 1
		kept = append(kept, place{p.at, class})
	}
	l.b = kept

	if cap(l.used) < len(up.first) {
		l.used = make([]bool, 2*len(up.first))
	}
	used := l.used[:len(up.first)]
	clear(used)
	up.a = grownPlaces(up.a, len(below))
	k := 0
	for _, p := range below {
		if int(p.at+n) >= len(a) {
			continue
		}
		c := a[p.at+n]
		if c < 0 {
			continue
		}
		if class := l.find(p.class, c); class >= 0 {
			used[class] = true
			up.a[k] = place{p.at, class}
			k++
		}
	}
	up.a = up.a[:k]
	if k == 0 {
		return false
	}
	kept = l.b[:0]
	for _, p := range l.b {
		if used[p.class] {
			kept = append(kept, p)
		}
	}
	l.b = kept
	return true
}

func grownPlaces(s []place, n int) []place {
	if cap(s) < n {
		return make([]place, n+n/4)[:n]
	}
	return s[:n]
}

// begin empties the table, and makes room for n classes.
func (l *levels) begin(n int) {
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

// class returns the class of a stretch, a new one if there is none.
func (l *levels) class(without, last int32) int32 {
	key := uint64(without)<<32 | uint64(last)
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

// find returns the class of a stretch, or -1.
func (l *levels) find(without, last int32) int32 {
	key := uint64(without)<<32 | uint64(last)
	mask := uint64(len(l.table) - 1)
	for h := key * spread >> l.shift; ; h++ {
		class := l.table[h&mask] - 1
		if class < 0 || l.keys[class] == key {
			return class
		}
	}
}

// walk takes the runs of n elements from the gaps that are left within a gap,
// none of which holds a longer one.
func (s *search) walk(whole gap, n int32) {
	l := &s.levels
	up := &l.all[n-1]
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
