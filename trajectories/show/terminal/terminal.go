// Package terminal makes foreign texts fit to be shown in a terminal: what they
// hold is measured in cells, wrapped and cut there, and never obeyed.
//
// A cell is the place of one Latin letter; a Chinese character or an emoji takes
// two, a combining accent none. Texts are to be cleaned once, with [Clean],
// before anything else is done to them: the other functions take a line of clean
// text.
package terminal

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// Clean makes a text safe to print: valid UTF-8, line feeds alone as line ends,
// and characters that steer terminals or the direction of writing as pictures of
// themselves. Tabs become spaces, up to the next column that is a multiple of 8.
func Clean(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + len(s)/8)
	counted, column := 0, 0 // up to where in b cells were counted, and how many in this line
	for i, c := range s {
		switch {
		case c == '\n':
			b.WriteByte('\n')
			counted, column = b.Len(), 0
		case c == '\t':
			const stop = 8
			column += Width(b.String()[counted:])
			spaces := stop - column%stop
			b.WriteString("        "[:spaces])
			counted, column = b.Len(), column+spaces
		case c == '\r' && strings.HasPrefix(s[i:], "\r\n"):
		case c < ' ':
			b.WriteRune('\u2400' + c)
		case c == 0x7f:
			b.WriteRune('\u2421')
		case unicode.Is(unicode.Bidi_Control, c), unicode.In(c, unicode.Cc, unicode.Zl, unicode.Zp), c&0xfffe == 0xfffe:
			b.WriteRune(utf8.RuneError)
		default:
			b.WriteRune(c) // what is not UTF-8 comes as U+FFFD
		}
	}
	return b.String()
}

// WithoutColours returns a text without the sequences that set colours and change
// nothing else: programs that were not asked for them write many.
func WithoutColours(s string) string {
	const start = "\x1b["
	if !strings.Contains(s, start) {
		return s
	}
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, start)
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		after := strings.TrimLeft(rest, "0123456789;:")
		if after, ok = strings.CutPrefix(after, "m"); !ok {
			b.WriteString(start)
			after = rest
		}
		s = after
	}
}

// plain says that a text is clean as it is.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '\n' && (c < ' ' || c >= 0x7f) {
			return false
		}
	}
	return true
}

// Width returns the number of cells that a line takes.
func Width(s string) int {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return uniseg.StringWidth(s)
		}
	}
	return len(s)
}

// Cut returns the line if it takes no more cells than width, else as much of its
// beginning as there is room for, and an ellipsis.
func Cut(s string, width int) string {
	if Width(s) <= width {
		return s
	}
	const ellipsis = "…"
	if width < 1 {
		return ""
	}
	rest, state, used, end := s, -1, 0, 0
	for rest != "" {
		var cluster string
		var cells int
		cluster, rest, cells, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if used+cells > width-1 {
			break
		}
		used += cells
		end += len(cluster)
	}
	return s[:end] + ellipsis
}

// Pad cuts the line to width cells, or fills it up with spaces.
func Pad(s string, width int) string {
	s = Cut(s, width)
	return s + strings.Repeat(" ", max(0, width-Width(s)))
}

// Wrap breaks a line into pieces that take no more cells than width: between
// words where it can, else anywhere. Spaces at a break are dropped.
func Wrap(s string, width int) []string {
	width = max(width, 4) // what the widest character takes
	if Width(s) <= width {
		return []string{s}
	}
	var pieces []string
	rest, state := s, -1
	begin, at, used := 0, 0, 0 // of the piece, of what is looked at, cells between
	chance, beyond := 0, 0     // where the piece may end, and the cells up to there
	solid := 0                 // where the last cluster ends that is no space
	for rest != "" {
		cluster, next, boundaries, newState := uniseg.StepString(rest, state)
		cells := boundaries >> uniseg.ShiftWidth
		for used+cells > width && cluster != " " && begin < at {
			end, cut := at, used
			if chance > begin {
				end, cut = chance, beyond
			}
			pieces = append(pieces, strings.TrimRight(s[begin:end], " "))
			begin, used, beyond = end, used-cut, beyond-cut
		}
		used += cells
		if at += len(cluster); cluster != " " {
			solid = at
		}
		// Paths and options, at whose slashes and hyphens a text may be broken too,
		// are easier to read and to copy whole. Indentation stays with its text.
		if boundaries&uniseg.MaskLine == uniseg.LineCanBreak && (cluster == " " || cells == 2) && solid > begin {
			chance, beyond = at, used
		}
		rest, state = next, newState
	}
	if last := strings.TrimRight(s[begin:], " "); last != "" || len(pieces) == 0 {
		pieces = append(pieces, last)
	}
	return pieces
}
