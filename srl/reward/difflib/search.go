package difflib

import (
	"context"
	"slices"
	"sync"
)

// A search compares one pair of texts. It is used again for other pairs, so
// that their comparison need not begin with much empty memory.
type search struct {
	a, b         []int32 // as symbols; those of a that b does not have are noneInA
	keenA, keenB []int32 // the same without what starts no match
	dull         bool    // there is such
	bored        []int32 // room for keenA
	symbols      int     // that b has

	// gaps are where nothing has been taken yet, in their order.
	gaps []gap
	// size[i] is the length of the block that begins at a[i], to[i] its place
	// in b.
	size, to []int32
	noted    int // how many were noted
	matched  int // the sum of their lengths

	waiting waiting
	known   []int32
	levels  levels
	strips  strips
	rest    []gap

	until  <-chan struct{} // when it is closed, nobody waits for the result
	gaveUp bool            // for that reason
}

// A gap is a pair of ranges, a[alo:ahi] and b[blo:bhi], that lies between
// blocks and is empty on neither side.
type gap struct {
	alo, ahi, blo, bhi int32
}

func (g gap) empty() bool { return g.alo >= g.ahi || g.blo >= g.bhi }

// free are searches that nobody uses at the moment, with their memory.
var free = sync.Pool{New: func() any { return &search{} }}

func newSearch() *search { return free.Get().(*search) }

func (s *search) release() {
	s.b, s.keenB = nil, nil // they belong to the index
	s.until, s.gaveUp = nil, false
	free.Put(s)
}

// find finds all blocks of a pair. The error is that of ctx.
func (s *search) find(ctx context.Context, x *Indexed, text string) error {
	s.until = ctx.Done()
	s.begin(x, text)
	for i := range x.seeds {
		if i > 0 || x.long {
			s.long(&x.seeds[i])
		}
	}
	for _, g := range s.gaps {
		if s.giveUp() {
			break
		}
		s.short(g)
	}
	if s.gaveUp {
		return ctx.Err()
	}
	return nil
}

// begin makes ready for a pair.
func (s *search) begin(x *Indexed, text string) {
	s.b, s.keenB, s.dull, s.symbols = x.b, x.keen, len(x.dull) > 0, int(x.symbols.n)
	s.a = x.symbols.read(text, s.a[:0])
	s.keenA = s.a
	if s.dull {
		s.bored = grown(s.bored, len(s.a))
		s.keenA = s.bored
		for i, c := range s.a {
			s.keenA[i] = c
			if c >= 0 && x.dull[c] {
				s.keenA[i] = noneInA
			}
		}
	}
	s.size, s.to = empty(s.size, len(s.a)), grown(s.to, len(s.a))
	s.noted, s.matched = 0, 0
	s.gaps = s.gaps[:0]
	whole := gap{0, int32(len(s.a)), 0, int32(len(s.b))}
	if !whole.empty() && slices.ContainsFunc(s.a, func(c int32) bool { return c >= 0 }) {
		s.gaps = append(s.gaps, whole)
	}
}

// grown returns a slice of n elements with any content, that of s if it is
// large enough.
func grown(s []int32, n int) []int32 {
	if cap(s) < n {
		return make([]int32, n+n/4)[:n]
	}
	return s[:n]
}

// empty is grown with zeros.
func empty(s []int32, n int) []int32 {
	s = grown(s, n)
	clear(s)
	return s
}

// giveUp reports whether nobody waits for the result any more. It is asked
// where much work may come, and then all loops end.
func (s *search) giveUp() bool {
	if !s.gaveUp {
		select {
		case <-s.until:
			s.gaveUp = true
		default:
		}
	}
	return s.gaveUp
}

// take notes a block within a gap, lengthened to both sides by what is equal,
// and returns the gaps before and after it, which may be empty.
func (s *search) take(g gap, i, j, k int32) (before, after gap) {
	end := i + k
	if s.dull { // else it could not be longer
		for i > g.alo && j > g.blo && s.a[i-1] == s.b[j-1] {
			i, j = i-1, j-1
		}
		for d := j - i; end < g.ahi && end+d < g.bhi && s.a[end] == s.b[end+d]; {
			end++
		}
	}
	s.note(i, j, end-i)
	return gap{g.alo, i, g.blo, j}, gap{end, g.ahi, end + j - i, g.bhi}
}

// corner takes what the original takes of a gap where nothing starts a match:
// what is equal from the beginning of both ranges.
func (s *search) corner(g gap) {
	if !s.dull {
		return
	}
	k := int32(0)
	for g.alo+k < g.ahi && g.blo+k < g.bhi && s.a[g.alo+k] == s.b[g.blo+k] {
		k++
	}
	s.note(g.alo, g.blo, k)
}

// note notes a block.
func (s *search) note(i, j, k int32) {
	s.size[i], s.to[i] = k, j
	s.noted++
	s.matched += int(k)
}

// ratio is that of what was found.
func (s *search) ratio() float64 {
	return 2 * float64(s.matched) / float64(len(s.a)+len(s.b))
}

// blocks returns the blocks, and the end.
func (s *search) blocks() []Block {
	blocks := make([]Block, 0, s.noted+1)
	for i := 0; i < len(s.size); {
		k := int(s.size[i])
		if k == 0 {
			i++
			continue
		}
		if n := len(blocks); n > 0 && blocks[n-1].A+blocks[n-1].Size == i && blocks[n-1].B+blocks[n-1].Size == int(s.to[i]) {
			blocks[n-1].Size += k
		} else {
			blocks = append(blocks, Block{A: i, B: int(s.to[i]), Size: k})
		}
		i += k
	}
	return append(blocks, Block{A: len(s.a), B: len(s.b)})
}
