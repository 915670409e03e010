package benchmarks

import (
	"time"
)

// A Verdict is what the evaluation of a prediction came to, one of a closed
// set.
type Verdict string

const (
	Resolved   Verdict = "resolved"
	Unresolved Verdict = "unresolved"
	// InfrastructureFailure: the sandbox or what it hangs on failed, again and
	// again. It says nothing about the prediction and is not scored.
	InfrastructureFailure Verdict = "infrastructure_failure"
	// Skipped: the image lacks a program that the task needs. It is not scored.
	Skipped Verdict = "skipped"
)

// Scored reports whether the verdict says something about the prediction.
func (v Verdict) Scored() bool { return v == Resolved || v == Unresolved }

// A Reason is why a prediction did not resolve its task, one of a closed set.
type Reason string

const (
	ReasonTestsFailed       Reason = "tests_failed"
	ReasonPatchDoesNotApply Reason = "patch_does_not_apply"
	ReasonTimeout           Reason = "timeout"          // of the tests
	ReasonLogNotGradable    Reason = "log_not_gradable" // the tests did not run to their end
	ReasonEmptyPatch        Reason = "empty_patch"
	ReasonNoPrediction      Reason = "no_prediction"
)

// An Evaluation is one prediction graded.
type Evaluation struct {
	Task    string
	Verdict Verdict
	Reason  Reason // set where Verdict is Unresolved
	// Detail says more in words: the error, the program that is missing, the
	// end of the script.
	Detail    string
	Grade     Grade
	AppliedBy string // the command that applied the patch
	Duration  time.Duration
	// Dropped counts the bytes of test output that were not kept.
	Dropped int64
	// Reused says that an earlier run had graded the same patch already.
	Reused bool
	// Dir holds patch.diff, test_output.txt and report.json; empty where
	// nothing was written.
	Dir string
}

// Results are the evaluations of one set of predictions, one for each task of
// the suite and in its order.
type Results []Evaluation

// Count returns the number of evaluations with that verdict.
func (r Results) Count(v Verdict) int {
	n := 0
	for _, e := range r {
		if e.Verdict == v {
			n++
		}
	}
	return n
}

// Rate returns how many of the scored tasks were resolved.
func (r Results) Rate() Rate {
	resolved := r.Count(Resolved)
	return Rate{Resolved: resolved, Scored: resolved + r.Count(Unresolved)}
}
