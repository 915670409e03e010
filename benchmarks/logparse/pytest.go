package logparse

import (
	"regexp"
	"strings"
)

// pytest reads the short summary that "pytest -rA" prints: "PASSED id",
// "FAILED id - message". An id ends at its first blank, also where the id
// itself holds one; the lists of the data sets are cut in the same place.
func pytest(log string, d Dialect) Results {
	r := Results{}
	for line := range lines(log) {
		if id, status, ok := summaryLine(line, d); ok {
			r[id] = status
		}
	}
	return r
}

// summaryLine takes a line of the short summary apart.
func summaryLine(line string, d Dialect) (id string, status Status, ok bool) {
	if !begins(line) {
		return "", "", false
	}
	if strings.HasPrefix(line, string(Failed)) {
		line = strings.ReplaceAll(line, " - ", " ")
	}
	w := words(line)
	if len(w) < 2 || d == V5 && skipSummary(w) {
		return "", "", false
	}
	return w[1], Status(w[0]), true
}

var counted = regexp.MustCompile(`^\[\p{Nd}+\]$`)

// skipSummary recognises "SKIPPED [3] tests/test_x.py:12: reason", which
// counts skipped tests and names none. "PASSED [100%]" is kept on purpose: two
// rows of Verified list "[100%]" as a test.
func skipSummary(w []string) bool {
	return w[0] == string(Skipped) && counted.MatchString(w[1])
}

var option = regexp.MustCompile(`(.*?)\[(.*)\]`)

// pytestOptions is pytest, for projects whose tests have paths as parameters:
// of an absolute path only the last part stays in the id, because the rest
// differs from machine to machine.
func pytestOptions(log string, d Dialect) Results {
	r := Results{}
	for line := range lines(log) {
		id, status, ok := summaryLine(line, d)
		if !ok {
			continue
		}
		if m := option.FindStringSubmatch(id); m != nil {
			value := m[2]
			if strings.HasPrefix(value, "/") && !strings.HasPrefix(value, "//") && !strings.Contains(value, "*") {
				value = value[strings.LastIndexByte(value, '/'):]
			}
			id = m[1] + "[" + value + "]"
		}
		r[id] = status
	}
	return r
}

var colour = regexp.MustCompile(`\[\p{Nd}+m`)

// pytestV2 reads coloured output and old versions of pytest, which put the
// status at the end of the line.
func pytestV2(log string, d Dialect) Results {
	r := Results{}
	for line := range lines(log) {
		line = colour.ReplaceAllString(line, "")
		line = strings.Map(func(c rune) rune {
			if c > 0 && c < ' ' {
				return -1
			}
			return c
		}, line)
		if d == V5 {
			pytestV2Whole(r, line)
			continue
		}
		if id, status, ok := summaryLine(line, V4); ok {
			r[id] = status
		} else if w := words(line); !begins(line) && ends(line) && len(w) >= 2 {
			r[w[0]] = Status(w[1])
		}
	}
	return r
}

// pytestV2Whole keeps the blanks inside ids, as release 5 does.
func pytestV2Whole(r Results, line string) {
	switch {
	case begins(line):
		if strings.HasPrefix(line, string(Failed)) {
			line, _, _ = strings.Cut(line, " - ")
		}
		if w := words(line); len(w) >= 2 && !skipSummary(w) {
			r[strings.Join(w[1:], " ")] = Status(w[0])
		}
	case ends(line):
		if w := words(line); len(w) >= 2 {
			last := len(w) - 1
			r[strings.Join(w[:last], " ")] = Status(w[last])
		}
	}
}

// matplotlib is pytest with the enumeration that newer versions of Python
// print by name written as a number again.
func matplotlib(log string, d Dialect) Results {
	return pytest(strings.NewReplacer("MouseButton.LEFT", "1", "MouseButton.RIGHT", "3").Replace(log), d)
}

// seaborn reads summaries of both old and new versions of pytest.
func seaborn(log string, _ Dialect) Results {
	r := Results{}
	for line := range lines(log) {
		w := words(line)
		if len(w) < 2 {
			continue
		}
		switch {
		case strings.HasPrefix(line, string(Failed)):
			r[w[1]] = Failed
		case strings.Contains(line, " "+string(Passed)+" "):
			if w[1] == string(Passed) {
				r[w[0]] = Passed
			}
		case strings.HasPrefix(line, string(Passed)):
			r[w[1]] = Passed
		}
	}
	return r
}
