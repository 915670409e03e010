package redact

import (
	"cmp"
	"slices"
	"strings"
)

// literals finds any of a set of words in a text. It is the algorithm of Wu and
// Manber ("A fast algorithm for multi-pattern searching", 1994): two neighbouring
// bytes say how far the next word is away at least. With words of 8 bytes and
// more, nearly every look skips 7.
type literals struct {
	shortest int
	skip     [blocks]uint8
	// ending holds the words whose first bytes, as many as the shortest word
	// has, end in a block; longer words first.
	ending map[uint16][]word
}

type word struct {
	id   int // index in what newLiterals was given
	text string
}

const blocks = 1 << 12

func block(a, b byte) uint16 { return (uint16(a)<<5 ^ uint16(b)) % blocks }

// newLiterals takes at least one word; none has less than 2 bytes.
func newLiterals(words []string) *literals {
	l := &literals{shortest: 255, ending: map[uint16][]word{}}
	for _, w := range words {
		l.shortest = min(l.shortest, len(w))
	}
	for i := range l.skip {
		l.skip[i] = uint8(l.shortest - 1)
	}
	for id, w := range words {
		for i := 1; i < l.shortest; i++ {
			at := block(w[i-1], w[i])
			l.skip[at] = min(l.skip[at], uint8(l.shortest-1-i))
		}
		last := block(w[l.shortest-2], w[l.shortest-1])
		l.ending[last] = append(l.ending[last], word{id, w})
	}
	for _, ws := range l.ending {
		slices.SortStableFunc(ws, func(a, b word) int { return cmp.Compare(len(b.text), len(a.text)) })
	}
	return l
}

// next returns the first word that begins at from or later, and where; of those
// that begin together the longest. Without one, the place is -1.
func (l *literals) next(s string, from int) (id, at int) {
	for i := from + l.shortest - 1; i < len(s); {
		if skip := l.skip[block(s[i-1], s[i])]; skip > 0 {
			i += int(skip)
			continue
		}
		start := i - l.shortest + 1
		for _, w := range l.ending[block(s[i-1], s[i])] {
			if strings.HasPrefix(s[start:], w.text) {
				return w.id, start
			}
		}
		i++
	}
	return 0, -1
}

// The first two literals of a redactor; the spellings of the known secrets
// follow.
const (
	openingID = iota
	privateKeyID
	knownID
)

// findLiterals returns the placeholders that are not to be touched (as hits
// without a kind), the known secrets, the private keys, and the openings that
// the source has written.
func (r *Redactor) findLiterals(s string) (placeholders, known, keys, quotes []Hit) {
	untouched := 0 // end of the last placeholder
	for at := 0; ; at++ {
		var id int
		if id, at = r.literals.next(s, at); at < 0 {
			return placeholders, known, keys, quotes
		}
		switch id {
		case openingID:
			p := ""
			if r.again && at >= untouched {
				p = placeholderAt(s, at)
			}
			if p != "" && r.ours(p) {
				untouched = at + len(p)
				placeholders = append(placeholders, Hit{Start: at, End: untouched})
			} else {
				quotes = append(quotes, Hit{Kind: Literal, Start: at, End: at + len(opening)})
			}
		case privateKeyID:
			if start, end := privateKeyAround(s, at); end > 0 {
				keys = append(keys, Hit{Kind: PrivateKey, Start: start, End: end})
			}
		default:
			k := r.known[id-knownID]
			known = append(known, Hit{Kind: Known, Name: k.name, Start: at, End: at + len(k.text), Placeholder: k.placeholder})
		}
	}
}
