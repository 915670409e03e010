package redact

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// JSON is [Redactor.Text] for a JSON text: what a string says is redacted, not how
// it is escaped, and a string that holds JSON itself, as the arguments of a tool
// call do, is treated as JSON. A member's name is part of what its value says.
// All that is not replaced keeps its bytes, white space and escapes too, and
// valid JSON stays valid. What is no JSON is redacted as a text. The places of
// the hits are in the bytes that were given; without hits those come back.
func (r *Redactor) JSON(raw json.RawMessage) (json.RawMessage, []Hit) {
	s := string(raw)
	var hits []Hit
	if !walk(s, func(key string, l stringLiteral) { hits = append(hits, r.inLiteral(key, l, 0)...) }) {
		hits = r.find("", s)
	}
	if all := edits(hits); len(all) > 0 {
		return json.RawMessage(apply(s, all)), hits
	}
	return raw, hits
}

// RestoreJSON is [Redactor.Restore] for a JSON text. What is put back is escaped
// as a JSON string has to be, which need not be how the source escaped it.
func (r *Redactor) RestoreJSON(raw json.RawMessage) json.RawMessage {
	s := string(raw)
	all, ok := r.restorationsJSON(s, 0)
	if !ok {
		all = r.restorations(s)
	}
	if len(all) == 0 {
		return raw
	}
	return json.RawMessage(apply(s, all))
}

// deepest is how often JSON may be held in strings of JSON. Each time doubles the
// escapes, so nobody goes as far.
const deepest = 8

// inLiteral returns the hits in a string, with their places in the text that
// holds the string.
func (r *Redactor) inLiteral(key string, l stringLiteral, depth int) []Hit {
	if len(l.raw) < minKnown {
		return nil
	}
	text := l.text()
	var hits []Hit
	if !r.holdsJSON(text, depth) || !walk(text, func(key string, l stringLiteral) {
		hits = append(hits, r.inLiteral(key, l, depth+1)...)
	}) {
		hits = r.find(key, text)
	}
	place := l.places()
	for i := range hits {
		hits[i].Start, hits[i].End = place(hits[i].Start), place(hits[i].End)
	}
	return hits
}

// restorationsJSON is what can be undone in JSON; ok is false when it is none.
// Placeholders that Text wrote have no escapes in them, however deep they are, so
// one that has is the source's.
func (r *Redactor) restorationsJSON(s string, depth int) (all []edit, ok bool) {
	ok = walk(s, func(_ string, l stringLiteral) {
		if len(l.raw) < len(opening) {
			return
		}
		text := l.text()
		var inside []edit
		nested := r.holdsJSON(text, depth)
		if nested {
			inside, nested = r.restorationsJSON(text, depth+1)
		}
		if !nested {
			inside = r.restorations(text)
		}
		place := l.places()
		for _, e := range inside {
			start, end := place(e.start), place(e.end)
			if s[start:end] == text[e.start:e.end] {
				all = append(all, edit{start, end, escapeJSON(e.with, false, false)})
			}
		}
	})
	return all, ok
}

// holdsJSON says that a string is an object or an array. It is not treated as
// one when a known secret is a part of it, quotes and all.
func (r *Redactor) holdsJSON(text string, depth int) bool {
	trimmed := strings.TrimLeft(text, " \t\r\n")
	if depth >= deepest || trimmed == "" || trimmed[0] != '{' && trimmed[0] != '[' {
		return false
	}
	return json.Valid([]byte(text)) && !slices.ContainsFunc(r.known, func(k spelling) bool {
		return k.plain && strings.Contains(k.text, `"`) && strings.Contains(text, k.text)
	})
}

// A stringLiteral is what stands between the quotes of a JSON string.
type stringLiteral struct {
	raw string
	at  int // in the JSON text
}

// walk calls each for the strings of a JSON text, with the name of the member
// whose value it is, or none. It does not check the grammar, only that nothing
// but numbers, names like true and punctuation stands outside of strings; if
// there is anything else it is false, and what each was told is void.
func walk(s string, each func(key string, l stringLiteral)) bool {
	key := ""
	for at := 0; ; {
		open := strings.IndexByte(s[at:], '"')
		if open < 0 {
			return isBetweenStrings(s[at:])
		}
		if !isBetweenStrings(s[at : at+open]) {
			return false
		}
		start := at + open + 1
		end := start
		for end < len(s) && s[end] != '"' {
			if s[end] == '\\' {
				end++
			}
			end++
		}
		if end >= len(s) {
			return false
		}
		l := stringLiteral{s[start:end], start}
		at = end + 1
		if colon := strings.TrimLeft(s[at:min(len(s), at+64)], " \t\r\n"); strings.HasPrefix(colon, ":") {
			each("", l)
			key = ""
			at = len(s) - len(strings.TrimLeft(s[at:], " \t\r\n")) + 1
			if value := strings.TrimLeft(s[at:min(len(s), at+64)], " \t\r\n"); strings.HasPrefix(value, `"`) {
				key = l.raw
			}
			continue
		}
		each(key, l)
		key = ""
	}
}

func isBetweenStrings(s string) bool {
	for i := range len(s) {
		switch c := s[i]; c {
		case ' ', '\t', '\r', '\n', '{', '}', '[', ']', ',', ':', '.', '+', '-', 'E':
		case 'e', 't', 'r', 'u', 'f', 'a', 'l', 's', 'n': // true, false, null
		default:
			if !isDigit(c) {
				return false
			}
		}
	}
	return true
}

// text is what the string says. A half of a surrogate pair says U+FFFD.
func (l stringLiteral) text() string {
	if strings.IndexByte(l.raw, '\\') < 0 {
		return l.raw
	}
	b := make([]byte, 0, len(l.raw))
	for i := 0; i < len(l.raw); {
		n, c := l.next(i)
		b = append(b, c...)
		i += n
	}
	return string(b)
}

// places returns the function from places in what the string says to places in
// the JSON text. It has to be asked in ascending order.
func (l stringLiteral) places() func(int) int {
	i, said := 0, 0
	return func(at int) int {
		for said < at && i < len(l.raw) {
			n, c := l.next(i)
			if l.raw[i] != '\\' {
				n = min(n, at-said)
				c = c[:n]
			}
			i += n
			said += len(c)
		}
		return l.at + i
	}
}

// next reads what comes at i: how many bytes it takes, and what it says.
func (l stringLiteral) next(i int) (n int, says string) {
	rest := l.raw[i:]
	if rest[0] != '\\' {
		n = strings.IndexByte(rest, '\\')
		if n < 0 {
			n = len(rest)
		}
		return n, rest[:n]
	}
	const letters, mean = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if k := strings.IndexByte(letters, rest[1]); k >= 0 {
		return 2, mean[k : k+1]
	}
	c, n := unit(rest)
	if n == 0 {
		return 1, rest[:1] // not JSON
	}
	if utf16.IsSurrogate(c) {
		low, m := unit(rest[n:])
		if pair := utf16.DecodeRune(c, low); m > 0 && pair != utf8.RuneError {
			return n + m, string(pair)
		}
		c = utf8.RuneError
	}
	return n, string(c)
}

// unit reads \uXXXX; n is 0 when there is none.
func unit(s string) (c rune, n int) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, 0
	}
	for _, d := range []byte(s[2:6]) {
		k := slices.Index([]byte("0123456789abcdef"), d|0x20)
		if k < 0 {
			return 0, 0
		}
		c = c<<4 | rune(k)
	}
	return c, 6
}
