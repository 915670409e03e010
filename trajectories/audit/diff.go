package audit

import (
	"iter"
	"strconv"
	"strings"
)

// A section is what a patch says of one file. It points into the patch's text.
type section struct {
	old, new string // the paths; "" on the side where there is no file
	binary   bool
	// cut says that a hunk ends before its time, as in an output that was
	// shortened.
	cut  bool
	head string // the lines before the hunks
	body string // the hunks
}

// path is the name by which people know the file.
func (s section) path() string {
	if s.new == "" {
		return s.old
	}
	return s.new
}

// sections takes apart what git diff prints, or what diff -u does. It takes
// what it can, since patches of other programs have anything in them, and skips
// what is no part of a diff.
func sections(patch string) iter.Seq[section] {
	return func(yield func(section) bool) {
		for rest := patch; rest != ""; {
			line, after := cutLine(rest)
			if !strings.HasPrefix(line, "diff --git ") && !startsPlain(rest) {
				rest = after
				continue
			}
			s, next := readSection(rest)
			if !yield(s) {
				return
			}
			rest = next
		}
	}
}

// startsPlain says that two lines name the files of a diff without git's line
// before them.
func startsPlain(s string) bool {
	first, rest := cutLine(s)
	second, rest := cutLine(rest)
	return strings.HasPrefix(first, "--- ") && strings.HasPrefix(second, "+++ ") && strings.HasPrefix(rest, "@@ -")
}

func cutLine(s string) (line, rest string) {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		return strings.TrimSuffix(s[:i], "\r"), s[i+1:]
	}
	return s, ""
}

func readSection(text string) (s section, rest string) {
	rest = text
	first := true
	for rest != "" {
		line, after := cutLine(rest)
		switch {
		case strings.HasPrefix(line, "diff --git "):
			if !first {
				s.head = text[:len(text)-len(rest)]
				return s, rest
			}
			s.old, s.new = gitNames(strings.TrimPrefix(line, "diff --git "))
		case strings.HasPrefix(line, "new file mode"):
			s.old = ""
		case strings.HasPrefix(line, "deleted file mode"):
			s.new = ""
		case strings.HasPrefix(line, "rename from "), strings.HasPrefix(line, "copy from "):
			_, s.old, _ = strings.Cut(line, " from ")
		case strings.HasPrefix(line, "rename to "), strings.HasPrefix(line, "copy to "):
			_, s.new, _ = strings.Cut(line, " to ")
		case strings.HasPrefix(line, "Binary files ") || strings.HasPrefix(line, "GIT binary patch"):
			s.binary = true
		case strings.HasPrefix(line, "--- "):
			s.old = name(line[4:])
		case strings.HasPrefix(line, "+++ "):
			s.new = name(line[4:])
		case strings.HasPrefix(line, "@@ -"):
			s.head = text[:len(text)-len(rest)]
			s.body, rest, s.cut = readHunks(rest)
			return s, rest
		case strings.HasPrefix(line, "index "), strings.HasPrefix(line, "old mode "), strings.HasPrefix(line, "new mode "),
			strings.HasPrefix(line, "similarity index "), strings.HasPrefix(line, "dissimilarity index "):
		case s.binary:
			// The data of a binary patch.
		default:
			s.head = text[:len(text)-len(rest)]
			return s, rest
		}
		first, rest = false, after
	}
	s.head = text
	return s, ""
}

// gitNames are the two names of a git header, where they have no blanks in them;
// the lines after it say them again.
func gitNames(s string) (string, string) {
	a, b, _ := strings.Cut(s, " ")
	return name(a), name(b)
}

// name is a path without the prefix that git gives it.
func name(s string) string {
	s, _, _ = strings.Cut(s, "\t") // diff -u puts the time behind
	s = strings.TrimSpace(s)
	if s == "/dev/null" {
		return ""
	}
	if unquoted, err := strconv.Unquote(s); err == nil {
		s = unquoted
	}
	// Beside a and b, diff.mnemonicPrefix has c, i, o and w.
	if len(s) > 2 && s[1] == '/' && strings.IndexByte("abciow", s[0]) >= 0 {
		return s[2:]
	}
	return s
}

// readHunks goes by the counts in their headers, since a removed line may look
// like a header itself.
func readHunks(text string) (body, rest string, cut bool) {
	rest = text
	for strings.HasPrefix(rest, "@@ -") {
		line, after := cutLine(rest)
		olds, news, ok := counts(line)
		rest = after
		if !ok {
			return text[:len(text)-len(rest)], rest, true
		}
		for olds > 0 || news > 0 || strings.HasPrefix(rest, `\`) {
			if rest == "" {
				return text, "", olds > 0 || news > 0
			}
			line, after = cutLine(rest)
			switch {
			case line == "" || line[0] == ' ': // some programs trim the blank of empty lines
				olds, news = olds-1, news-1
			case line[0] == '-':
				olds--
			case line[0] == '+':
				news--
			case line[0] == '\\':
			default:
				return text[:len(text)-len(rest)], rest, true
			}
			rest = after
		}
	}
	return text[:len(text)-len(rest)], rest, false
}

// counts reads the lines that a hunk has on either side: @@ -1,7 +1,9 @@.
func counts(header string) (olds, news int, ok bool) {
	fields := strings.Fields(header)
	if len(fields) < 4 || fields[3] != "@@" {
		return 0, 0, false
	}
	count := func(s string) (int, bool) {
		_, n, found := strings.Cut(s[1:], ",")
		if !found {
			return 1, true
		}
		v, err := strconv.Atoi(n)
		return v, err == nil && v >= 0
	}
	olds, ok1 := count(fields[1])
	news, ok2 := count(fields[2])
	return olds, news, ok1 && ok2
}

// isDiff says that a text has at least one section.
func isDiff(text string) bool {
	for s := range sections(text) {
		if s.body != "" || s.binary || strings.Contains(s.head, " mode ") || strings.Contains(s.head, "rename ") {
			return true
		}
	}
	return false
}
