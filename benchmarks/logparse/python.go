package logparse

import (
	"regexp"
	"strings"
)

// interrupted finds tests of Django between whose name and "ok" something else
// was printed.
var interrupted = []*regexp.Regexp{
	regexp.MustCompile(`(?m)^(.*?)[` + s + `]\.\.\.[` + s + `]Testing against Django installed in ((?s:.*?)) silenced\)\.\nok$`),
	regexp.MustCompile(`(?m)^(.*?)[` + s + `]\.\.\.[` + s + `]Internal Server Error: /(.*)/\nok$`),
	regexp.MustCompile(`(?m)^(.*?)[` + s + `]\.\.\.[` + s + `]System check identified no issues \(0 silenced\)\nok$`),
}

// django reads the verbose output of unittest as Django's own runner prints
// it: "test_x (app.tests.Case) ... ok". A test with a docstring is known by
// the docstring.
func django(log string, _ Dialect) Results {
	r := Results{}
	previous := ""
	started := false
	for line := range lines(log) {
		line = strip(line)
		if strings.Contains(line, "--version is equivalent to version") {
			r["--version is equivalent to version"] = Passed
		}
		if before, _, ok := strings.Cut(line, " ... "); ok {
			previous, started = before, true
		}
		line = djangoPassed(r, line)
		if before, _, ok := strings.Cut(line, " ... skipped"); ok {
			r[before] = Skipped
		}
		djangoFailed(r, line, "FAIL", Failed)
		djangoFailed(r, line, "ERROR", Error)
		if started && strings.HasPrefix(line, "ok") {
			r[previous] = Passed
		}
	}
	for _, pattern := range interrupted {
		for _, m := range pattern.FindAllStringSubmatch(log, -1) {
			r[m[1]] = Passed
		}
	}
	return r
}

// djangoPassed records the test of a line that ends in ok, and returns the
// line, without its start where a migration left its message there.
func djangoPassed(r Results, line string) string {
	for _, suffix := range []string{" ... ok", " ... OK", " ...  OK"} {
		if !strings.HasSuffix(line, suffix) {
			continue
		}
		if strings.HasPrefix(line, "Applying sites.0002_alter_domain_unique...test_no_migrations") {
			_, after, _ := strings.Cut(line, "...")
			line = strip(after)
		}
		r[strings.TrimSuffix(line, suffix)] = Passed
		break
	}
	return line
}

// djangoFailed records what the lines "name ... FAIL" and "FAIL: name (case)"
// say.
func djangoFailed(r Results, line, word string, status Status) {
	if strings.HasSuffix(line, " ... "+word) {
		before, _, _ := strings.Cut(line, " ... "+word)
		r[before] = status
	}
	if strings.HasPrefix(line, word+":") {
		if w := words(line); len(w) >= 2 {
			r[w[1]] = status
		}
	}
}

var sympyFailure = regexp.MustCompile(`(_*) (.*)\.py:(.*) (_*)`)

// sympy reads the output of SymPy's own runner: "test_x ok", and headings such
// as "____ sympy/core/tests/test_x.py:test_y ____" over failures.
func sympy(log string, _ Dialect) Results {
	r := Results{}
	for _, m := range sympyFailure.FindAllStringSubmatch(log, -1) {
		r[m[2]+".py:"+m[3]] = Failed
	}
	for line := range lines(log) {
		line = strip(line)
		if !strings.HasPrefix(line, "test_") {
			continue
		}
		name := words(line)[0]
		switch {
		case strings.HasSuffix(line, " E"):
			r[name] = Error
		case strings.HasSuffix(line, " F"):
			r[name] = Failed
		case strings.HasSuffix(line, " ok"):
			r[name] = Passed
		}
	}
	return r
}
