package audit

import (
	"fmt"
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/redact"
)

// mostSecrets bounds how many different ones are told apart.
const mostSecrets = 1000

// secret finds keys, tokens and passwords, each told once, where it stands
// first.
type secret struct {
	silent
	e     *episode
	found map[string]*spotted // by placeholder: equal secrets have equal ones
	order []*spotted
}

type spotted struct {
	Finding
	kind  redact.Kind
	times int
}

func startSecret(e *episode) watch {
	x := &secret{e: e, found: map[string]*spotted{}}
	h := e.header
	for _, text := range []string{h.System, h.Prompt, h.Task.ProblemStatement, h.Notes} {
		x.look(text, Finding{Place: Header})
	}
	return x
}

func (x *secret) look(text string, at Finding) {
	x.note(text, x.e.redactor.Check(text), at)
}

func (x *secret) note(text string, hits []redact.Hit, at Finding) {
	for _, h := range hits {
		if h.Kind == redact.Entropy || h.Kind == redact.Email || h.Kind == redact.Literal {
			continue
		}
		if s, ok := x.found[h.Placeholder]; ok {
			s.times++
			continue
		}
		if len(x.order) == mostSecrets {
			return
		}
		f := at
		f.Rule, f.Severity = Secret, High
		f.Quote = upTo(text, h)
		s := &spotted{Finding: f, kind: h.Kind, times: 1}
		x.found[h.Placeholder], x.order = s, append(x.order, s)
	}
}

// upTo quotes what leads to a secret, and of it only what says whose it is.
func upTo(text string, h redact.Hit) string {
	start := strings.LastIndexByte(text[:h.Start], '\n') + 1
	const before = 80
	if h.Start-start > before {
		start = h.Start - before
		for start < h.Start && text[start]&0xC0 == 0x80 {
			start++
		}
	}
	return strings.TrimLeft(text[start:h.Start]+cut(text[h.Start:h.End], shownOfSecret), " \t")
}

func (x *secret) turn(t *trajectories.Turn) {
	at := Finding{Turn: t.N}
	if len(t.Actions) > 0 {
		at.Step = x.e.steps
	}
	at.Place = Reasoning
	x.look(t.Reasoning, at)
	at.Place = Answer
	x.look(t.Message, at)
}

func (x *secret) step(s *step) {
	at := Finding{Turn: s.turn.N, Step: s.n, Action: s.action.ID, Place: Call}
	if s.command != "" {
		x.look(s.command, at)
	} else {
		_, hits := x.e.redactor.Again().JSON(s.action.Arguments)
		x.note(string(s.action.Arguments), hits, at)
	}
	if s.seen == nil {
		return
	}
	at.Place = Observation
	x.look(s.seen.Text, at)
	if s.seen.Raw != nil {
		x.look(*s.seen.Raw, at)
	}
}

func (x *secret) message(m *trajectories.Message) {
	x.look(m.Text, Finding{Turn: m.After, Place: Message})
}

func (x *secret) end(e *trajectories.End) {
	if e != nil {
		x.look(e.Patch, Finding{Place: FinalPatch})
		if e.Submission != nil {
			x.look(*e.Submission, Finding{Place: Submitted})
		}
	}
	for _, s := range x.order {
		f := s.Finding
		f.Why = "a secret of the kind " + string(s.kind)
		if s.times > 1 {
			f.Why = fmt.Sprintf("%s, %d times in all", f.Why, s.times)
		}
		x.e.report(f)
	}
}
