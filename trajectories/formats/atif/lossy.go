package atif

import (
	"slices"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/chat"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

const noMember = "the schema has no member for it"

// lossy lists what a document of version 1.7 cannot hold.
func lossy(t *trajectories.Trajectory) []formats.Loss {
	l := &losses{own: own(&t.Header)}
	l.header(&t.Header)
	calls := 0    // of a model, as the steps tell of them
	answered := 0 // the last turn that an event belonged to
	for e := range t.Events() {
		switch {
		case e.Turn != nil:
			answered = e.Turn.N
			l.turn(e.Turn)
			switch {
			case e.Turn.Synthetic:
			case e.Turn.Copied:
				calls += e.Turn.Usage.Calls
			default:
				calls += max(1, e.Turn.Usage.Calls)
			}
		case e.Observation != nil:
			l.observation(e.Observation, answered)
		case e.Message != nil:
			l.message(e.Message)
			if e.Message.Role != "tool" {
				answered = -1 // a step of its own
			}
		case e.View != nil:
			l.Add("view", e.View.Turn, noMember)
		case e.End != nil:
			l.end(e.End, &t.Header)
			if n := e.End.Usage.Calls; n != 0 && n != calls {
				l.Add("end.usage.calls", 0, "it is told by the steps, which have another sum")
			}
		}
	}
	return l.All()
}

type losses struct {
	formats.Losses
	own bool
}

// A field of an event that the schema has no place for, and whether it is set.
type field struct {
	name string
	set  bool
}

func (l *losses) note(turn int, fields ...field) {
	for _, f := range fields {
		if f.set {
			l.Add(f.name, turn, noMember)
		}
	}
}

// beyond reports whether an origin holds more than the members that are
// written: all of it where it is of another format.
func (l *losses) beyond(o *trajectories.Origin, known ...string) bool {
	if o == nil || !l.own {
		return o != nil
	}
	return more(o.Extra, known...)
}

// more reports whether an object has members other than those that are known.
func more(object []byte, known ...string) bool {
	for name := range members.All(object) {
		if !slices.Contains(known, name) {
			return true
		}
	}
	return false
}

func (l *losses) header(h *trajectories.Header) {
	if l.beyond(h.Origin, "agent", "extra", "trajectory_id", "continued_trajectory_ref", chat.OpeningMember) {
		l.Add("header.origin", 0, noMember)
	}
	if h.Origin != nil && l.own {
		if more(member(h.Origin.Extra, "agent"), "extra") {
			l.Add("header.origin.agent", 0, noMember)
		}
		system, prompt := chat.Openings(h, true)
		for _, o := range []*chat.Opened{system, prompt} {
			if o != nil && more(o.Extra, "timestamp", "message", "is_copied_context", "extra") {
				l.Add("header.origin."+chat.OpeningMember, 0, noMember)
			}
		}
	}
	if h.Task.ProblemStatement != chat.Problem(h.Prompt) {
		l.Add("header.task.problem_statement", 0, "the problem is told from the prompt, which does not mark it")
	}
	l.note(0,
		field{"header.task", h.Task.Repo != "" || h.Task.BaseCommit != "" || h.Task.Image != ""},
		field{"header.attempt", !l.own && h.Attempt > 1},
		field{"header.sandbox", h.Sandbox.Driver != ""},
		field{"header.policy.synthetic_reasoning", h.Policy.SyntheticReasoning},
		field{"header.parent", h.Parent != nil},
		field{"header.started", !l.own && !h.Started.IsZero()},
	)
}

func (l *losses) turn(t *trajectories.Turn) {
	l.note(t.N,
		field{"turn.request", t.Request != nil},
		field{"turn.response", t.Response != nil},
		field{"turn.lost", t.Lost},
		field{"turn.origin", l.beyond(t.Origin, "timestamp", "extra", "metrics", "reasoning_effort")},
	)
	if t.Origin != nil && l.own && more(member(t.Origin.Extra, "metrics"), "prompt_token_ids", "completion_token_ids", "logprobs", "extra") {
		l.Add("turn.origin.metrics", t.N, noMember)
	}
	metrics := t.Usage
	metrics.Calls = 0
	if t.Synthetic && (t.Reasoning != "" || metrics != trajectories.Usage{}) {
		l.Add("turn.usage", t.N, "a step that no model made has neither metrics nor reasoning")
	}
	if t.Usage.Calls == 0 && !t.Copied && !t.Synthetic {
		l.Add("turn.usage.calls", t.N, "a step that does not say so is one call of a model")
	}
	if t.FormatError != "" && !l.own {
		l.Add("turn.format_error", t.N, "it is written as a result that answers no call")
	}
	for _, c := range t.Calls {
		if c.Text != "" && !c.Invalid {
			l.Add("turn.calls.text", t.N, "arguments are JSON, so their white space is not kept")
		}
		if l.own && more(c.Extra, "extra") || !l.own && (c.ID != "" || c.Extra != nil) {
			l.Add("turn.calls", t.N, noMember)
		}
	}
}

func (l *losses) observation(o *trajectories.Observation, current int) {
	if o.Turn != current {
		l.Add("observation.turn", o.Turn, "a result can name calls of its own step only")
	}
	l.note(o.Turn,
		field{"observation.time", !l.own && !o.Time.IsZero()},
		field{"observation.failed", o.Failed},
		field{"observation.result", o.Result != nil},
		field{"observation.submitted", o.Submitted},
		field{"observation.duration", o.Duration != 0},
		field{"observation.raw", o.Raw != nil},
		field{"observation.origin", l.beyond(o.Origin, "content", "extra", "subagent_trajectory_ref")},
	)
	l.pointers(o.Origin, o.Turn)
}

// pointers notes references to other trajectories that cannot be written.
func (l *losses) pointers(o *trajectories.Origin, turn int) {
	if o == nil || !l.own {
		return
	}
	list := jsontext.Value(member(o.Extra, "subagent_trajectory_ref"))
	if all := elements(list); len(references(list)) != len(all) || slices.ContainsFunc(all, func(ref jsontext.Value) bool {
		return more(ref, referenceMembers()...)
	}) {
		l.Add("subagent_trajectory_ref", turn, "a reference needs a trajectory_id or a trajectory_path, and has no members beyond the schema")
	}
}

func (l *losses) message(m *trajectories.Message) {
	if !held(m) {
		l.Add("message."+string(m.Kind), m.After, "it says nothing that a step could hold")
		return
	}
	if m.Kind == trajectories.MessageOrphan {
		l.Add("message.orphan", m.After, "a result can name calls of its own step only")
	}
	l.pointers(m.Origin, m.After)
	l.note(m.After,
		field{"message.origin", l.beyond(m.Origin, "content", "extra", "subagent_trajectory_ref", "timestamp", "source_call_id")},
		field{"message.kind", !l.own && m.Kind != trajectories.MessageNote && m.Kind != trajectories.MessageContext},
		field{"message.role", m.Role != "user" && m.Role != "system" && m.Role != "tool"},
	)
}

func (l *losses) end(e *trajectories.End, h *trajectories.Header) {
	l.note(0,
		field{"end.time", !e.Time.IsZero()},
		field{"end.limit", e.Limit != ""},
		field{"end.source_status", e.SourceStatus != "" && !l.own},
		field{"end.detail", e.Detail != ""},
		field{"end.submission", e.Submission != nil},
		field{"end.redactions", len(e.Redactions) > 0},
		field{"end.origin", l.beyond(e.Origin, "extra", "total_steps")},
		field{"end.patch", !utf8.ValidString(e.Patch)},
	)
	if e.Origin != nil && l.own && h.Notes == "" && member(e.Origin.Extra, "total_steps") != nil {
		l.Add("end.origin.total_steps", 0, "where it is not the number of steps, notes have to say why")
	}
}
