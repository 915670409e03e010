package redact

import "strings"

// minRun is how long a run of token characters is before anything looks at it:
// no key with a recognisable form is shorter.
const minRun = 20

func isToken(c byte) bool { return tokens[c] != 0 }

// tokens has 1 for each character that keys are made of: A-Z a-z 0-9 _ -
const tokens = "" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00" +
	"\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\x00\x00" +
	"\x00\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01" +
	"\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\x01" +
	"\x00\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01" +
	"\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\x00" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

func isAlnum(c byte) bool  { return isDigit(c) || isLetter(c) }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// nextRun returns the next run of at least minRun token characters that begins
// at from or later. Without one, start is -1. It does not look at every byte: in
// a window of minRun bytes it walks back to the last that is no token character,
// and the next window begins behind that one.
func nextRun(s string, from int) (start, end int) {
	for i := from + minRun; i <= len(s); {
		window := s[i-minRun : i]
		last := minRun - 1
		for last >= 0 && isToken(window[last]) {
			last--
		}
		if last >= 0 {
			i += last + 1
			continue
		}
		start, end = i-minRun, i
		for start > from && isToken(s[start-1]) {
			start--
		}
		for end < len(s) && isToken(s[end]) {
			end++
		}
		return start, end
	}
	return -1, -1
}

// findRuns returns the keys and what looks random among the long runs of token
// characters.
func findRuns(s string) (keys, random []Hit) {
	for at := 0; ; {
		start, end := nextRun(s, at)
		if start < 0 {
			return keys, random
		}
		at = end
		start = unglued(s, start)
		found := len(keys)
		keys = appendKeys(keys, s, start, end)
		if len(keys) == found && looksRandom(s, start, end) {
			random = append(random, Hit{Kind: Entropy, Start: start, End: end})
		}
	}
}

// unglued is where a run begins that an escape sequence stands before: the n of
// a line feed in JSON, the number of a byte in a URL, the end of a colour.
func unglued(s string, start int) int {
	if start == 0 {
		return start
	}
	switch s[start-1] {
	case '\\':
		if strings.IndexByte("nrtfb", s[start]) >= 0 {
			return start + 1
		}
	case '%':
		if isHex(s[start]) && isHex(s[start+1]) {
			return start + 2
		}
	case '[', ';':
		end := start
		for end < len(s) && isDigit(s[end]) {
			end++
		}
		if end < len(s) && s[end] == 'm' && strings.LastIndexByte(s[max(0, start-16):start], '[') >= 0 {
			return end + 1
		}
	}
	return start
}

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
