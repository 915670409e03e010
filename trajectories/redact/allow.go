package redact

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// ReadAllowed reads a list of what may stay, for Options.Allow: a line each, the
// text itself, or /a regular expression/ that fits the whole of it. Empty lines
// and those that begin with # say nothing.
func ReadAllowed(name string, from io.Reader) (func(found string) bool, error) {
	literal := map[string]bool{}
	var patterns []*regexp.Regexp
	lines := bufio.NewScanner(from)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		switch {
		case line == "" || line[0] == '#':
		case len(line) > 2 && line[0] == '/' && line[len(line)-1] == '/':
			expression := line[1 : len(line)-1]
			if _, err := regexp.Compile(expression); err != nil { // told as it was written
				return nil, fmt.Errorf("%s:%d: %w", name, n, err)
			}
			patterns = append(patterns, regexp.MustCompile(`\A(?:`+expression+`)\z`))
		default:
			literal[line] = true
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return func(found string) bool {
		if literal[found] {
			return true
		}
		for _, re := range patterns {
			if re.MatchString(found) {
				return true
			}
		}
		return false
	}, nil
}
