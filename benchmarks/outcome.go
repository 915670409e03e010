package benchmarks

import (
	"slices"
	"strings"

	"github.com/apprentice-rl/apprentice/benchmarks/logparse"
	"github.com/apprentice-rl/apprentice/env"
)

// An outcome is the list that a test belongs in.
type outcome int

const (
	neither outcome = iota
	success
	failure
)

// A judge tells the outcome of the test of that id; skipped is the outcome of a
// skipped one.
type judge func(results logparse.Results, id string, skipped outcome) outcome

// sort puts the tests into lists.
func sort(results logparse.Results, ids []string, judge judge, skipped outcome) Tests {
	sorted := Tests{Success: []string{}, Failure: []string{}}
	for _, id := range ids {
		switch judge(results, id, skipped) {
		case success:
			sorted.Success = append(sorted.Success, id)
		case failure:
			sorted.Failure = append(sorted.Failure, id)
		}
	}
	return sorted
}

// passAndFail is the judge of most tasks: a test that the log does not name has
// failed.
func passAndFail(results logparse.Results, id string, skipped outcome) outcome {
	status, found := results[id]
	if !found {
		return failure
	}
	return byStatus(status, skipped)
}

func byStatus(status logparse.Status, skipped outcome) outcome {
	switch status {
	case logparse.Passed, logparse.XFail:
		return success
	case logparse.Failed, logparse.Error:
		return failure
	case logparse.Skipped:
		return skipped
	}
	return neither
}

// passAndFailWhole is passAndFail for ids that the lists cut at a blank inside
// their parameters ("test_x[a") and the log does not: such an id means all
// tests that begin with it, where they agree.
func passAndFailWhole(results logparse.Results, id string, skipped outcome) outcome {
	if _, found := results[id]; found || strings.Count(id, "[") <= strings.Count(id, "]") {
		return passAndFail(results, id, skipped)
	}
	passed, skips, failed := 0, 0, 0
	for full, status := range results {
		switch {
		case !strings.HasPrefix(full, id):
		case status == logparse.Passed || status == logparse.XFail:
			passed++
		case status == logparse.Skipped:
			skips++
		default:
			failed++
		}
	}
	switch {
	case passed > 0 && skips+failed == 0:
		return success
	case skips > 0 && passed+failed == 0:
		return skipped
	}
	return failure // some failed, or they do not agree, or there is no such test
}

// failedOnly is the judge of tasks whose runner names only the tests that
// failed.
func failedOnly(results logparse.Results, id string, _ outcome) outcome {
	if results[id] == logparse.Failed {
		return failure
	}
	return success
}

// failOnlyRepos are the repositories that failedOnly judges where the row of a
// task does not say it, as rows for release 4 do not.
var failOnlyRepos = []string{"chartjs/Chart.js", "processing/p5.js", "markedjs/marked"}

func failOnly(task env.Task) bool {
	if task.EvalType != "" {
		return task.EvalType == "fail_only"
	}
	return slices.Contains(failOnlyRepos, task.Repo)
}
