package show

import (
	"fmt"
	"strings"
	"time"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/show/terminal"
)

// head opens a turn: its numbers, when it was, and what it cost.
func (s *shower) head(m *moment) {
	t := m.turn
	title := fmt.Sprintf("step %d", m.step)
	if len(t.Actions) == 0 {
		title = fmt.Sprintf("turn %d, no action", t.N)
		if m.last > t.N {
			title = fmt.Sprintf("turns %d to %d, no action", t.N, m.last)
		}
	} else if m.step != t.N {
		title += fmt.Sprintf(" (turn %d)", t.N)
	}
	for _, mark := range []struct {
		set  bool
		name string
	}{{t.Copied, "copied"}, {t.Synthetic, "not by the model"}, {t.Lost, "answer not kept"}} {
		if mark.set {
			title += ", " + mark.name
		}
	}
	var notes []string
	if t.Model != "" && t.Model != s.header.Policy.Model {
		notes = append(notes, terminal.Cut(terminal.Clean(t.Model), 20))
	}
	if !t.Time.IsZero() && !s.begun.IsZero() {
		notes = append(notes, "+"+elapsed(t.Time.Sub(s.begun)))
	}
	s.rule(terminal.Title, title, append(notes, usage(t.Usage)...)...)
}

// answer shows what was thought and said.
func (s *shower) answer(t *trajectories.Turn) {
	s.paragraph(terminal.Dim, margin{"· ", "  ", "  "}, t.Reasoning, s.options.Reasoning, hintReasoning)
	s.paragraph("", margin{}, t.Message, s.options.Text, hintFull)
	if t.FormatError != "" {
		s.paragraph(terminal.Red, margin{"✗ ", "  ", "  "}, "not to be read as actions: "+t.FormatError, s.options.Text, hintFull)
	}
}

// observation shows what came back.
func (s *shower) observation(o *trajectories.Observation) {
	if o == nil {
		s.line(terminal.Dim, margin{first: "└ "}, "no answer")
		return
	}
	bar := margin{"│ ", "│ ", "┊ "}
	head, tail := s.options.Observation, Fold(0)
	if head != Whole {
		tail = head / 2
		head -= tail
	}
	text := o.Text
	if head != Whole {
		text = terminal.WithoutColours(text)
	}
	top, missing, bottom := s.fold(text, s.width-2, head, tail)
	s.text("", bar, top...)
	s.missing(bar, missing, hintObservation)
	s.text("", bar, bottom...)

	how, failed := outcome(o)
	colour := terminal.Dim
	if failed {
		colour = terminal.Alarm
		how = "✗ " + how
	}
	if o.Text == "" {
		how += ", no output"
	}
	if o.Duration >= 100*time.Millisecond {
		how += ", " + duration(o.Duration)
	}
	s.line(colour, margin{first: "└ "}, how)
}

// outcome says in a few words how an action went.
func outcome(o *trajectories.Observation) (how string, failed bool) {
	failed = o.Failed
	r := o.Result
	switch {
	case o.Submitted:
		return "submitted", failed
	case r == nil && failed:
		return "failed", failed
	case r == nil:
		return "done", failed
	case r.End == sandbox.EndExit:
		how = fmt.Sprintf("exit %d", r.ExitCode)
		failed = failed || r.ExitCode != 0
	case r.End == sandbox.EndSignal && r.Signal != "":
		how, failed = terminal.Clean(r.Signal), true
	case r.End == sandbox.EndTimeout:
		how, failed = "timed out", true
	case r.End == sandbox.EndMemory:
		how, failed = "out of memory", true
	default:
		how, failed = terminal.Clean(string(r.End)), true
	}
	if r.Dropped > 0 {
		how += fmt.Sprintf(", %s bytes dropped", amount(int(r.Dropped)))
	}
	return how, failed
}

// message shows what else was said. What programs note for themselves is for
// those who want everything.
func (s *shower) message(m *trajectories.Message) {
	if s.options.Text != Whole && (m.Kind == trajectories.MessageState || strings.TrimSpace(m.Text) == "") {
		return
	}
	name := fmt.Sprintf("%s by %s", m.Kind, m.Role)
	if m.Kind == trajectories.MessageNote {
		name = m.Role
	}
	if !m.Shown {
		name += ", not shown to the policy"
	}
	fold := s.options.Text
	if fold != Whole && m.Kind != trajectories.MessageNote && m.Kind != trajectories.MessageFeedback {
		fold = min(fold, 3)
	}
	s.raw("")
	s.line(terminal.Magenta, margin{}, "▪ "+terminal.Clean(name))
	s.paragraph(terminal.Dim, indent("  "), m.Text, fold, hintFull)
}

// usage are the notes on what was used.
func usage(u trajectories.Usage) []string {
	var notes []string
	if u.PromptTokens > 0 {
		notes = append(notes, amount(u.PromptTokens)+" in")
	}
	if u.CompletionTokens > 0 {
		notes = append(notes, amount(u.CompletionTokens)+" out")
	}
	if u.Cost > 0 {
		notes = append(notes, money(u.Cost))
	}
	return notes
}

func money(dollars float64) string {
	if dollars < 0.1 {
		return fmt.Sprintf("$%.4f", dollars)
	}
	return fmt.Sprintf("$%.2f", dollars)
}

// amount is a number with about three digits.
func amount(n int) string {
	switch f := float64(n); {
	case n < 10_000:
		return fmt.Sprint(n)
	case n < 999_500:
		return fmt.Sprintf("%.3gk", f/1e3)
	case n < 999_500_000:
		return fmt.Sprintf("%.3gM", f/1e6)
	default:
		return fmt.Sprintf("%.3gG", f/1e9)
	}
}

// elapsed is a duration in whole seconds.
func elapsed(d time.Duration) string {
	if d < 2*time.Minute {
		return fmt.Sprintf("%d s", max(0, int(d.Seconds())))
	}
	return duration(d)
}

// duration is a span of time as people say it.
func duration(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d:%02d min", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d:%02d h", int(d.Hours()), int(d.Minutes())%60)
}
