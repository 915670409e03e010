package benchmarks

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"github.com/apprentice-rl/apprentice/env"
)

// A record is the folder of one evaluation.
type record struct {
	dir     string
	key     string
	rules   Rules
	image   string
	timeout time.Duration
}

// A recordError says that the run folder cannot be written, which no other
// task's evaluation could either.
type recordError struct{ err error }

func (e *recordError) Error() string { return "keeping an evaluation: " + e.err.Error() }
func (e *recordError) Unwrap() error { return e.err }

// report is the report.json of one task: SWE-bench's keys, and our own beside
// them.
type report struct {
	PatchIsNone  bool          `json:"patch_is_None"`
	PatchExists  bool          `json:"patch_exists"`
	Applied      bool          `json:"patch_successfully_applied"` // in truth: the log was gradable
	Resolved     bool          `json:"resolved"`
	InfraFailure *bool         `json:"infra_failure,omitempty"` // release 5 only
	InfraReason  string        `json:"infra_failure_reason,omitempty"`
	Tests        *testsStatus  `json:"tests_status,omitempty"`
	Apprentice   reportDetails `json:"apprentice"`
}

type testsStatus struct {
	FailToPass Tests `json:"FAIL_TO_PASS"`
	PassToPass Tests `json:"PASS_TO_PASS"`
	FailToFail Tests `json:"FAIL_TO_FAIL"`
	PassToFail Tests `json:"PASS_TO_FAIL"`
}

type reportDetails struct {
	Verdict        Verdict   `json:"verdict"`
	Reason         Reason    `json:"reason,omitempty"`
	Detail         string    `json:"detail,omitempty"`
	AppliedBy      string    `json:"applied_by,omitempty"`
	Rules          Rules     `json:"rules"`
	Image          string    `json:"image,omitempty"`
	TimeoutSeconds float64   `json:"timeout_seconds"`
	Seconds        float64   `json:"seconds"`
	Dropped        int64     `json:"output_bytes_dropped,omitempty"`
	Graded         time.Time `json:"graded"`
	Key            string    `json:"key"` // of the work: task, patch, image and rules
}

// key identifies the work: whoever has graded the same task, patch, image and
// rules has done it.
func (e *Evaluator) key(task env.Task, p Prediction, image string) string {
	work := struct {
		Task     env.Task
		Patch    *string
		Image    string
		Rules    Rules
		RunEmpty bool
	}{task, p.Patch, image, e.rules(), e.RunEmpty && p.Empty()}
	h := sha256.New()
	// Strings, booleans and lists of strings cannot fail to encode.
	_ = json.NewEncoder(h).Encode(work)
	return hex.EncodeToString(h.Sum(nil))
}

// load returns the evaluation of the same work that an earlier run has kept. A
// test that ran out of a shorter time than it has now is not the same work.
func (r record) load(task string) (Evaluation, bool) {
	data, err := os.ReadFile(filepath.Join(r.dir, "report.json"))
	if err != nil {
		return Evaluation{}, false
	}
	var reports map[string]report
	if json.Unmarshal(data, &reports) != nil {
		return Evaluation{}, false
	}
	kept, ok := reports[task]
	own := kept.Apprentice
	if !ok || own.Key != r.key || own.Reason == ReasonTimeout && own.TimeoutSeconds < r.timeout.Seconds() {
		return Evaluation{}, false
	}
	e := Evaluation{
		Task: task, Verdict: own.Verdict, Reason: own.Reason, Detail: own.Detail, AppliedBy: own.AppliedBy,
		Duration: time.Duration(math.Round(1000*own.Seconds)) * time.Millisecond, Dropped: own.Dropped, Reused: true, Dir: r.dir,
	}
	if kept.Tests != nil {
		e.Grade = Grade{Gradable: true, FailToPass: kept.Tests.FailToPass, PassToPass: kept.Tests.PassToPass}
	}
	return e, true
}

// begin makes an empty folder with the patch in it.
func (r record) begin(p Prediction) error {
	if err := errors.Join(os.RemoveAll(r.dir), os.MkdirAll(r.dir, 0o755)); err != nil {
		return &recordError{err}
	}
	patch := ""
	if p.Patch != nil {
		patch = *p.Patch
	}
	return r.write("patch.diff", []byte(patch))
}

// output keeps the log of the tests.
func (r record) output(log string) error { return r.write("test_output.txt", []byte(log)) }

// store keeps the verdict. It comes last, so that a folder with a report is a
// whole one.
func (r record) store(e Evaluation, p Prediction) error {
	rep := report{
		PatchIsNone: p.Patch == nil,
		PatchExists: !p.Empty(),
		Applied:     e.Grade.Gradable,
		Resolved:    e.Verdict == Resolved,
		Apprentice: reportDetails{
			Verdict: e.Verdict, Reason: e.Reason, Detail: e.Detail, AppliedBy: e.AppliedBy, Rules: r.rules, Image: r.image,
			TimeoutSeconds: r.timeout.Seconds(), Seconds: e.Duration.Seconds(), Dropped: e.Dropped,
			Graded: time.Now().UTC().Truncate(time.Second), Key: r.key,
		},
	}
	if e.Grade.Gradable {
		none := Tests{Success: []string{}, Failure: []string{}}
		rep.Tests = &testsStatus{FailToPass: e.Grade.FailToPass, PassToPass: e.Grade.PassToPass, FailToFail: none, PassToFail: none}
	}
	if r.rules == V5 {
		var s sign
		if !e.Grade.Gradable {
			log, _ := os.ReadFile(filepath.Join(r.dir, "test_output.txt")) // may not be there
			s = signOfTrouble(string(log))
		}
		rep.InfraFailure, rep.InfraReason = &s.infrastructure, s.reason
	}
	data, err := json.MarshalIndent(map[string]report{e.Task: rep}, "", "    ")
	if err != nil {
		return fmt.Errorf("keeping the evaluation of %s: %w", e.Task, err)
	}
	return r.write("report.json", append(data, '\n'))
}

func (r record) write(name string, data []byte) error {
	if err := renameio.WriteFile(filepath.Join(r.dir, name), data, 0o644); err != nil {
		return &recordError{err}
	}
	return nil
}
