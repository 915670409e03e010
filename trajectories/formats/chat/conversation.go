package chat

import (
	stdjson "encoding/json"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// A Conversation is a [Talk] in the language of the chat completions API: an
// assistant's message per turn, with its calls beside the text, and a message
// of the role tool per answer.
type Conversation struct {
	Header *trajectories.Header
	// Say takes the messages, in their order.
	Say func(m *members.List)
	// Own says that the origins of the trajectory are of the format that is
	// written: they are used then.
	Own bool
	// Plain writes what every loader of data sets can read: the content of a
	// message that only calls is "", in place of null, and arguments that are no
	// JSON object are {}.
	Plain bool
	// Mark adds to a message what the format notes in it. The turn is nil for
	// messages that are not the policy's.
	Mark func(m *members.List, turn *trajectories.Turn)

	ids map[string]string // of the calls, by those of the actions
	// complaint is what the policy was told of its last answer, unless a message
	// says it.
	complaint string
}

// Open says the system message and the prompt.
func (c *Conversation) Open() {
	system, prompt := Openings(c.Header, c.Own)
	c.opened("system", system)
	c.opened("user", prompt)
}

func (c *Conversation) opened(role string, o *Opened) {
	if o == nil {
		return
	}
	var m members.List
	m.AddAll(o.Extra) // it may hold another role, and parts in place of the text
	m.Add("role", role)
	m.Add("content", o.Text)
	c.say(&m, nil)
}

func (c *Conversation) say(m *members.List, turn *trajectories.Turn) {
	c.Mark(m, turn)
	c.Say(m)
}

// Close says what was wrong with the last answer, if that was not said.
func (c *Conversation) Close() {
	if c.complaint == "" {
		return
	}
	var m members.List
	m.Add("role", "user")
	m.Add("content", c.complaint)
	c.complaint = ""
	c.say(&m, nil)
}

// Event says what an event says.
func (c *Conversation) Event(e trajectories.Event) {
	if e.Message != nil && e.Message.Kind == trajectories.MessageFeedback {
		c.complaint = "" // it says so itself
	}
	c.Close()
	switch {
	case e.Turn != nil:
		c.turn(e.Turn)
	case e.Observation != nil:
		c.observation(e.Observation)
	case e.Message != nil:
		c.note(e.Message)
	}
}

func (c *Conversation) turn(t *trajectories.Turn) {
	c.complaint = t.FormatError
	if t.Lost {
		return // there is nothing to write
	}
	var m members.List
	m.Add("role", "assistant")
	origin := c.origin(t.Origin)
	switch {
	case origin.Parts != nil:
		m.AddRaw("content", origin.Parts)
	case origin.Text != nil:
		m.Add("content", *origin.Text)
	}
	m.AddAll(origin.Extra) // which may hold a content that is null or ""
	if t.Message == "" && len(t.Actions) > 0 && !c.Plain {
		m.Add("content", nil)
	}
	m.Add("content", t.Message)
	if t.Reasoning != "" && origin.Text == nil {
		m.Add("reasoning_content", t.Reasoning)
	}
	if len(t.Actions) > 0 {
		m.Add("tool_calls", c.calls(t))
	}
	c.say(&m, t)
}

// origin is what the format's own origin of an event holds.
func (c *Conversation) origin(o *trajectories.Origin) trajectories.Origin {
	if !c.Own || o == nil {
		return trajectories.Origin{}
	}
	return *o
}

func (c *Conversation) calls(t *trajectories.Turn) []stdjson.RawMessage {
	if c.ids == nil {
		c.ids = map[string]string{}
	}
	var all []stdjson.RawMessage
	for i, a := range t.Actions {
		var source trajectories.Call
		if i < len(t.Calls) && c.Own {
			source = t.Calls[i]
		}
		id := a.ID
		if source.ID != "" {
			id = source.ID
		}
		c.ids[a.ID] = id
		var call, function members.List
		call.Add("id", id)
		call.AddAll(source.Extra)
		call.Add("type", "function")
		function.Add("name", a.Tool)
		if arguments := t.ArgumentText(i); c.Plain && i < len(t.Calls) && t.Calls[i].Invalid {
			function.Add("arguments", string(a.Arguments))
		} else {
			function.Add("arguments", arguments)
		}
		call.Add("function", function.Object())
		all = append(all, call.Object())
	}
	return all
}

func (c *Conversation) observation(o *trajectories.Observation) {
	var m members.List
	origin := c.origin(o.Origin)
	m.AddAll(origin.Extra)
	m.Add("role", "tool")
	m.Add("tool_call_id", c.ids[o.Action])
	m.AddRaw("content", origin.Parts)
	m.Add("content", o.Text)
	c.say(&m, nil)
}

// note says a message that the policy saw. What another format calls a tool or
// an environment speaks as the user here: an answer without a call would not be
// valid.
func (c *Conversation) note(n *trajectories.Message) {
	if !Holds(n, c.Own) {
		return
	}
	var m members.List
	origin := c.origin(n.Origin)
	m.AddAll(origin.Extra)
	role := n.Role
	if !c.Own && role != "system" && role != "assistant" {
		role = "user"
	}
	m.Add("role", role)
	m.AddRaw("content", origin.Parts)
	m.Add("content", n.Text)
	if role == "assistant" && !c.Own {
		// It reads as a turn, and is not one of this policy here.
		c.say(&m, &trajectories.Turn{Copied: true})
		return
	}
	c.say(&m, nil)
}

// Holds reports whether a conversation can hold a message: the policy saw it,
// and it is no answer whose call is missing, which only a format's own rows may
// hold.
func Holds(m *trajectories.Message, own bool) bool {
	return m.Shown && (own || m.Kind != trajectories.MessageOrphan)
}
