// Package difflib compares texts as Python's difflib does, to the bit, in a
// small part of the time.
//
// # What is computed
//
// SequenceMatcher takes the longest run that two texts have in common, of
// several the one that starts first in a, then first in b; it does the same
// left of it and right of it, until nothing is left in common. Its ratio is
// twice the number of matched elements by the number of all.
//
// # How
//
// CPython searches each pair of ranges anew, element by element, which is
// quadratic at best. Here the runs of all lengths are found once, for all
// ranges together:
//
//   - Long runs are found from seeds: stretches of 32, then of 16 elements (in small
//     texts that seldom repeat themselves of 16 only), from every so many places of
//     b, by their hash. They are followed to their ends, and taken from the longest
//     to the shortest. What is taken cuts the texts into gaps; a run that crosses the
//     edge of a gap is cut there, and waits for its new length. Then nothing in any
//     gap is longer than 22.
//   - In a large gap, stretches of eight elements that both texts have are numbered
//     by content, then those of 9, 10 and so on, each length from the one before
//     it, by a table of what the shorter stretch and its next element give, or by
//     their hash. What is in one text only is dropped on the way, so the lists
//     become short quickly. One walk over all gaps for each length, from the greatest
//     down to eight, finds what the search in each of them would have found.
//     Walking forwards, the first place in b that a stretch may match only moves
//     forwards, so a walk is linear.
//   - What is left is short on one side at least. There the places in b of a
//     stretch are bits, 64 to a word: those of a stretch with one element more
//     are those of the stretch and those of the element, moved. It begins with
//     two elements, of which a filter knows most that b does not have. The walks
//     are the same.
//
// The order in which gaps are searched makes no difference to what is found in
// each of them, which is why the result is the original's.
package difflib

import "sync"

// A Block is a stretch of elements that two texts have in common: Size of them,
// from element A of the first text and from element B of the second.
type Block struct {
	A, B, Size int
}

// A Match is what two texts have in common.
type Match struct {
	// Ratio is 2*M/T, where M is the number of elements in the blocks and T
	// that of both texts together; 1 for two empty texts.
	Ratio float64
	// Blocks are the matching blocks in increasing order of A and of B.
	// Neighbours that touch in both texts are one block. The last one is
	// always {len(a), len(b), 0}.
	Blocks []Block
}

// Compare compares two texts code point by code point, exactly as CPython's
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
// A Python str may hold surrogates that stand alone, U+D800 to U+DFFF, which UTF-8
// cannot write. In the three bytes that WTF-8 gives it, such a one counts as the
// code point that it is there. Any other byte that is part of no code point is an
// element that equals the same byte only, as it is for CPython in text decoded by
// the error handler "surrogateescape".
//
// The time is near linear for texts that people and models write. For some that
// are made to be hard, such as one letter again and again, it is quadratic: about
// len(a)*len(b)/4 nanoseconds, where CPython takes hundreds of times as long.
func Compare(a, b string, autojunk bool) Match {
	if apart(a, b) {
		return Match{Blocks: []Block{{A: points(a), B: points(b)}}}
	}
	x := spare.Get().(*Indexed)
	x.index(b, autojunk)
	m := x.Compare(a)
	x.text = "" // the pool holds no text
	spare.Put(x)
	return m
}

// apart reports whether two texts have no byte in common, and so nothing at all.
func apart(a, b string) bool {
	const some = 64 // will have one in nearly all texts
	var seen byteSet
	seen.add(a[:min(some, len(a))])
	if seen.have(b[:min(some, len(b))]) {
		return false
	}
	seen.add(a)
	return len(a) > 0 && len(b) > 0 && !seen.have(b)
}

// byteSet is a set of bytes.
type byteSet [4]uint64

func (s *byteSet) add(text string) {
	for i := range len(text) {
		s[text[i]/64] |= 1 << (text[i] % 64)
	}
}

func (s *byteSet) have(text string) bool {
	for i := range len(text) {
		if s[text[i]/64]>>(text[i]%64)&1 != 0 {
			return true
		}
	}
	return false
}

// spare are indexes that nobody uses at the moment, with their memory.
var spare = sync.Pool{New: func() any { return &Indexed{} }}
