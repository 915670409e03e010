package reward

import (
	"slices"
	"unicode/utf8"
)

// A Block is a stretch of code points that two texts have in common: Size code
// points, from code point A of the first text and from code point B of the
// second.
type Block struct {
	A, B, Size int
}

// A Match is what Difflib finds.
type Match struct {
	// Ratio is 2*M/T, where M is the number of code points in the blocks and
	// T the number of code points of both texts together; 1 for two empty
	// texts.
	Ratio float64
	// Blocks are the matching blocks in increasing order of A and of B.
	// Neighbours that touch in both texts are one block. The last one is
	// always {len(a), len(b), 0}.
	Blocks []Block
}

// Difflib compares two texts code point by code point, exactly as CPython's
//
//	difflib.SequenceMatcher(None, a, b, autojunk=autojunk)
//
// does: Ratio is the float of ratio(), to the bit, and Blocks is
// get_matching_blocks(). The order of the texts matters, for the result is not
// symmetric; a reward passes the model's text first and the expert's second.
//
// With autojunk, a code point that makes up more than 1 % of b (more than
// len(b)/100+1 occurrences) starts no match if b has 200 code points or more.
// It may still extend one.
//
// In text that is not UTF-8, each byte that is part of no code point counts as
// one element that equals the same byte only. This is what CPython does with
// text decoded by the error handler "surrogateescape".
//
// The time is quadratic in the worst case.
func Difflib(a, b string, autojunk bool) Match {
	as, bs := decode(a), decode(b)
	end := Block{A: len(as), B: len(bs)}
	switch {
	case len(as) == 0 && len(bs) == 0:
		return Match{Ratio: 1, Blocks: []Block{end}}
	case a == b:
		// The search finds the whole text too: the first longest run lies on
		// the diagonal, and is extended along it to both ends.
		return Match{Ratio: 1, Blocks: []Block{{Size: len(as)}, end}}
	}

	m := newMatcher(as, bs, autojunk)
	m.match(0, len(as), 0, len(bs))

	matched := 0
	for _, block := range m.blocks {
		matched += block.Size
	}
	return Match{
		Ratio:  2 * float64(matched) / float64(len(as)+len(bs)),
		Blocks: append(m.blocks, end),
	}
}

// decode returns the code points of s, and the lone surrogates U+DC80 to
// U+DCFF, which no valid text holds, for the bytes that are part of none.
func decode(s string) []rune {
	points := make([]rune, 0, len(s))
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			r = 0xDC00 + rune(s[i])
		}
		points = append(points, r)
		i += size
	}
	return points
}

// A matcher holds two texts as symbols: small numbers that stand for the
// distinct code points of b. All tables are dense slices, because a map in the
// innermost loop is what makes the original slow.
type matcher struct {
	a, b []int32
	// positions[s] are the positions of symbol s in b, increasing; none for
	// popular symbols, and none for the last symbol, which stands for every
	// code point that b does not have.
	positions [][]int32
	// prev and row are two rows of run lengths: prev[j] is the length of the
	// common run that ends before (i, j), row is the next one in the making.
	// Both are zero between searches.
	prev, row []int32
	blocks    []Block
}

func newMatcher(a, b []rune, autojunk bool) *matcher {
	symbols := newNumbering()
	m := &matcher{
		a:    make([]int32, len(a)),
		b:    make([]int32, len(b)),
		prev: make([]int32, len(b)+1),
		row:  make([]int32, len(b)+1),
	}
	var counts []int32
	for j, r := range b {
		s := symbols.add(r)
		if int(s) == len(counts) {
			counts = append(counts, 0)
		}
		counts[s]++
		m.b[j] = s
	}
	other := int32(len(counts))
	for i, r := range a {
		m.a[i] = symbols.get(r, other)
	}

	popular := int32(len(b)) // more than can occur, so that nothing is popular
	if autojunk && len(b) >= 200 {
		popular = int32(len(b)/100 + 1)
	}
	m.positions = make([][]int32, len(counts)+1)
	room := make([]int32, len(b))
	for s, n := range counts {
		if n <= popular {
			m.positions[s], room = room[:0:n], room[n:]
		}
	}
	for j, s := range m.b {
		if cap(m.positions[s]) > 0 {
			m.positions[s] = append(m.positions[s], int32(j))
		}
	}
	return m
}

// match appends the matching blocks of a[alo:ahi] and b[blo:bhi]: those left
// of the longest one, the longest one, and those right of it.
func (m *matcher) match(alo, ahi, blo, bhi int) {
	longest := m.longest(alo, ahi, blo, bhi)
	if longest.Size == 0 {
		return
	}
	if alo < longest.A && blo < longest.B {
		m.match(alo, longest.A, blo, longest.B)
	}
	m.add(longest)
	aend, bend := longest.A+longest.Size, longest.B+longest.Size
	if aend < ahi && bend < bhi {
		m.match(aend, ahi, bend, bhi)
	}
}

// add appends a block, or lengthens the last one if they touch.
func (m *matcher) add(block Block) {
	if n := len(m.blocks); n > 0 {
		last := &m.blocks[n-1]
		if last.A+last.Size == block.A && last.B+last.Size == block.B {
			last.Size += block.Size
			return
		}
	}
	m.blocks = append(m.blocks, block)
}

// longest returns the longest block common to a[alo:ahi] and b[blo:bhi]; among
// equally long ones the one that starts first in a, then first in b. Popular
// symbols do not start a block but extend one, if need be an empty one at the
// start of both ranges.
func (m *matcher) longest(alo, ahi, blo, bhi int) Block {
	iend, jend, size := alo, blo, int32(0)
	prev, row := m.prev, m.row
	var before []int32 // where prev is not zero
	for i := alo; i < ahi; i++ {
		here := within(m.positions[m.a[i]], blo, bhi)
		for _, j := range here {
			run := prev[j] + 1
			row[j+1] = run
			if run > size {
				iend, jend, size = i+1, int(j)+1, run
			}
		}
		for _, j := range before {
			prev[j+1] = 0
		}
		prev, row, before = row, prev, here
	}
	for _, j := range before {
		prev[j+1] = 0
	}

	block := Block{A: iend - int(size), B: jend - int(size), Size: int(size)}
	for block.A > alo && block.B > blo && m.a[block.A-1] == m.b[block.B-1] {
		block.A, block.B, block.Size = block.A-1, block.B-1, block.Size+1
	}
	for iend < ahi && jend < bhi && m.a[iend] == m.b[jend] {
		iend, jend, block.Size = iend+1, jend+1, block.Size+1
	}
	return block
}

// within returns the part of the increasing positions that lies in [lo, hi).
func within(positions []int32, lo, hi int) []int32 {
	if len(positions) == 0 || int(positions[0]) >= lo && int(positions[len(positions)-1]) < hi {
		return positions
	}
	from, _ := slices.BinarySearch(positions, int32(lo))
	to, _ := slices.BinarySearch(positions[from:], int32(hi))
	return positions[from : from+to]
}

// A numbering gives code points small numbers in the order of their first
// appearance. Most text is ASCII, which needs no map.
type numbering struct {
	ascii  [utf8.RuneSelf]int32 // number plus one; zero if not seen
	others map[rune]int32
	n      int32
}

func newNumbering() *numbering {
	return &numbering{others: make(map[rune]int32)}
}

// get returns the number of r, or other if it has none.
func (n *numbering) get(r rune, other int32) int32 {
	if r < utf8.RuneSelf {
		if n.ascii[r] == 0 {
			return other
		}
		return n.ascii[r] - 1
	}
	if s, ok := n.others[r]; ok {
		return s
	}
	return other
}

// add returns the number of r, a new one if it has none.
func (n *numbering) add(r rune) int32 {
	s := n.get(r, n.n)
	if s == n.n {
		n.n++
		if r < utf8.RuneSelf {
			n.ascii[r] = s + 1
		} else {
			n.others[r] = s
		}
	}
	return s
}
