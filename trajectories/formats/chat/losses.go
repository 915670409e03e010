package chat

import (
	"unicode/utf8"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/episode"
)

const (
	noField  = "a row has no member for it"
	noFields = "a message has no member for it"
)

// Losses gathers what a row of messages cannot hold of a trajectory. Own says
// that the trajectory is of the format of the row.
type Losses struct {
	formats.Losses
	Own bool
}

// A field of an event that a row has no place for, and whether it is set.
type field struct {
	name string
	set  bool
}

// note adds the fields that are set.
func (l *Losses) note(turn int, why string, fields ...field) {
	for _, f := range fields {
		if f.set {
			l.Add(f.name, turn, why)
		}
	}
}

// Header notes what stands beside the messages in no row.
func (l *Losses) Header(h *trajectories.Header) {
	l.note(0, noField,
		field{"header.run", h.Run != ""},
		field{"header.started", !h.Started.IsZero()},
		field{"header.task", h.Task.Repo != "" || h.Task.BaseCommit != "" || h.Task.Image != ""},
		field{"header.policy", h.Policy.Version != "" || h.Policy.SyntheticReasoning},
		field{"header.sandbox", h.Sandbox.Driver != ""},
		field{"header.parent", h.Parent != nil},
		field{"header.session", h.Session != ""},
		field{"header.notes", h.Notes != ""},
		field{"header.origin", h.Origin != nil && !l.Own},
	)
	if h.Task.ProblemStatement != Problem(h.Prompt) {
		l.Add("header.task", 0, "the problem is told from the prompt, which does not mark it")
	}
}

// Turn notes what no assistant's message holds.
func (l *Losses) Turn(t *trajectories.Turn) {
	usage := t.Usage
	usage.Calls = 0
	foreign := false
	for _, c := range t.Calls {
		foreign = foreign || !l.Own && (c.ID != "" || c.Extra != nil)
	}
	l.note(t.N, noFields,
		field{"turn.time", !t.Time.IsZero()},
		field{"turn.model", t.Model != ""},
		field{"turn.usage", usage != (trajectories.Usage{}) || t.Usage.Calls != 1},
		field{"turn.request", t.Request != nil},
		field{"turn.response", t.Response != nil},
		field{"turn.calls", foreign},
		field{"turn.origin", t.Origin != nil && !l.Own},
	)
	if t.Lost {
		l.Add("turn.lost", t.N, "there is no text to write")
	}
	if t.FormatError != "" && !l.Own {
		l.Add("turn.format_error", t.N, "it is written as a message of the user")
	}
}

// Observation notes what no answer holds.
func (l *Losses) Observation(o *trajectories.Observation) {
	l.note(o.Turn, noFields,
		field{"observation.time", !o.Time.IsZero()},
		field{"observation.failed", o.Failed},
		field{"observation.result", o.Result != nil},
		field{"observation.submitted", o.Submitted},
		field{"observation.duration", o.Duration != 0},
		field{"observation.raw", o.Raw != nil},
		field{"observation.origin", o.Origin != nil && !l.Own},
	)
}

// Message notes what no other message holds. Held says that it is in the row.
func (l *Losses) Message(m *trajectories.Message, held bool) {
	if !held {
		l.Add("message."+string(m.Kind), m.After, "a row holds what the policy saw, and answers only with their calls")
		return
	}
	l.note(m.After, noFields,
		field{"message.time", !m.Time.IsZero()},
		field{"message.kind", !l.Own && m.Kind != trajectories.MessageNote},
		field{"message.origin", m.Origin != nil && !l.Own},
	)
	switch {
	case l.Own || m.Role == "user" || m.Role == "system":
	case m.Role == "assistant":
		l.Add("message.role", m.After, "it reads as a turn of the policy")
	default:
		l.Add("message.role", m.After, "it is said by the user")
	}
}

// End notes what stands behind the messages in no row. Answers is how many of
// the messages are the policy's.
func (l *Losses) End(e *trajectories.End, answers int) {
	l.note(0, noField,
		field{"end.time", !e.Time.IsZero()},
		field{"end.limit", e.Limit != ""},
		field{"end.source_status", e.SourceStatus != "" && !l.Own},
		field{"end.detail", e.Detail != ""},
		field{"end.submission", e.Submission != nil},
		field{"end.usage", e.Usage != trajectories.Usage{} && e.Usage != trajectories.Usage{Calls: answers}},
		field{"end.redactions", len(e.Redactions) > 0},
		field{"end.origin", e.Origin != nil},
	)
	if !utf8.ValidString(e.Patch) {
		l.Add("end.patch", 0, "it is not UTF-8, so a text cannot hold it")
	}
}

// Submits reports whether the last turn calls a tool by which agents hand in,
// which is what rows without a status are told from.
func Submits(t *trajectories.Trajectory) bool {
	if len(t.Turns) == 0 {
		return false
	}
	actions := t.Turns[len(t.Turns)-1].Actions
	return len(actions) > 0 && episode.Finishes(actions[len(actions)-1].Tool)
}
