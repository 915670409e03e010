package report

import (
	"fmt"
	"strings"

	"github.com/apprentice-rl/apprentice/benchmarks"
)

// A Surprise is a prediction of a check that did not come out as it must.
type Surprise struct {
	Set  string
	Task string
	Text string
}

// Surprises lists what speaks against the pipeline, in the order of sets and
// tasks. Evaluations that were not scored are none.
func (r Report) Surprises() []Surprise {
	var list []Surprise
	for _, id := range r.Tasks() {
		for _, s := range r.Sets {
			if t, ok := s.Tasks[id]; ok {
				if text := s.Kind.surprise(t); text != "" {
					list = append(list, Surprise{Set: s.Name, Task: id, Text: text})
				}
			}
		}
	}
	return list
}

// surprise says what should not be, or "".
func (k Kind) surprise(t TaskReport) string {
	if !k.Check() || !t.Verdict.Scored() {
		return ""
	}
	switch resolved := t.Verdict == benchmarks.Resolved; {
	case k == Oracle && resolved:
		return ""
	case k == Oracle:
		return "the oracle does not resolve the task"
	case k == Empty && resolved:
		return "an empty patch resolves the task"
	case resolved:
		return "a wrong patch resolves the task"
	}
	// Unresolved is right, but not for every reason.
	switch t.Reason {
	case benchmarks.ReasonLogNotGradable:
		return "the log of the tests cannot be graded, so they have shown nothing"
	case benchmarks.ReasonPatchDoesNotApply, benchmarks.ReasonEmptyPatch, benchmarks.ReasonNoPrediction:
		if k == Wrong {
			return "there was no patch to test, so the tests have shown nothing"
		}
	}
	if k == Empty && t.FailToPass != nil {
		switch {
		case len(t.FailToPass.Success) > 0:
			return "a test of FAIL_TO_PASS passes where nothing is done"
		case len(t.PassToPass.Failure) > 0:
			return "a test of PASS_TO_PASS fails where nothing is done"
		}
	}
	return ""
}

// Headline says in one sentence what the run found.
func (r Report) Headline() string {
	var measured []string
	for _, s := range r.Sets {
		if !s.Kind.Check() {
			measured = append(measured, fmt.Sprintf("%s resolved %s", s.Title, share(s)))
		}
	}
	switch checks := r.checks(); {
	case len(measured) > 0:
		return strings.Join(measured, "; ") + "."
	case checks == "":
		return "Nothing was graded in this run."
	default:
		return checks
	}
}

// Summary says what goes with the headline: what the checks found, what they
// mean and what was left out.
func (r Report) Summary() []string {
	var list []string
	if headline := r.Headline(); r.checks() != "" && headline != r.checks() {
		list = append(list, r.checks())
	}
	measured := false
	for _, s := range r.Sets {
		measured = measured || !s.Kind.Check()
	}
	if !measured && len(r.Surprises()) == 0 && r.checks() != "" {
		list = append(list, "These are checks: they say that tasks, sandbox and grading fit together, and nothing about a model.")
	}
	skipped, failures := 0, 0
	for _, s := range r.Sets {
		skipped += s.Skipped
		failures += s.InfrastructureFailures
	}
	var out []string
	if failures > 0 {
		out = append(out, count(failures, "infrastructure failure"))
	}
	if skipped > 0 {
		out = append(out, fmt.Sprintf("%d skipped", skipped))
	}
	if len(out) > 0 {
		list = append(list, fmt.Sprintf("%s not scored: %s.", wasWere(failures+skipped, "evaluation"), enumerate(out)))
	}
	return list
}

// checks says in one sentence how the checks came out, or "" if there are none.
func (r Report) checks() string {
	wrong := map[string]int{}
	for _, s := range r.Surprises() {
		wrong[s.Set]++
	}
	var good, bad []string
	var passing []string // kinds of which nothing passed
	for _, s := range r.Sets {
		switch n := wrong[s.Name]; {
		case !s.Kind.Check():
		case s.Scored() == 0:
			bad = append(bad, fmt.Sprintf("nothing of the set %s could be scored", s.Name))
		case s.Kind == Oracle && n == 0:
			good = append(good, "the oracle resolved "+share(s))
		case s.Kind == Oracle:
			bad = append(bad, "the oracle resolved "+share(s))
		case n == 0:
			passing = append(passing, string(s.Kind))
		case s.Kind == Empty:
			bad = append(bad, fmt.Sprintf("the tests of %s do not fail as they must where nothing is done", count(n, "task")))
		default:
			bad = append(bad, fmt.Sprintf("%s not told from a right one", wasWere(n, "wrong patch")))
		}
	}
	if len(passing) > 0 {
		verb := " patch did"
		if len(good) == 0 {
			verb = " patch resolved a task"
		}
		good = append(good, "no "+strings.Join(passing, " or ")+verb)
	}
	switch {
	case len(bad) > 0:
		return "The pipeline does not hold: " + strings.Join(bad, ", and ") + "."
	case len(good) > 0:
		return "The pipeline holds: " + strings.Join(good, ", and ") + "."
	}
	return ""
}

// share is the rate of a set in whole tasks.
func share(s SetReport) string {
	all, that := s.Resolved == s.Scored(), ""
	if s.Unscored() > 0 {
		that = " that could be scored"
	}
	switch of := count(s.Scored(), "task") + that; {
	case all && s.Scored() == 2:
		return "both tasks" + that
	case all && s.Scored() > 2:
		return "all " + of
	case s.Scored() > 0 && s.Resolved == 0:
		return "none of " + of
	default:
		return fmt.Sprintf("%d of %s", s.Resolved, of)
	}
}

// count renders a number of things.
func count(n int, thing string) string {
	switch {
	case n == 1:
		return "1 " + thing
	case strings.HasSuffix(thing, "ch"):
		return fmt.Sprintf("%d %ses", n, thing)
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func wasWere(n int, thing string) string {
	if n == 1 {
		return count(n, thing) + " was"
	}
	return count(n, thing) + " were"
}

// enumerate joins parts of a sentence.
func enumerate(parts []string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}
