package openai

import (
	"io"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/chat"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// export writes a trajectory as a row, on one line. It goes over the events
// once and holds one of them.
func export(t formats.Source, w io.Writer) error {
	h := t.Header()
	own := own(&h)
	return chat.WriteRow(w, t, chat.Form{
		Head: func(h *trajectories.Header) *members.List { return head(h, own) },
		Tail: func(e *trajectories.End) *members.List { return tail(e, own) },
		Talk: func(h *trajectories.Header, say func(*members.List)) chat.Talk {
			return &chat.Conversation{Header: h, Own: own, Say: say, Mark: weigh}
		},
	})
}

// own reports whether a trajectory was read from this format, so that its
// origins are of this format, too.
func own(h *trajectories.Header) bool { return h.Source != nil && h.Source.Format == Name }

// weigh says of a message that nobody is to learn from it.
func weigh(m *members.List, turn *trajectories.Turn) {
	if turn != nil && (turn.Copied || turn.Synthetic) {
		m.Add("weight", 0)
	}
}

// head makes what stands before the messages.
func head(h *trajectories.Header, own bool) *members.List {
	var row members.List
	if h.Task.ID != "" {
		row.Add("instance_id", h.Task.ID)
	}
	if h.Policy.Model != "" {
		row.Add("model", h.Policy.Model)
	}
	if len(h.Tools) > 0 {
		row.Add("tools", chat.Definitions(h.Tools))
	}
	if own {
		chat.AddBeside(&row, h)
	}
	return &row
}

// tail makes what stands behind the messages.
func tail(e *trajectories.End, own bool) *members.List {
	var row members.List
	if e == nil {
		return &row
	}
	switch {
	case own && e.SourceStatus != "":
		row.Add("exit_status", e.SourceStatus)
	case !own && e.Status != trajectories.ExitUnknown:
		row.Add("exit_status", e.Status)
	}
	if !e.PatchUnknown {
		row.Add("model_patch", e.Patch)
	}
	return &row
}
