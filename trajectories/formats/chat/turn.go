package chat

import (
	"encoding/json"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats/loose"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// Turn is an assistant's message as the log has it. The ids of its actions are
// the source's.
func (m *Message) Turn() trajectories.Turn {
	t := trajectories.Turn{Reasoning: m.Reasoning(), Message: m.Content.Text}
	t.Actions, t.Calls = Actions(m.Calls())
	extra := m.Extra()
	if m.ThinkingBlocks.Kind() == '[' {
		extra.AddRaw("thinking_blocks", m.ThinkingBlocks)
	}
	// Where a message says nothing and calls something, its content is null as
	// a rule, and else an empty string.
	if silent := len(t.Actions) > 0; m.Content.Text == "" && m.Content.Raw == nil && m.Content.There == silent {
		if silent {
			extra.Add("content", "")
		} else {
			extra.Add("content", nil)
		}
	}
	t.Origin = Origin(m.Content, extra)
	inline, rest := SplitThinking(m.Content.Text)
	if inline != "" && t.Reasoning == "" && m.Content.Raw == nil {
		whole := m.Content.Text
		t.Reasoning, t.Message = inline, rest
		if t.Origin == nil {
			t.Origin = &trajectories.Origin{}
		}
		t.Origin.Text = &whole
	}
	return t
}

// Note is a message that is neither an assistant's nor an answer.
func (m *Message) Note() trajectories.Message {
	role := string(m.Role)
	extra := m.Extra()
	switch role {
	case "system", "user", "assistant", "tool":
	default:
		extra.Add("role", role)
		role = "system"
	}
	return trajectories.Message{Role: role, Kind: trajectories.MessageNote, Shown: true, Text: m.Content.Text, Origin: Origin(m.Content, extra)}
}

// Extra is what the message has and no event has a field for.
func (m *Message) Extra() *members.List {
	var extra members.List
	if m.Name != "" {
		extra.Add("name", m.Name)
	}
	extra.AddAll(m.Rest)
	return &extra
}

// Aside is what the message has beside its role and text, the parts of that
// included.
func (m *Message) Aside() *members.List {
	extra := m.Extra()
	extra.AddRaw("content", m.Content.Raw)
	return extra
}

// Origin is the origin of an event with a text and more, nil where the event
// says all.
func Origin(text loose.Text, extra *members.List) *trajectories.Origin {
	o := trajectories.Origin{Parts: json.RawMessage(text.Raw), Extra: extra.Object()}
	if o.Parts == nil && o.Extra == nil {
		return nil
	}
	return &o
}
