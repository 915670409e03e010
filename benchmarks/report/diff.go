package report

import "strings"

// A diffLine is one line of a change.
type diffLine struct {
	Mark string // "+", "-", " ", or "@" for a headline
	Text string
}

// Class names the line's kind in the style sheet.
func (l diffLine) Class() string {
	switch l.Mark {
	case "+":
		return "add"
	case "-":
		return "del"
	case "@":
		return "hunk"
	}
	return "ctx"
}

// largestTable bounds the work of diff; larger texts are shown as replaced as
// a whole.
const largestTable = 1 << 20

// diff compares two texts line by line, by their longest common subsequence.
func diff(before, after string) []diffLine {
	a, b := lines(before), lines(after)
	var out []diffLine
	add := func(mark string, of []string) {
		for _, l := range of {
			out = append(out, diffLine{mark, l})
		}
	}
	if len(a)*len(b) > largestTable {
		add("-", a)
		add("+", b)
		return out
	}
	// common[i][j] is the length of what a[i:] and b[j:] have in common.
	common := make([][]int, len(a)+1)
	common[len(a)] = make([]int, len(b)+1)
	for i := len(a) - 1; i >= 0; i-- {
		common[i] = make([]int, len(b)+1)
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j]:
			add(" ", a[i:i+1])
			i, j = i+1, j+1
		case common[i+1][j] >= common[i][j+1]:
			add("-", a[i:i+1])
			i++
		default:
			add("+", b[j:j+1])
			j++
		}
	}
	add("-", a[i:])
	add("+", b[j:])
	return out
}

// added shows a text as new.
func added(text string) []diffLine {
	var out []diffLine
	for _, l := range lines(text) {
		out = append(out, diffLine{"+", l})
	}
	return out
}

// patchLines reads the lines of a unified diff for showing.
func patchLines(patch string) []diffLine {
	var out []diffLine
	inHunk := false
	for _, l := range lines(patch) {
		switch {
		case strings.HasPrefix(l, "diff "):
			inHunk = false
			out = append(out, diffLine{"@", strings.TrimPrefix(l, "diff --git ")})
		case strings.HasPrefix(l, "@@"):
			inHunk = true
			out = append(out, diffLine{"@", l})
		case !inHunk: // index, modes and names, which the first line has too
		case l != "" && strings.ContainsAny(l[:1], "+- "):
			out = append(out, diffLine{l[:1], l[1:]})
		default:
			out = append(out, diffLine{" ", l})
		}
	}
	return out
}

func lines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}
