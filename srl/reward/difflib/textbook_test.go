package difflib_test

import (
	"slices"
	"unicode/utf8"

	"github.com/apprentice-rl/apprentice/srl/reward/difflib"
)

// textbook compares two texts as CPython's code does, range by range and element
// by element. It is slow, and it is plain to see what it does.
func textbook(a, b string, autojunk bool) difflib.Match {
	as, bs := decode(a), decode(b)
	end := difflib.Block{A: len(as), B: len(bs)}
	if len(as) == 0 && len(bs) == 0 {
		return difflib.Match{Ratio: 1, Blocks: []difflib.Block{end}}
	}
	m := newMatcher(as, bs, autojunk)
	m.match(0, len(as), 0, len(bs))
	matched := 0
	for _, block := range m.blocks {
		matched += block.Size
	}
	return difflib.Match{
		Ratio:  2 * float64(matched) / float64(len(as)+len(bs)),
		Blocks: append(m.blocks, end),
	}
}

// decode returns the code points of s, lone surrogates in WTF-8 among them, and
// numbers below zero for the bytes that are part of none.
func decode(s string) []rune {
	points := make([]rune, 0, len(s))
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			r = -rune(s[i])
			if rest := s[i:]; len(rest) > 2 && rest[0] == 0xED && rest[1]&0xE0 == 0xA0 && rest[2]&0xC0 == 0x80 {
				r, size = rune(rest[0]&0xF)<<12|rune(rest[1]&0x3F)<<6|rune(rest[2]&0x3F), 3
			}
		}
		points = append(points, r)
		i += size
	}
	return points
}

// A matcher holds two texts as symbols: small numbers that stand for the
// distinct code points of b.
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
	blocks    []difflib.Block
}

func newMatcher(a, b []rune, autojunk bool) *matcher {
	symbols := map[rune]int32{}
	m := &matcher{
		a:    make([]int32, len(a)),
		b:    make([]int32, len(b)),
		prev: make([]int32, len(b)+1),
		row:  make([]int32, len(b)+1),
	}
	var counts []int32
	for j, r := range b {
		s, ok := symbols[r]
		if !ok {
			s = int32(len(counts))
			symbols[r] = s
			counts = append(counts, 0)
		}
		counts[s]++
		m.b[j] = s
	}
	other := int32(len(counts))
	for i, r := range a {
		m.a[i] = other
		if s, ok := symbols[r]; ok {
			m.a[i] = s
		}
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
func (m *matcher) add(block difflib.Block) {
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
func (m *matcher) longest(alo, ahi, blo, bhi int) difflib.Block {
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

	block := difflib.Block{A: iend - int(size), B: jend - int(size), Size: int(size)}
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
