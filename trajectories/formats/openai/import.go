package openai

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/chat"
	"github.com/apprentice-rl/apprentice/trajectories/formats/episode"
	"github.com/apprentice-rl/apprentice/trajectories/formats/loose"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// load imports the conversations of a document.
func load(ctx context.Context, in *formats.Input, to formats.Sink) error {
	return chat.EachRow(in, func(n *document.Node) error { return conversation(ctx, in, n, to) })
}

// An item is a message of the chat completions API or an item of the Responses
// API, which share their list.
type item struct {
	Type loose.String `json:"type"`
	chat.Message
	CallID    loose.String   `json:"call_id"`
	Arguments chat.Arguments `json:"arguments"`
	Output    loose.Text     `json:"output"`
	Summary   loose.Text     `json:"summary"`
}

// A talk is one conversation on its way to the sink.
type talk struct {
	in      *formats.Input
	to      formats.Sink
	row     chat.Row
	opening chat.Opening
	out     *episode.Writer // nil until the header is written
	// pending is a turn that comes in several items.
	pending *trajectories.Turn
}

func conversation(ctx context.Context, in *formats.Input, n *document.Node, to formats.Sink) error {
	row, err := chat.ReadRow(in, n, "model_patch")
	if err != nil {
		return err
	}
	t := &talk{in: in, to: to, row: row}
	for m, err := range row.Messages.Elements() {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		var i item
		if err := m.Decode(&i); err != nil {
			if err = in.Forgive(err); err != nil {
				return err
			}
			continue
		}
		if err := t.item(m, &i); err != nil {
			return err
		}
	}
	if err := t.flush(); err != nil {
		return err
	}
	if err := t.begin(); err != nil {
		return err
	}
	end := row.End
	end.Usage = t.out.Usage()
	if status := trajectories.ExitStatus(end.SourceStatus); status.Valid() {
		end.Status = status
	} else if t.out.Finished() {
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

// item takes the next item.
func (t *talk) item(n *document.Node, i *item) error {
	if i.Type == "function_call" || i.Type == "reasoning" || i.Type == "message" && i.Role == "assistant" {
		if err := t.begin(); err != nil {
			return err
		}
		return t.part(i)
	}
	if err := t.flush(); err != nil {
		return err
	}
	if t.out == nil && t.opening.Take(&t.row.Header, string(i.Role), i.Content.Text, i.Aside()) {
		return nil
	}
	if err := t.begin(); err != nil {
		return err
	}
	switch {
	case i.Role == "assistant":
		turn := i.Turn()
		turn.Usage.Calls = 1
		turn.Copied = weightless(i.Rest)
		return t.out.Turn(turn)
	case i.Type == "function_call_output":
		return t.answer(n, string(i.CallID), i.Output, i.Aside())
	case i.Role == "tool", i.Role == "function":
		return t.answer(n, string(i.ToolCallID), i.Content, extraOf(&i.Message))
	}
	return t.out.Message(i.Note())
}

// weightless reports whether a message has the weight 0, by which the
// fine-tuning API knows what is not to be learned from. The log's mark for that
// is that it was copied.
func weightless(rest jsontext.Value) bool {
	return string(members.Get(rest, "weight")) == "0"
}

// extraOf is what an answer has beside its text and its call's id.
func extraOf(m *chat.Message) *members.List {
	extra := m.Extra()
	if m.Role != "tool" {
		extra.Add("role", m.Role)
	}
	return extra
}

// part takes an item that is a part of a turn: reasoning comes before what was
// said, and that before the calls.
func (t *talk) part(i *item) error {
	if p := t.pending; p != nil && len(p.Actions) > 0 && i.Type != "function_call" {
		if err := t.flush(); err != nil {
			return err
		}
	}
	if t.pending == nil {
		t.pending = &trajectories.Turn{Usage: trajectories.Usage{Calls: 1}}
	}
	p := t.pending
	switch i.Type {
	case "function_call":
		// The item has an id beside that of the call, which messages know no place
		// for.
		var rest members.List
		for name, value := range members.All(i.Rest) {
			if name == "id" {
				name = "item_id"
			}
			rest.Add(name, value)
		}
		call := chat.ToolCall{ID: i.CallID, Function: chat.Function{Name: i.Name, Arguments: i.Arguments}, Rest: jsontext.Value(rest.Object())}
		action, source := call.Action()
		p.Actions = append(p.Actions, action)
		p.Calls = append(p.Calls, source)
	case "reasoning":
		p.Reasoning = joined(p.Reasoning, i.Summary.Text)
		if i.Content.Text != "" {
			p.Reasoning = joined(p.Reasoning, i.Content.Text)
		}
		keep(p, "reasoning_item", i.Rest)
	default:
		p.Message = joined(p.Message, i.Content.Text)
		keep(p, "message_item", i.Rest)
	}
	return nil
}

func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "\n" + b
}

// keep puts what an item has and the turn has no field for beside the turn.
func keep(t *trajectories.Turn, item string, rest jsontext.Value) {
	if len(rest) == 0 {
		return
	}
	var extra members.List
	if t.Origin != nil {
		extra.AddAll(t.Origin.Extra)
	}
	extra.AddRaw(item, rest)
	t.Origin = &trajectories.Origin{Extra: extra.Object()}
}

// flush writes the turn whose items are all there.
func (t *talk) flush() error {
	p := t.pending
	if p == nil {
		return nil
	}
	t.pending = nil
	p.Calls = chat.Needed(p.Calls)
	return t.out.Turn(*p)
}

// answer writes the answer to a call.
func (t *talk) answer(n *document.Node, id string, text loose.Text, extra *members.List) error {
	o := trajectories.Observation{Observation: env.Observation{Text: text.Text}}
	call, ok := t.out.Claim(id)
	if id == "" {
		// Before calls had ids, answers stood right behind them.
		call, ok = t.out.FirstOpen()
	}
	if ok {
		o.Origin = chat.Origin(text, extra)
		return t.out.Answer(call, o)
	}
	t.in.Warn(n, "this answers the call %q, which is not there or has its answer; it is kept as a message", id)
	if id != "" {
		extra.Add("tool_call_id", id)
	}
	return t.out.Message(trajectories.Message{Role: "tool", Kind: trajectories.MessageOrphan, Shown: true, Text: text.Text, Origin: chat.Origin(text, extra)})
}
