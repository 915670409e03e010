package oracle

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A text is what the expert knows of a file: the lines that view has shown,
// with its own edits done to them. Nothing else: not the lines between two
// views, and not whether the last line ends in a newline.
type text struct {
	lines []string
	known []bool // of each line, whether it has been seen
	whole bool   // there are no lines after these
	wc    int    // newlines in the file, as wc -l counts them
}

// numbered is a line of a view, as cat -n writes it.
var numbered = regexp.MustCompile(`^ *(\d+)\t(.*)$`)

// learn takes in what view has shown and reports how many lines that were.
// Where the middle of the text is left out, the line next to the gap may be
// cut, so it does not count as seen.
func (t *text) learn(shown string) int {
	type seen struct {
		n int
		s string
	}
	var all []seen
	for _, l := range strings.Split(shown, "\n") {
		m := numbered.FindStringSubmatch(l)
		if m == nil {
			continue
		}
		n, err := strconv.Atoi(m[1])
		if err != nil || n < 1 {
			continue
		}
		if k := len(all); k > 0 && n != all[k-1].n+1 {
			if n <= all[k-1].n {
				continue
			}
			all = all[:k-1]
		}
		all = append(all, seen{n, m[2]})
	}
	for _, l := range all {
		t.grow(l.n)
		t.lines[l.n-1], t.known[l.n-1] = l.s, true
	}
	return len(all)
}

// close notes that the last line known is the last one of the file. Some
// viewers number the nothing after the last newline too.
func (t *text) close() {
	if last := len(t.lines) - 1; last == t.wc && t.lines[last] == "" {
		t.lines, t.known = t.lines[:last], t.known[:last]
	}
	t.whole = true
}

// unknown returns the first line from (included) to to (not included) that is
// not known, and whether there is one.
func (t *text) unknown(from, to int) (int, bool) {
	if t.whole {
		to = min(to, len(t.lines))
	}
	for i := max(0, from); i < to; i++ {
		if i >= len(t.lines) || !t.known[i] {
			return i, true
		}
	}
	return 0, false
}

// grow makes room for n lines.
func (t *text) grow(n int) {
	for len(t.lines) < n {
		t.lines = append(t.lines, "")
		t.known = append(t.known, false)
	}
}

// has reports whether the lines from (included) to to (not included) are
// known, as far as the file has them.
func (t *text) has(from, to int) bool {
	_, missing := t.unknown(from, to)
	return !missing
}

// splice replaces n lines at line at.
func (t *text) splice(at, n int, lines []string) {
	t.grow(at + n)
	t.lines = slices.Replace(t.lines, at, at+n, lines...)
	t.known = slices.Replace(t.known, at, at+n, slices.Repeat([]bool{true}, len(lines))...)
	t.wc += len(lines) - n
}

// unique reports whether s occurs no more than once in the known part.
// Occurrences may overlap.
func (t *text) unique(s string) bool {
	var b strings.Builder
	for i, l := range t.lines {
		if t.known[i] {
			b.WriteString(l)
		} else {
			b.WriteByte(0) // matches nothing
		}
		b.WriteByte('\n')
	}
	return strings.Index(b.String(), s) == strings.LastIndex(b.String(), s)
}
