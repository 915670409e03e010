// Package logparse reads the output of test runners: it maps the ids of tests
// to how they ended.
//
// The parsers, their names and their quirks are SWE-bench's, because a verdict
// hangs on them: an id that one parser cuts at a blank is cut at that blank in
// the lists of the data sets too. Where releases 4 and 5 of the harness read
// the same log differently, a [Dialect] chooses.
//
//	parse, err := logparse.Lookup("parse_log_gotest")
//	results := parse(output, logparse.V4)
//	results["TestReader/empty_input"] // logparse.Passed
//
// A parser never fails: what it does not understand it does not report.
package logparse

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Status is how a test ended, in the runner's word.
type Status string

// The statuses that grading knows. A runner's log may hold others (the parsers
// for pytest take the first word of a line as it stands); they count as none
// of these.
const (
	Passed  Status = "PASSED"
	Failed  Status = "FAILED"
	Skipped Status = "SKIPPED"
	Error   Status = "ERROR"
	XFail   Status = "XFAIL" // failed, as its author said it would
)

var statuses = []Status{Failed, Passed, Skipped, Error, XFail}

// Results maps the ids of tests to how they ended. Where a log reports a test
// more than once, the last report counts.
type Results map[string]Status

// Dialect is the release of the SWE-bench harness whose reading is wanted.
type Dialect int

const (
	V4 Dialect = 4 // 4.1
	V5 Dialect = 5 // 5.0
)

// A Parser reads the output of one test runner.
type Parser func(log string, d Dialect) Results

// Lookup returns the parser that SWE-bench's registry calls name. The error is
// an *UnknownError.
func Lookup(name string) (Parser, error) {
	parse, ok := registry[name]
	if !ok {
		return nil, &UnknownError{Name: name}
	}
	return func(log string, d Dialect) Results { return parse(newlines(log), d) }, nil
}

// Names returns the names that Lookup knows, sorted.
func Names() []string { return slices.Sorted(maps.Keys(registry)) }

// An UnknownError names a parser that does not exist.
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string {
	return fmt.Sprintf("no log parser is called %q; the known ones are %s", e.Name, strings.Join(Names(), ", "))
}

// registry holds the parsers under their own names and under the names of the
// projects that share them, as the rows of the data sets use them.
var registry = map[string]Parser{
	"parse_log_pytest":         pytest,
	"parse_log_astroid":        pytest,
	"parse_log_flask":          pytest,
	"parse_log_marshmallow":    pytest,
	"parse_log_pvlib":          pytest,
	"parse_log_pyvista":        pytest,
	"parse_log_sqlfluff":       pytest,
	"parse_log_xarray":         pytest,
	"parse_log_pytest_options": pytestOptions,
	"parse_log_pydicom":        pytestOptions,
	"parse_log_pylint":         pytestOptions,
	"parse_log_requests":       pytestOptions,
	"parse_log_pytest_v2":      pytestV2,
	"parse_log_astropy":        pytestV2,
	"parse_log_scikit":         pytestV2,
	"parse_log_sphinx":         pytestV2,
	"parse_log_django":         django,
	"parse_log_matplotlib":     matplotlib,
	"parse_log_seaborn":        seaborn,
	"parse_log_sympy":          sympy,
	"parse_log_gotest":         gotest,
	"parse_log_cargo":          cargo,
	"parse_log_maven":          maven,
	"parse_log_jest":           jest,
}

// newlines turns every line ending into \n, as the harness does by opening
// logs in Python's text mode.
func newlines(log string) string {
	return strings.ReplaceAll(strings.ReplaceAll(log, "\r\n", "\n"), "\r", "\n")
}

// lines yields the lines of a log; after a final newline comes an empty one.
func lines(log string) func(yield func(string) bool) {
	return strings.SplitSeq(log, "\n")
}

// space reports whether r is white space to Python, which counts the
// separators U+001C to U+001F as such and Go does not.
func space(r rune) bool {
	switch {
	case r >= '\t' && r <= '\r', r >= 0x1c && r <= ' ', r == 0x85, r == 0xa0, r == 0x1680,
		r >= 0x2000 && r <= 0x200a, r == 0x2028, r == 0x2029, r == 0x202f, r == 0x205f, r == 0x3000:
		return true
	}
	return false
}

// s is Python's \s in a character class of a regular expression.
const s = `\t-\r\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}`

// strip is Python's str.strip, words its str.split.
func strip(line string) string   { return strings.TrimFunc(line, space) }
func words(line string) []string { return strings.FieldsFunc(line, space) }

// begins reports whether the line starts with a status, ends whether it ends
// with one.
func begins(line string) bool {
	return slices.ContainsFunc(statuses, func(st Status) bool { return strings.HasPrefix(line, string(st)) })
}

func ends(line string) bool {
	return slices.ContainsFunc(statuses, func(st Status) bool { return strings.HasSuffix(line, string(st)) })
}
