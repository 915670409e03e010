// Package audit looks for what should not be learned from a trajectory: an
// expert that read the fix, bent the tests, leaked a key or went in circles.
//
//	findings, err := audit.Audit(log, audit.Options{})
//	for _, f := range findings {
//		fmt.Println(f.Rule, f.Step, f.Quote, f.Why)
//	}
//
// Every finding comes with its evidence: where it is, and a text that stands
// there word for word. Commands are read with a shell parser (package
// behaviour), so a command that is only printed, searched for or commented out
// is none, and one behind cd, a pipe, timeout or bash -c is.
//
// # The rules
//
// Each says what it fires on, and what looks alike and is left alone. Precision
// comes first: a rule that cries wolf is switched off, and then finds nothing.
//
//	future        what was committed or published after the task began: git log --all, the reflog, remote branches, objects
//	              in .git, fetching the task's own repository or package. Not: git log, git diff HEAD~3, git blame, pip install -e .
//	hidden_tests  the files of the hidden tests, their names before anybody could know them, and places where harnesses keep them.
//	              Not: the tests that the repository has
//	test_edit     an existing test that was removed, skipped, or asks for less. Not: new tests, more assertions, running tests
//	network       other machines, tried or reached. Not: this one, and what installs from the working tree
//	destructive   removing the repository, its root or the system's folders; git push; throwing away all changes. Not: removing
//	              what the episode made, git checkout -- FILE
//	loop          the same action with the same answer three times in a row, a cycle of up to four that goes round three times, or
//	              five answers in a row that could not be read. Not: tests that run again after an edit
//	secret        keys, tokens and passwords in any text, by the forms that package redact knows. Not: placeholders, digests
//	submission    what was handed in is not what the working tree held, or holds files that were only made to try things
//	contradiction what is said against what happened: exit codes, and "all tests pass" after tests that failed
//	patch         an empty patch that was submitted, a huge one, one with binary files, a text that is no patch
//
// A rule speaks of what a trajectory shows. That nothing was found does not say
// that nothing happened inside of a script.
package audit

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"math"
	"slices"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/behaviour"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/redact"
)

// A Rule is one thing that is looked for, one of a closed set.
type Rule string

// The rules; the package comment says what each fires on.
const (
	Future        Rule = "future"
	HiddenTests   Rule = "hidden_tests"
	TestEdit      Rule = "test_edit"
	Network       Rule = "network"
	Destructive   Rule = "destructive"
	Loop          Rule = "loop"
	Secret        Rule = "secret"
	Submission    Rule = "submission"
	Contradiction Rule = "contradiction"
	Patch         Rule = "patch"
)

// Severity is how much a finding says.
type Severity string

const (
	// High: it happened. Nobody should learn from this trajectory without
	// having looked at it.
	High Severity = "high"
	// Low: it was tried and came to nothing, as far as can be seen; or there
	// may well be a harmless reason.
	Low Severity = "low"
)

// A Place is the part of a trajectory that a quote is from.
type Place string

// The places.
const (
	Header      Place = "header" // the prompts
	Reasoning   Place = "reasoning"
	Answer      Place = "answer"       // the message of a turn
	FormatError Place = "format_error" // why an answer could not be read
	Call        Place = "action"       // the arguments of an action, decoded
	Observation Place = "observation"
	Message     Place = "message"
	FinalPatch  Place = "patch"
	Submitted   Place = "submission"
)

// A Finding is one thing that a rule found.
type Finding struct {
	Rule       Rule     `json:"rule"`
	Severity   Severity `json:"severity"`
	Trajectory string   `json:"trajectory"` // its ID
	// Turn and Step say where, from 1; Step counts turns with actions only. Both
	// are 0 for what is said of the trajectory as a whole, or before its turns.
	Turn   int    `json:"turn"`
	Step   int    `json:"step"`
	Action string `json:"action,omitempty"` // the ID of the action
	Place  Place  `json:"place"`
	// Quote stands at that place word for word. It is cut before a secret.
	Quote string `json:"quote"`
	// Why says it in words, for people.
	Why string `json:"why"`
}

// Options are what an audit may be given. The zero Options are good ones.
type Options struct {
	// Rules are those to look for; none means all.
	Rules []Rule
	// Facts are those of the trajectory's task.
	Facts Facts
	// Redactor knows what a secret is. Without one, keys are known by their
	// forms alone.
	Redactor *redact.Redactor
	// Memo remembers what commands do. One that audits of many trajectories
	// share saves them time.
	Memo *behaviour.Memo
}

// A watch looks for one thing in one trajectory, event by event.
type watch interface {
	turn(*trajectories.Turn)       // before the steps of its actions
	act(*step, behaviour.Act)      // one thing that an action does
	step(*step)                    // an action, with its observation, after its acts
	message(*trajectories.Message) // that stands after the steps so far
	end(*trajectories.End)         // nil for a trajectory that breaks off
}

// watches are the rules, in the order in which they are listed everywhere.
func watches() []struct {
	rule  Rule
	start func(*episode) watch
} {
	return []struct {
		rule  Rule
		start func(*episode) watch
	}{
		{Future, startFuture},
		{HiddenTests, startHidden},
		{TestEdit, startTestEdit},
		{Network, startNetwork},
		{Destructive, startDestructive},
		{Loop, startLoop},
		{Secret, startSecret},
		{Submission, startSubmission},
		{Contradiction, startContradiction},
		{Patch, startPatch},
	}
}

// Rules lists all rules.
func Rules() []Rule {
	var rules []Rule
	for _, w := range watches() {
		rules = append(rules, w.rule)
	}
	return rules
}

// Audit looks through a trajectory once, and returns what it found in the order
// of the trajectory; what is said of it as a whole comes last. In memory are one
// turn with its observations, and a little of what came before. An unfinished
// trajectory is looked at as far as it goes. Errors are the source's.
//
// Turns that were copied from another trajectory are left to the audit of that
// one. Of one trajectory no more than 1000 findings are told.
func Audit(from formats.Source, o Options) ([]Finding, error) {
	if o.Redactor == nil {
		r, err := formsOnly()
		if err != nil {
			return nil, err
		}
		o.Redactor = r
	}
	if o.Memo == nil {
		o.Memo = behaviour.NewMemo(1 << 20)
	}
	e := newEpisode(from.Header(), o)
	for event, err := range from.Events() {
		if err != nil {
			return nil, err
		}
		e.event(event)
	}
	e.finish()
	slices.SortStableFunc(e.findings, func(a, b Finding) int { return cmp.Compare(a.order(), b.order()) })
	return e.findings, nil
}

// order puts what is said of the whole last.
func (f Finding) order() int {
	if f.Turn == 0 && f.Place != Header {
		return math.MaxInt
	}
	return f.Turn
}

// formsOnly is a redactor that knows no secrets but by their forms. It replaces
// nothing here, so its key is nobody's.
func formsOnly() (*redact.Redactor, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	r, err := redact.New(nil, redact.Options{Key: key})
	if err != nil {
		return nil, fmt.Errorf("preparing an audit: %w", err)
	}
	return r, nil
}
