package openai

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/chat"
)

// export writes a trajectory as a row, on one line. It goes over the events
// once and holds one of them.
func export(t formats.Source, w io.Writer) error {
	h := t.Header()
	x := &exporter{w: w, own: own(&h), ids: map[string]string{}}
	x.head(&h)
	for e, err := range t.Events() {
		if err != nil {
			return err
		}
		x.event(e)
		if x.err != nil {
			break
		}
	}
	x.complain()
	x.tail()
	if x.err != nil {
		return fmt.Errorf("writing a row of messages: %w", x.err)
	}
	return nil
}

// own reports whether a trajectory was read from this format, so that its
// origins are of this format, too.
func own(h *trajectories.Header) bool { return h.Source != nil && h.Source.Format == Name }

type exporter struct {
	w        io.Writer
	own      bool
	messages int
	ids      map[string]string // of the calls, by those of the actions
	// complaint is what the policy was told of its last answer, unless a message
	// says it.
	complaint string
	end       *trajectories.End
	err       error
}

func (x *exporter) write(b []byte) {
	if x.err == nil {
		_, x.err = x.w.Write(b)
	}
}

// head writes what stands before the messages, and the first of these.
func (x *exporter) head(h *trajectories.Header) {
	var row chat.Extra
	if h.Task.ID != "" {
		row.Add("instance_id", h.Task.ID)
	}
	if h.Policy.Model != "" {
		row.Add("model", h.Policy.Model)
	}
	if len(h.Tools) > 0 {
		row.Add("tools", chat.Definitions(h.Tools))
	}
	if x.own && h.Origin != nil {
		for name, value := range chat.Members(h.Origin.Extra) {
			if name != chat.OpeningMember {
				row.Add(name, value)
			}
		}
	}
	x.write([]byte{'{'})
	if object := row.Object(); object != nil {
		x.write(object[1 : len(object)-1])
		x.write([]byte{','})
	}
	x.write([]byte(`"messages":[`))
	system, prompt := chat.Openings(h, x.own)
	x.opened("system", system)
	x.opened("user", prompt)
}

func (x *exporter) opened(role string, o *chat.Opened) {
	if o == nil {
		return
	}
	var m chat.Extra
	m.AddAll(o.Extra) // it may hold another role, and parts in place of the text
	m.Add("role", role)
	m.Add("content", o.Text)
	x.message(&m)
}

func (x *exporter) message(m *chat.Extra) {
	if x.messages++; x.messages > 1 {
		x.write([]byte{','})
	}
	x.write(m.Object())
}

// say writes a message without anything beside its text.
func (x *exporter) say(role, text string) {
	var m chat.Extra
	m.Add("role", role)
	m.Add("content", text)
	x.message(&m)
}

// complain tells the policy what was wrong with its last answer.
func (x *exporter) complain() {
	if x.complaint != "" {
		x.say("user", x.complaint)
		x.complaint = ""
	}
}

func (x *exporter) event(e trajectories.Event) {
	if e.Message != nil && e.Message.Kind == trajectories.MessageFeedback {
		x.complaint = "" // it says so itself
	}
	x.complain()
	switch {
	case e.Turn != nil:
		x.turn(e.Turn)
	case e.Observation != nil:
		x.observation(e.Observation)
	case e.Message != nil:
		x.note(e.Message)
	case e.End != nil:
		x.end = e.End
	}
}

func (x *exporter) turn(t *trajectories.Turn) {
	x.complaint = t.FormatError
	if t.Lost {
		return // there is nothing to write
	}
	var m chat.Extra
	m.Add("role", "assistant")
	origin := x.origin(t.Origin)
	switch {
	case origin.Parts != nil:
		m.AddRaw("content", origin.Parts)
	case origin.Text != nil:
		m.Add("content", *origin.Text)
	}
	m.AddAll(origin.Extra) // which may hold a content that is null or ""
	if t.Message == "" && len(t.Actions) > 0 {
		m.Add("content", nil)
	}
	m.Add("content", t.Message)
	if t.Reasoning != "" && origin.Text == nil {
		m.Add("reasoning_content", t.Reasoning)
	}
	if len(t.Actions) > 0 {
		m.Add("tool_calls", x.calls(t))
	}
	if t.Copied || t.Synthetic {
		m.Add("weight", 0)
	}
	x.message(&m)
}

// origin is what the format's own origin of an event holds.
func (x *exporter) origin(o *trajectories.Origin) trajectories.Origin {
	if !x.own || o == nil {
		return trajectories.Origin{}
	}
	return *o
}

func (x *exporter) calls(t *trajectories.Turn) []json.RawMessage {
	var all []json.RawMessage
	for i, a := range t.Actions {
		var source trajectories.Call
		if i < len(t.Calls) && x.own {
			source = t.Calls[i]
		}
		id := a.ID
		if source.ID != "" {
			id = source.ID
		}
		x.ids[a.ID] = id
		var call, function chat.Extra
		call.Add("id", id)
		call.AddAll(source.Extra)
		call.Add("type", "function")
		function.Add("name", a.Tool)
		function.Add("arguments", t.ArgumentText(i))
		call.Add("function", function.Object())
		all = append(all, call.Object())
	}
	return all
}

func (x *exporter) observation(o *trajectories.Observation) {
	var m chat.Extra
	origin := x.origin(o.Origin)
	m.AddAll(origin.Extra)
	m.Add("role", "tool")
	m.Add("tool_call_id", x.ids[o.Action])
	m.AddRaw("content", origin.Parts)
	m.Add("content", o.Text)
	x.message(&m)
}

// note writes a message that the policy saw. What another format calls a tool
// or an environment speaks as the user here: an answer without a call would
// not be valid.
func (x *exporter) note(m *trajectories.Message) {
	if !held(m, x.own) {
		return
	}
	var out chat.Extra
	origin := x.origin(m.Origin)
	out.AddAll(origin.Extra)
	role := m.Role
	if !x.own && role != "system" && role != "assistant" {
		role = "user"
	}
	out.Add("role", role)
	out.AddRaw("content", origin.Parts)
	out.Add("content", m.Text)
	x.message(&out)
}

// held reports whether a message can be written: the policy saw it, and it is
// no answer whose call is missing, which only this format's own rows may hold.
func held(m *trajectories.Message, own bool) bool {
	return m.Shown && (own || m.Kind != trajectories.MessageOrphan)
}

// tail writes what stands behind the messages.
func (x *exporter) tail() {
	x.write([]byte{']'})
	var row chat.Extra
	if e := x.end; e != nil {
		switch {
		case x.own && e.SourceStatus != "":
			row.Add("exit_status", e.SourceStatus)
		case !x.own && e.Status != trajectories.ExitUnknown:
			row.Add("exit_status", e.Status)
		}
		if !e.PatchUnknown {
			row.Add("model_patch", e.Patch)
		}
	}
	if object := row.Object(); object != nil {
		x.write([]byte{','})
		x.write(object[1 : len(object)-1])
	}
	x.write([]byte("}\n"))
}
