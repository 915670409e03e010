package openai

import (
	"unicode/utf8"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

const (
	noField  = "a row has no member for it"
	noFields = "a message has no member for it"
)

// lossy lists what a row cannot hold.
func lossy(t *trajectories.Trajectory) []formats.Loss {
	var l formats.Losses
	own := own(&t.Header)
	header(&l, &t.Header)
	for i := range t.Turns {
		turn(&l, &t.Turns[i], own)
	}
	for i := range t.Observations {
		observation(&l, &t.Observations[i], own)
	}
	for i := range t.Messages {
		message(&l, &t.Messages[i], own)
	}
	for _, v := range t.Views {
		l.Add("view", v.Turn, "all messages of a row are seen by all that follow")
	}
	if t.End != nil {
		end(&l, t.End, own)
	}
	return l.All()
}

// A field of an event that a row has no place for, and whether it is set.
type field struct {
	name string
	set  bool
}

// note adds the fields that are set.
func note(l *formats.Losses, turn int, why string, fields ...field) {
	for _, f := range fields {
		if f.set {
			l.Add(f.name, turn, why)
		}
	}
}

func header(l *formats.Losses, h *trajectories.Header) {
	note(l, 0, noField,
		field{"header.started", !h.Started.IsZero()},
		field{"header.task", h.Task.Repo != "" || h.Task.BaseCommit != "" || h.Task.Image != ""},
		field{"header.policy", h.Policy.Name != "" || h.Policy.Version != "" || h.Policy.SyntheticReasoning},
		field{"header.sandbox", h.Sandbox.Driver != ""},
		field{"header.parent", h.Parent != nil},
		field{"header.session", h.Session != ""},
		field{"header.notes", h.Notes != ""},
		field{"header.origin", h.Origin != nil && !own(h)},
	)
}

func turn(l *formats.Losses, t *trajectories.Turn, own bool) {
	usage := t.Usage
	usage.Calls = 0
	invalid := false
	for _, c := range t.Calls {
		invalid = invalid || !own && (c.ID != "" || c.Extra != nil)
	}
	note(l, t.N, noFields,
		field{"turn.time", !t.Time.IsZero()},
		field{"turn.model", t.Model != ""},
		field{"turn.usage", usage != (trajectories.Usage{}) || t.Usage.Calls > 1},
		field{"turn.request", t.Request != nil},
		field{"turn.response", t.Response != nil},
		field{"turn.calls", invalid},
		field{"turn.origin", t.Origin != nil && !own},
	)
	if t.Lost {
		l.Add("turn.lost", t.N, "there is no text to write")
	}
	if (t.Copied || t.Synthetic) && !own {
		l.Add("turn.copied", t.N, "only its weight, 0, says that nobody is to learn from it")
	}
	if t.FormatError != "" {
		l.Add("turn.format_error", t.N, "it is written as a message of the user")
	}
}

func observation(l *formats.Losses, o *trajectories.Observation, own bool) {
	note(l, o.Turn, noFields,
		field{"observation.time", !o.Time.IsZero()},
		field{"observation.failed", o.Failed},
		field{"observation.result", o.Result != nil},
		field{"observation.submitted", o.Submitted},
		field{"observation.duration", o.Duration != 0},
		field{"observation.raw", o.Raw != nil},
		field{"observation.origin", o.Origin != nil && !own},
	)
}

func message(l *formats.Losses, m *trajectories.Message, own bool) {
	if !held(m, own) {
		l.Add("message."+string(m.Kind), m.After, "a row holds what the policy saw, and answers only with their calls")
		return
	}
	note(l, m.After, noFields,
		field{"message.time", !m.Time.IsZero()},
		field{"message.kind", m.Kind != trajectories.MessageNote && m.Kind != trajectories.MessageOrphan},
		field{"message.origin", m.Origin != nil && !own},
	)
}

func end(l *formats.Losses, e *trajectories.End, own bool) {
	usage := e.Usage
	usage.Calls = 0
	note(l, 0, noField,
		field{"end.time", !e.Time.IsZero()},
		field{"end.limit", e.Limit != ""},
		field{"end.source_status", e.SourceStatus != "" && !own},
		field{"end.detail", e.Detail != ""},
		field{"end.submission", e.Submission != nil},
		field{"end.usage", usage != (trajectories.Usage{})},
		field{"end.redactions", len(e.Redactions) > 0},
		field{"end.origin", e.Origin != nil},
	)
	if !utf8.ValidString(e.Patch) {
		l.Add("end.patch", 0, "it is not UTF-8, so a text cannot hold it")
	}
}
