package swesmith

import (
	"context"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/chat"
	"github.com/apprentice-rl/apprentice/trajectories/formats/episode"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// policy is the program that acts in these trajectories.
const policy = "swe-agent"

// load imports the rows of a document.
func load(ctx context.Context, in *formats.Input, to formats.Sink) error {
	return chat.EachRow(in, func(n *document.Node) error { return conversation(ctx, in, n, to) })
}

// A talk is one conversation on its way to the sink.
type talk struct {
	in      *formats.Input
	to      formats.Sink
	style   style
	row     chat.Row
	opening chat.Opening
	out     *episode.Writer // nil until the header is written
	// answers says that no other message than answers came since the last turn,
	// and spoke that none at all did.
	answers, spoke bool
}

func conversation(ctx context.Context, in *formats.Input, n *document.Node, to formats.Sink) error {
	row, err := chat.ReadRow(in, n, "patch")
	if err != nil {
		return err
	}
	style, _ := look(n)
	if style == "" {
		style = xml
	}
	row.Header.Policy.Name = policy
	row.Header.Source = &trajectories.Source{Version: string(style)}
	t := &talk{in: in, to: to, style: style, row: row}
	for n, err := range row.Messages.Elements() {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		var m chat.Message
		if err := n.Decode(&m); err != nil {
			if err = in.Forgive(err); err != nil {
				return err
			}
			continue
		}
		if err := t.message(n, &m); err != nil {
			return err
		}
	}
	if err := t.begin(); err != nil {
		return err
	}
	end := t.row.End
	end.Usage = t.out.Usage()
	if t.out.Finished() {
		end.Status = trajectories.ExitSubmitted
	}
	return t.out.End(end)
}

// begin writes the header, if that has not been done.
func (t *talk) begin() error {
	if t.out != nil {
		return nil
	}
	t.opening.Keep(&t.row.Header)
	out, err := episode.Begin(t.to, t.row.Header)
	t.out = out
	return err
}

func (t *talk) message(n *document.Node, m *chat.Message) error {
	if t.out == nil && t.opening.Take(&t.row.Header, string(m.Role), m.Content.Text, m.Aside()) {
		return nil
	}
	if err := t.begin(); err != nil {
		return err
	}
	if m.Role == "assistant" {
		t.answers, t.spoke = true, true
		return t.out.Turn(t.turn(n, m))
	}
	spoke := t.spoke
	t.spoke = false
	origin := chat.Origin(m.Content, answerExtra(m))
	if call, ok := t.out.FirstOpen(); ok && t.answers && m.Role != "system" {
		return t.out.Answer(call, trajectories.Observation{Observation: env.Observation{Text: m.Content.Text}, Origin: origin})
	}
	t.answers = false
	if !spoke || m.Role == "system" {
		return t.out.Message(m.Note())
	}
	t.in.Warn(n, "this answers no call; it is kept as a message")
	return t.out.Message(trajectories.Message{Role: "tool", Kind: trajectories.MessageFeedback, Shown: true, Text: m.Content.Text, Origin: origin})
}

// answerExtra is what an answer has beside its text. It need not be the user's,
// and no call's id is told of it then.
func answerExtra(m *chat.Message) *members.List {
	extra := m.Extra()
	if m.Role != "user" {
		extra.Add("role", m.Role)
	}
	if m.ToolCallID != "" {
		extra.Add("tool_call_id", m.ToolCallID)
	}
	return extra
}

// turn makes the turn of an assistant's message.
func (t *talk) turn(n *document.Node, m *chat.Message) trajectories.Turn {
	turn := m.Turn() // calls beside the text there are none of
	turn.Usage.Calls = 1
	if len(turn.Actions) > 0 {
		return withCalls(turn, n)
	}
	if turn.Origin != nil && turn.Origin.Text != nil {
		turn.Message, turn.Reasoning, turn.Origin.Text = *turn.Origin.Text, "", nil
	}
	whole := turn.Message
	a := parse(whole, t.style)
	turn.Message = a.thought
	for _, c := range a.calls {
		turn.Actions = append(turn.Actions, c.action())
	}
	if a.broken {
		turn.FormatError = "the call cannot be read"
		t.in.Warn(n, "the text begins a call that cannot be read")
	}
	if render(&turn, t.style) != whole {
		if turn.Origin == nil {
			turn.Origin = &trajectories.Origin{}
		}
		turn.Origin.Text = &whole
	}
	if o := turn.Origin; o != nil && o.Index == 0 && o.ID == "" && o.Text == nil && o.Parts == nil && o.Extra == nil {
		turn.Origin = nil
	}
	return turn
}

// withCalls keeps the calls that a message has beside its text, as they are:
// nothing else tells them from calls in it.
func withCalls(turn trajectories.Turn, n *document.Node) trajectories.Turn {
	var extra members.List
	if turn.Origin == nil {
		turn.Origin = &trajectories.Origin{}
	}
	extra.AddAll(turn.Origin.Extra)
	for _, name := range []string{"tool_calls", "function_call"} {
		if m := formats.Member(n, name); m != nil {
			raw, _ := m.Raw() // it was decoded before
			extra.AddRaw(name, raw)
		}
	}
	turn.Origin.Extra = extra.Object()
	return turn
}

// action is the call as the log has it. Of a parameter that is there twice the
// last value counts, as with SWE-agent.
func (c call) action() env.Action {
	last := map[string]int{}
	for i, v := range c.values {
		last[v.name] = i
	}
	var arguments members.List
	for i, v := range c.values {
		if last[v.name] == i {
			arguments.Add(v.name, v.value())
		}
	}
	object := arguments.Object()
	if object == nil {
		object = []byte("{}")
	}
	return env.Action{Tool: c.tool, Arguments: object}
}

// value is the text of a parameter as the value that the tool was given: its
// line breaks at both ends belong to the tags, and two parameters are no texts.
func (v value) value() any {
	text := strings.TrimSuffix(strings.TrimPrefix(v.text, "\n"), "\n")
	typed := jsontext.Value(strings.TrimSpace(text))
	switch {
	case v.name == "view_range" && typed.Kind() == '[' && typed.IsValid(),
		v.name == "insert_line" && typed.Kind() == '0' && typed.IsValid():
		var discard any
		if json.Unmarshal(typed, &discard) == nil {
			return typed
		}
	}
	return text
}
