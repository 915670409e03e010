package benchmarks

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/apprentice-rl/apprentice/benchmarks/logparse"
	"github.com/apprentice-rl/apprentice/env"
)

// Rules are those of one release of the SWE-bench harness. Published results
// follow V4; V5 closes some of its holes, and gives the same verdicts on sound
// logs.
type Rules string

const (
	V4 Rules = "v4" // release 4.1.0
	V5 Rules = "v5" // release 5.0.2
)

// ParseRules returns the rules of that name; "" means V4.
func ParseRules(name string) (Rules, error) {
	switch r := Rules(name); r {
	case "":
		return V4, nil
	case V4, V5:
		return r, nil
	}
	return "", fmt.Errorf("there are no rules %q; choose v4 or v5", name)
}

func (r Rules) dialect() logparse.Dialect {
	if r == V5 {
		return logparse.V5
	}
	return logparse.V4
}

// A Grade is what the log of a task's tests says.
type Grade struct {
	// Gradable is false where the log cannot be judged: the tests did not run,
	// or the script did not come to its end. The lists are then empty.
	Gradable   bool
	FailToPass Tests
	PassToPass Tests
}

// Tests are the tests of one list of a task, by how they ended. A skipped test
// may be in neither (see Rules).
type Tests struct {
	Success []string `json:"success"`
	Failure []string `json:"failure"`
}

// Resolved reports whether no listed test failed.
func (g Grade) Resolved() bool {
	return g.Gradable && len(g.FailToPass.Failure) == 0 && len(g.PassToPass.Failure) == 0
}

// The marks that SWE-bench's scripts leave in their logs.
const (
	markStart    = ">>>>> Start Test Output"
	markEnd      = ">>>>> End Test Output"
	markExitCode = ">>>>> Test Exit Code"
)

// marksOfFailure are those of older harnesses, which make a log unusable.
var marksOfFailure = []string{
	">>>>> Patch Apply Failed", ">>>>> Reset Failed", ">>>>> Tests Errored", ">>>>> Tests Timed Out",
}

// Grade reads the log of the task's tests. The error is a
// *logparse.UnknownError.
func (r Rules) Grade(task env.Task, log string) (Grade, error) {
	parse, err := logparse.Lookup(task.LogParser)
	if err != nil {
		return Grade{}, fmt.Errorf("grading %s: %w", task.ID, err)
	}
	results, ok := r.results(parse, strings.ToValidUTF8(log, "\uFFFD"))
	if !ok {
		return Grade{}, nil
	}
	judge := passAndFail
	if failOnly(task) {
		judge = failedOnly
	} else if r == V5 {
		judge = passAndFailWhole
	}
	// Release 4 leaves skipped tests out, so that a task all of whose tests
	// are skipped is resolved; release 5 does not.
	skippedToPass, skippedPass := neither, neither
	if r == V5 {
		skippedToPass, skippedPass = failure, success
	}
	return Grade{
		Gradable:   true,
		FailToPass: sort(results, task.FailToPass, judge, skippedToPass),
		PassToPass: sort(results, task.PassToPass, judge, skippedPass),
	}, nil
}

// suiteRan finds signs that tests ran although none is named.
var suiteRan = regexp.MustCompile(`(?m)Executed [1-9]\d* of \d+|TOTAL: [1-9]\d* (?:SUCCESS|FAILED)|[1-9]\d* passing` +
	`|Tests:\s+[1-9]\d*|Test Suites:\s+(?:\d+ \w+, )*[1-9]\d* total|^# tests [1-9]\d*|[1-9]\d* specs?, \d+ failures?|': ok$`)

var exitCode = regexp.MustCompile(markExitCode + `:\s*(-?\d+)`)

// results maps the tests of a log to their statuses; ok is false where the log
// is not usable.
func (r Rules) results(parse logparse.Parser, log string) (results logparse.Results, ok bool) {
	if slices.ContainsFunc(marksOfFailure, func(m string) bool { return strings.Contains(log, m) }) {
		return nil, false
	}
	_, after, started := strings.Cut(log, markStart)
	if !started || !strings.Contains(log, markEnd) {
		return nil, false
	}
	between, _, _ := strings.Cut(after, markStart)
	between, _, _ = strings.Cut(between, markEnd)
	results = parse(between, r.dialect())
	if len(results) == 0 {
		// Where the two streams were kept apart the results lie outside.
		results = parse(log, r.dialect())
	}
	if r != V5 {
		return results, true
	}
	if len(results) == 0 {
		return results, suiteRan.MatchString(log)
	}
	code := exitCode.FindStringSubmatch(log)
	clean := code == nil || strings.Trim(code[1], "-0") == ""
	return results, clean || anyFailed(results) // else the results are the program's own print
}

func anyFailed(results logparse.Results) bool {
	for _, s := range results {
		if s == logparse.Failed || s == logparse.Error {
			return true
		}
	}
	return false
}
