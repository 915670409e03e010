package audit

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/behaviour"
	"github.com/apprentice-rl/apprentice/trajectories/redact"
)

// An episode is what the rules share of the trajectory that they look at.
type episode struct {
	header   trajectories.Header
	facts    Facts
	redactor *redact.Redactor
	memo     *behaviour.Memo
	files    files
	watches  []watch
	findings []Finding

	// A turn waits for its observations: rules see an action with its answer.
	pending  *trajectories.Turn
	answers  map[string]*trajectories.Observation
	messages []*trajectories.Message
	steps    int

	handedIn *step // the last action that handed in the work
	last     *step // the last action
	ended    bool
}

func newEpisode(h trajectories.Header, o Options) *episode {
	e := &episode{
		header:   h,
		facts:    o.Facts.complete(h.Task),
		redactor: o.Redactor,
		memo:     o.Memo,
		files:    newFiles(h),
		answers:  map[string]*trajectories.Observation{},
	}
	for _, w := range watches() {
		if len(o.Rules) == 0 || slices.Contains(o.Rules, w.rule) {
			e.watches = append(e.watches, w.start(e))
		}
	}
	return e
}

func (e *episode) event(event trajectories.Event) {
	switch {
	case event.Turn != nil:
		e.flush()
		e.pending = event.Turn
	case event.Observation != nil:
		e.answers[event.Observation.Action] = event.Observation
	case event.Message != nil:
		e.messages = append(e.messages, event.Message)
	case event.End != nil:
		e.end(event.End)
	}
}

// flush shows the rules the turn that was waiting, its steps, and what was said
// meanwhile.
func (e *episode) flush() {
	if t := e.pending; t != nil && !t.Copied {
		if len(t.Actions) > 0 {
			e.steps++
		}
		for _, w := range e.watches {
			w.turn(t)
		}
		for i, a := range t.Actions {
			if t.Synthetic {
				break
			}
			s := e.newStep(t, i, a)
			e.show(s)
			e.last = s
			if behaviour.Main(s.acts).Kind == behaviour.Submit || s.seen != nil && s.seen.Submitted {
				e.handedIn = s
			}
		}
	}
	for _, m := range e.messages {
		for _, w := range e.watches {
			w.message(m)
		}
	}
	e.pending, e.messages = nil, nil
	clear(e.answers)
}

// show shows the rules one step, act by act: what an act has made, the next one
// may remove.
func (e *episode) show(s *step) {
	for _, a := range s.acts {
		for _, w := range e.watches {
			w.act(s, a)
		}
		e.files.after(s, a)
	}
	e.files.move(s.acts)
	for _, w := range e.watches {
		w.step(s)
	}
}

func (e *episode) end(end *trajectories.End) {
	e.flush()
	e.ended = true
	for _, w := range e.watches {
		w.end(end)
	}
}

func (e *episode) finish() {
	if !e.ended {
		e.end(nil)
	}
}

// A step is one action with what came back.
type step struct {
	turn    *trajectories.Turn
	n       int // the SRL step
	action  env.Action
	command string // its command line, if its tool takes one
	acts    []behaviour.Act
	seen    *trajectories.Observation // nil if it was not answered
}

func (e *episode) newStep(t *trajectories.Turn, i int, a env.Action) *step {
	s := &step{turn: t, n: e.steps, action: a, seen: e.answers[a.ID]}
	arguments := a.Arguments
	if i < len(t.Calls) && t.Calls[i].Invalid {
		arguments = []byte(t.Calls[i].Text)
	}
	s.command, _ = behaviour.Command(a.Tool, arguments)
	s.acts = e.memo.Classify(a.Tool, arguments)
	return s
}

// text is what an action says: its command line, or its arguments.
func (s *step) text() string {
	if s.command != "" {
		return s.command
	}
	return string(s.action.Arguments)
}

// of is the part of the command that an act stands for.
func (s *step) of(a behaviour.Act) string {
	if s.command == "" || a.End == 0 {
		return s.text()
	}
	return s.command[min(a.Pos, len(s.command)):min(a.End, len(s.command))]
}

// The ways in which a command can have gone.
type outcome int

const (
	unknown outcome = iota
	worked
	failed
)

// outcome is how an action went, as far as its observation tells.
func (s *step) outcome() outcome {
	switch {
	case s.seen == nil:
		return unknown
	case s.seen.Failed, s.seen.Result != nil && !s.seen.Result.Succeeded():
		return failed
	case s.seen.Result != nil:
		return worked
	}
	return unknown
}

// severity is that of something that matters if it worked: what gave an answer
// that is not only an error did.
func (s *step) severity() Severity {
	if s.seen == nil || s.outcome() == failed || strings.TrimSpace(s.seen.Text) == "" || unreached(s.seen.Text) {
		return Low
	}
	return High
}

// What programs say when they reached nobody, or were not there.
var unreachable = []string{
	"Could not resolve", "could not resolve", "Temporary failure in name resolution", "Name or service not known", "Network is unreachable",
	"Connection refused", "connection refused", "Connection timed out", "Failed to establish a new connection", "No route to host",
	"Could not find a version that satisfies", "No matching distribution found", "unable to access", "no such host", "dial tcp",
	"command not found", "not a git repository", "does not appear to be a git repository", "Failed to fetch", "Unable to locate package", "Proxy Error", "407 Proxy",
	"No such file or directory", "unknown revision", "is not a valid", "bad revision", "nodename nor servname",
}

func unreached(text string) bool {
	const enough = 4096
	if len(text) > enough {
		text = text[:enough/2] + text[len(text)-enough/2:]
	}
	for _, u := range unreachable {
		if strings.Contains(text, u) {
			return true
		}
	}
	return false
}

// mostFindings bounds what is told of one trajectory.
const mostFindings = 1000

// report files a finding with a quote of its own. What one action does several
// times is told once.
func (e *episode) report(f Finding) {
	f.Trajectory = e.header.ID
	if len(e.findings) == mostFindings || len(e.findings) > 0 && e.findings[len(e.findings)-1] == f {
		return
	}
	e.findings = append(e.findings, f)
}

// reportAct files a finding about one act of a step.
func (e *episode) reportAct(rule Rule, severity Severity, s *step, a behaviour.Act, why string) {
	e.reportStep(rule, severity, s, s.of(a), 0, why)
}

// reportStep files a finding about the text of a step, from an offset in it on.
func (e *episode) reportStep(rule Rule, severity Severity, s *step, text string, at int, why string) {
	e.report(Finding{
		Rule: rule, Severity: severity, Turn: s.turn.N, Step: s.n, Action: s.action.ID,
		Place: Call, Quote: e.quote(text, at), Why: why,
	})
}

const (
	longestQuote = 200
	// shownOfSecret is how much of a secret a quote gives away: whose it is.
	shownOfSecret = 4
)

// quote is a piece of a text from an offset on: one line, not too long, and no
// secret.
func (e *episode) quote(text string, at int) string {
	rest := text[min(at, len(text)):]
	rest = strings.TrimLeft(rest, " \t\r\n")
	line, _, _ := strings.Cut(rest, "\n")
	line = strings.TrimRight(line, " \t\r")
	// A secret may begin where the quote ends.
	const beyond = 512
	if hits := e.redactor.Check(rest[:min(len(rest), longestQuote+beyond)]); len(hits) > 0 {
		for _, h := range hits {
			if h.Kind != redact.Entropy {
				line = line[:min(len(line), h.Start+shownOfSecret)]
				break
			}
		}
	}
	return cut(line, longestQuote)
}

// cut shortens a text to whole characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// silent is a watch that sees nothing; rules put in what they look at.
type silent struct{}

func (silent) turn(*trajectories.Turn)       {}
func (silent) act(*step, behaviour.Act)      {}
func (silent) step(*step)                    {}
func (silent) message(*trajectories.Message) {}
func (silent) end(*trajectories.End)         {}
