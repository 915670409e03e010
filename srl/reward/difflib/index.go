package difflib

import (
	"context"
	"unicode/utf8"
)

// An Indexed text is the second of many pairs, such as an expert's action with
// which many rollouts are compared. It never changes, and many goroutines may
// compare with it at once.
type Indexed struct {
	text    string
	symbols numbering
	b       []int32 // the text as symbols
	keen    []int32 // the same, with none in place of what starts no match
	dull    []bool  // the symbols that start no match; nil if all do
	seeds   []seeds // from the longest to the shortest
}

// What stands for elements that cannot match, in a and in b: they differ.
const (
	noneInA int32 = -1
	noneInB int32 = -2
)

// Index prepares a text for comparisons in which it is the second one.
func Index(b string, autojunk bool) *Indexed {
	x := &Indexed{text: b}
	x.b = make([]int32, 0, len(b))
	points(b, func(r rune) { x.b = append(x.b, x.symbols.add(r)) })
	x.keen = x.b
	if autojunk && len(x.b) >= 200 {
		x.bore(int32(len(x.b)/100 + 1))
	}
	x.seeds = []seeds{plant(x.keen, 32, 32), plant(x.keen, 16, 8)}
	return x
}

// bore makes those symbols dull that occur more than most times.
func (x *Indexed) bore(most int32) {
	counts := make([]int32, x.symbols.n)
	for _, s := range x.b {
		counts[s]++
	}
	x.dull = make([]bool, len(counts))
	some := false
	for s, n := range counts {
		x.dull[s] = n > most
		some = some || n > most
	}
	if !some {
		x.dull = nil
		return
	}
	x.keen = make([]int32, len(x.b))
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
	s.until = ctx.Done()
	s.begin(x, a)
	s.run(x)
	if s.gaveUp {
		return Match{}, ctx.Err()
	}
	return Match{
		Ratio:  2 * float64(s.matched()) / float64(len(s.a)+len(s.b)),
		Blocks: s.blocks(),
	}, nil
}

// points calls f for the code points of s, and with the lone surrogates U+DC80
// to U+DCFF, which no valid text holds, for the bytes that are part of none.
func points(s string, f func(rune)) {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			f(rune(c))
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			r = 0xDC00 + rune(s[i])
		}
		f(r)
		i += size
	}
}

// A numbering gives code points small numbers in the order of their first
// appearance. Most text is ASCII, which needs no map.
type numbering struct {
	ascii  [utf8.RuneSelf]int32 // number plus one; zero if not seen
	others map[rune]int32
	n      int32
}

// read appends the symbols of a text, noneInA for what has none.
func (n *numbering) read(s string, to []int32) []int32 {
	points(s, func(r rune) { to = append(to, n.get(r, noneInA)) })
	return to
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
	if s != n.n {
		return s
	}
	n.n++
	if r < utf8.RuneSelf {
		n.ascii[r] = s + 1
		return s
	}
	if n.others == nil {
		n.others = make(map[rune]int32)
	}
	n.others[r] = s
	return s
}
