package swesmith

import (
	"io"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/chat"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// export writes a trajectory as a row, on one line. It goes over the events
// once, and holds a turn with its answers at most.
func export(t formats.Source, w io.Writer) error {
	h := t.Header()
	own := own(&h)
	return chat.WriteRow(w, t, chat.Form{
		Head: func(h *trajectories.Header) *members.List { return head(h, own) },
		Tail: func(e *trajectories.End) *members.List { return tail(e) },
		Talk: func(h *trajectories.Header, say func(*members.List)) chat.Talk {
			if own {
				return &repetition{header: h, style: style(h.Source.Version), say: say}
			}
			return &Conversation{Header: h, Say: say, Mark: func(*members.List, *trajectories.Turn) {}}
		},
	})
}

// own reports whether a trajectory was read from this format.
func own(h *trajectories.Header) bool { return h.Source != nil && h.Source.Format == Name }

// head makes what stands before the messages. Rows of another format's
// trajectories have no tools: a chat template would tell of them in its own
// language, and the calls are in this one.
func head(h *trajectories.Header, own bool) *members.List {
	var row members.List
	if h.Task.ID != "" {
		row.Add("instance_id", h.Task.ID)
	}
	if h.Policy.Model != "" {
		row.Add("model", h.Policy.Model)
	}
	if own && len(h.Tools) > 0 {
		row.Add("tools", chat.Definitions(h.Tools))
	}
	if own {
		chat.AddBeside(&row, h)
	}
	return &row
}

// tail makes what stands behind the messages.
func tail(e *trajectories.End) *members.List {
	var row members.List
	if e == nil {
		return &row
	}
	if e.SourceStatus != "" {
		row.Add("exit_status", e.SourceStatus)
	}
	if !e.PatchUnknown {
		row.Add("patch", e.Patch)
	}
	return &row
}

// A repetition says again what was read from this format.
type repetition struct {
	header *trajectories.Header
	style  style
	say    func(m *members.List)
}

func (r *repetition) Open() {
	system, prompt := chat.Openings(r.header, true)
	for _, m := range []struct {
		role   string
		opened *chat.Opened
	}{{"system", system}, {"user", prompt}} {
		if m.opened != nil {
			r.message(m.role, m.opened.Text, &trajectories.Origin{Extra: m.opened.Extra})
		}
	}
}

func (r *repetition) Close() {}

func (r *repetition) Event(e trajectories.Event) {
	switch {
	case e.Turn != nil:
		r.turn(e.Turn)
	case e.Observation != nil:
		r.message("user", e.Observation.Text, e.Observation.Origin)
	case e.Message != nil && e.Message.Shown:
		role := e.Message.Role
		if e.Message.Kind == trajectories.MessageFeedback {
			role = "user"
		}
		r.message(role, e.Message.Text, e.Message.Origin)
	}
}

// message says a message. Its origin may hold another role, and parts in place
// of the text.
func (r *repetition) message(role, text string, o *trajectories.Origin) {
	var m members.List
	if o != nil {
		m.AddAll(o.Extra)
		m.AddRaw("content", o.Parts)
	}
	m.Add("role", role)
	m.Add("content", text)
	r.say(&m)
}

func (r *repetition) turn(t *trajectories.Turn) {
	var m members.List
	m.Add("role", "assistant")
	text, reasoning := t.Message, t.Reasoning
	if t.Origin != nil {
		m.AddRaw("content", t.Origin.Parts)
		m.AddAll(t.Origin.Extra)
	}
	switch beside := m.Has("tool_calls") || m.Has("function_call"); {
	case !beside:
		text = source(t, r.style)
	case t.Origin.Text != nil:
		text, reasoning = *t.Origin.Text, "" // which is in it
	case text == "":
		m.Add("content", nil) // as beside calls, if it does not say otherwise
	}
	m.Add("content", text)
	if reasoning != "" {
		m.Add("reasoning_content", reasoning)
	}
	r.say(&m)
}
