package swesmith

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats/episode"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// A Conversation is a [chat.Talk] in the language of SWE-smith's xml style, for
// trajectories of other formats: system, user and assistant alone, and one call
// at most in each of the assistant's messages, with its answer behind it. A turn
// with several calls becomes several messages.
type Conversation struct {
	Header *trajectories.Header
	// Say takes the messages, in their order.
	Say func(m *members.List)
	// Mark adds to a message what the format notes in it. The turn is nil for
	// messages that are not the policy's.
	Mark func(m *members.List, turn *trajectories.Turn)

	// turn waits for its answers, which may come in any order.
	turn    *trajectories.Turn
	answers map[string]string
	// complaint is what the policy was told of its last answer, unless a message
	// says it.
	complaint string
}

// Open says the system message, with the tools as these messages call them, and
// the prompt.
func (c *Conversation) Open() {
	if system := instruct(c.Header); system != "" {
		c.say("system", system, nil)
	}
	if c.Header.Prompt != "" {
		c.say("user", c.Header.Prompt, nil)
	}
}

func (c *Conversation) say(role, text string, turn *trajectories.Turn) {
	var m members.List
	m.Add("role", role)
	m.Add("content", text)
	c.Mark(&m, turn)
	c.Say(&m)
}

// Event says what an event says. A turn waits until something else comes than
// its answers.
func (c *Conversation) Event(e trajectories.Event) {
	switch {
	case e.Observation != nil && c.turn != nil && e.Observation.Turn == c.turn.N:
		c.answers[e.Observation.Action] = e.Observation.Text
		return
	case e.Message != nil && !e.Message.Shown, e.View != nil:
		return
	case e.Message != nil && e.Message.Kind == trajectories.MessageFeedback:
		c.complaint = "" // it says so itself
	}
	c.Close()
	switch {
	case e.Turn != nil:
		c.turn, c.answers, c.complaint = e.Turn, map[string]string{}, e.Turn.FormatError
	case e.Observation != nil:
		c.say("user", e.Observation.Text, nil)
	case e.Message != nil:
		role := e.Message.Role
		if role != "system" && role != "assistant" {
			role = "user"
		}
		c.say(role, e.Message.Text, nil)
	}
}

// Close says the turn that waits.
func (c *Conversation) Close() {
	if t := c.turn; t != nil && !t.Lost {
		texts := split(t)
		for i, text := range texts {
			c.say("assistant", text, t)
			if i >= len(t.Actions) {
				break
			}
			if answer, ok := c.answers[t.Actions[i].ID]; ok {
				c.say("user", answer, nil)
			}
		}
	}
	c.turn = nil
	if c.complaint != "" {
		c.say("user", c.complaint, nil)
		c.complaint = ""
	}
}

// split are the texts of a turn: one per call, the first with what was said.
func split(t *trajectories.Turn) []string {
	if len(t.Actions) == 0 {
		return []string{t.Message}
	}
	var texts []string
	for i, a := range t.Actions {
		part := trajectories.Turn{Actions: []env.Action{alias(a)}}
		if i == 0 {
			part.Message = t.Message
		}
		texts = append(texts, render(&part, xml))
	}
	return texts
}

// submit is the tool by which SWE-agent hands in.
const submit = "submit"

// alias calls the tool that ends an episode by the name that SWE-agent knows. It
// takes no arguments there.
func alias(a env.Action) env.Action {
	if episode.Finishes(a.Tool) && a.Tool != submit {
		a.Tool, a.Arguments = submit, []byte("{}")
	}
	return a
}

// instruct is the system message. SWE-smith puts its own in the place of the
// source's; here the source's is kept, and what it cannot say of this way to
// call tools is said behind it.
func instruct(h *trajectories.Header) string {
	if len(h.Tools) == 0 {
		return h.System
	}
	var text strings.Builder
	if h.System != "" {
		text.WriteString(h.System + "\n\n")
	}
	text.WriteString("You can call these functions:\n")
	for i, t := range h.Tools {
		describe(&text, i+1, t)
	}
	text.WriteString(`
A call stands at the end of an answer, one call in each, and is written so:

<function=NAME>
<parameter=NAME>VALUE</parameter>
</function>
`)
	return text.String()
}

// describe describes a tool, between the marks that SWE-smith has from
// OpenHands.
func describe(text *strings.Builder, n int, t trajectories.Tool) {
	name, parameters := t.Name, t.Parameters
	if episode.Finishes(name) && name != submit {
		name, parameters = submit, nil
	}
	fmt.Fprintf(text, "\n---- BEGIN FUNCTION #%d: %s ----\nDescription: %s\n\n", n, name, t.Description)
	required := map[string]bool{}
	for _, p := range elements(members.Get(parameters, "required")) {
		required[str(p)] = true
	}
	i := 0
	for name, schema := range members.All(members.Get(parameters, "properties")) {
		if i++; i == 1 {
			text.WriteString("Parameters:\n")
		}
		fmt.Fprintf(text, "  (%d) %s (%s, %s):", i, name, kind(schema), need(required[name]))
		if what := members.Get(schema, "description"); what != nil {
			text.WriteString(" " + str(what))
		}
		if choice := members.Get(schema, "enum"); choice != nil {
			text.WriteString(" Allowed values: " + str(choice))
		}
		text.WriteString("\n")
	}
	if i == 0 {
		text.WriteString("No parameters are required for this function.\n")
	}
	fmt.Fprintf(text, "---- END FUNCTION #%d ----\n", n)
}

// kind is the type of a parameter.
func kind(schema jsontext.Value) string {
	if t := members.Get(schema, "type"); t != nil {
		return str(t)
	}
	return "any"
}

func need(required bool) string {
	if required {
		return "required"
	}
	return "optional"
}
