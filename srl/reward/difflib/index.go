package difflib

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"
)

// An Indexed text is the second of many pairs, such as an expert's action with
// which many rollouts are compared. It never changes, and many goroutines may
// compare with it at once.
type Indexed struct {
	text    string
	symbols numbering
	b       []int32  // the text as symbols
	keen    []int32  // the same, with none in place of what starts no match
	dull    []bool   // the symbols that start no match; empty if all do
	seeds   [2]seeds // from the longest to the shortest
	long    bool     // the longest are there
	bored   []int32  // room for keen
}

// Up to these lengths of a text the shorter seeds are enough: of any, and of one
// that seldom repeats itself. Where they stand again and again, each is followed.
const (
	small  = 256
	medium = 2048
)

// What stands for elements that cannot match, in a and in b: they differ.
const (
	noneInA int32 = -1
	noneInB int32 = -2
)

// Index prepares a text for comparisons in which it is the second one.
func Index(b string, autojunk bool) *Indexed {
	x := &Indexed{}
	x.index(b, autojunk)
	return x
}

// index prepares a text. What was prepared before is forgotten.
func (x *Indexed) index(b string, autojunk bool) {
	x.text = b
	x.b = x.symbols.number(b, x.b[:0])
	x.keen, x.dull = x.b, x.dull[:0]
	if autojunk && len(x.b) >= 200 {
		x.bore(int32(len(x.b)/100 + 1))
	}
	again := x.seeds[1].plant(x.keen, 16, 8)
	x.long = len(x.b) > medium || len(x.b) > small && again > len(x.b)/8/4
	if x.long {
		x.seeds[0].plant(x.keen, 32, 32)
	}
}

// bore makes those symbols dull that occur more than most times.
func (x *Indexed) bore(most int32) {
	counts := make([]int32, x.symbols.n)
	for _, s := range x.b {
		counts[s]++
	}
	if slices.Max(counts) <= most {
		return
	}
	for _, n := range counts {
		x.dull = append(x.dull, n > most)
	}
	x.bored = grown(x.bored, len(x.b))
	x.keen = x.bored
	for j, s := range x.b {
		x.keen[j] = s
		if x.dull[s] {
			x.keen[j] = noneInB
		}
	}
}

// Compare compares a text with the indexed one, which is the second.
func (x *Indexed) Compare(a string) Match {
	m, _ := x.CompareContext(context.Background(), a) // which does not end
	return m
}

// CompareContext is Compare, given up soon after ctx ends: the error is then
// ctx.Err(). Soon is milliseconds, and less than half a second for texts of
// 100,000 code points that are made to be hard.
func (x *Indexed) CompareContext(ctx context.Context, a string) (Match, error) {
	if a == x.text {
		// The search would find the whole text too: the first longest run lies
		// on the diagonal, and is extended along it to both ends.
		n := len(x.b)
		if n == 0 {
			return Match{Ratio: 1, Blocks: []Block{{}}}, nil
		}
		return Match{Ratio: 1, Blocks: []Block{{Size: n}, {A: n, B: n}}}, nil
	}
	s := newSearch()
	defer s.release()
	if err := s.find(ctx, x, a); err != nil {
		return Match{}, err
	}
	return Match{Ratio: s.ratio(), Blocks: s.blocks()}, nil
}

// Ratio is CompareContext without the blocks, and allocates nothing.
func (x *Indexed) Ratio(ctx context.Context, a string) (float64, error) {
	if a == x.text {
		return 1, nil
	}
	s := newSearch()
	defer s.release()
	if err := s.find(ctx, x, a); err != nil {
		return 0, err
	}
	return s.ratio(), nil
}

// A numbering gives code points small numbers in the order of their first
// appearance. Most text is ASCII, which needs no map.
type numbering struct {
	ascii  [utf8.RuneSelf]int32 // number plus one; zero if not seen
	others map[rune]int32
	n      int32
}

// number numbers the code points of s, from zero on, and appends the numbers.
func (n *numbering) number(s string, to []int32) []int32 {
	n.ascii, n.n = [utf8.RuneSelf]int32{}, 0
	clear(n.others)
	to = slices.Grow(to, len(s))
	for len(s) > 0 {
		if c := s[0]; c < utf8.RuneSelf {
			if n.ascii[c] == 0 {
				n.n++
				n.ascii[c] = n.n
			}
			to = append(to, n.ascii[c]-1)
			s = s[1:]
			continue
		}
		r, size := point(s)
		symbol, ok := n.others[r]
		if !ok {
			if n.others == nil {
				n.others = make(map[rune]int32)
			}
			symbol = n.n
			n.others[r] = symbol
			n.n++
		}
		to = append(to, symbol)
		s = s[size:]
	}
	return to
}

// read appends the symbols of a text, noneInA for what has none.
func (n *numbering) read(s string, to []int32) []int32 {
	to = slices.Grow(to, len(s))
	for len(s) > 0 {
		if c := s[0]; c < utf8.RuneSelf {
			to = append(to, n.ascii[c]-1) // which is noneInA for zero
			s = s[1:]
			continue
		}
		r, size := point(s)
		symbol, ok := n.others[r]
		if !ok {
			symbol = noneInA
		}
		to = append(to, symbol)
		s = s[size:]
	}
	return to
}

// point returns the first element of s, and how many bytes it takes: a code point,
// a surrogate that stands alone as WTF-8 writes it, or else a byte, as a number
// that is no code point.
func point(s string) (r rune, size int) {
	r, size = utf8.DecodeRuneInString(s)
	if r != utf8.RuneError || size != 1 {
		return r, size
	}
	if isSurrogate(s) {
		return 0xD000 | rune(s[1]&0x3F)<<6 | rune(s[2]&0x3F), 3
	}
	return utf8.MaxRune + 1 + rune(s[0]), 1
}

// isSurrogate reports whether s begins with a surrogate, U+D800 to U+DFFF, in the
// three bytes that UTF-8 would give it if it had any.
func isSurrogate(s string) bool {
	return len(s) >= 3 && s[0] == 0xED && s[1] >= 0xA0 && s[1] <= 0xBF && s[2] >= 0x80 && s[2] <= 0xBF
}

// points is the number of elements of s.
func points(s string) int {
	n := utf8.RuneCountInString(s)
	for {
		i := strings.IndexByte(s, 0xED)
		if i < 0 {
			return n
		}
		if s = s[i:]; isSurrogate(s) {
			n -= 2 // each of its bytes was counted
		}
		s = s[1:]
	}
}
