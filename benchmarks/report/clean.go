package report

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean makes text safe to show: valid UTF-8, line feeds alone as line ends,
// and characters that steer terminals or the direction of writing as pictures
// of themselves.
func clean(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\n' || c == '\t':
			return c
		case c < ' ':
			return '\u2400' + c
		case c == 0x7f:
			return '\u2421'
		case c == 0xfffe || c == 0xffff, unicode.Is(unicode.Bidi_Control, c), unicode.Is(unicode.Cc, c), c == utf8.RuneError:
			return utf8.RuneError
		}
		return c
	}, s)
}

// longest is the number of characters of one text that the page shows.
const longest = 4000

// cut returns the first n characters of a text, and how many are missing.
func cut(s string, n int) (head string, missing int) {
	at := 0
	for i := range s {
		if at == n {
			return s[:i], utf8.RuneCountInString(s[i:])
		}
		at++
	}
	return s, 0
}
