package mini

import (
	"context"
	"iter"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

func importer(extras bool) func(context.Context, *formats.Input, formats.Sink) error {
	return func(ctx context.Context, in *formats.Input, to formats.Sink) error {
		root, err := in.Document()
		if err != nil {
			return err
		}
		r := reader{in: in, to: to, root: root, extras: extras, calls: map[string]call{}}
		return r.read(ctx)
	}
}

// A reader reads one file.
type reader struct {
	in     *formats.Input
	to     formats.Sink
	root   *document.Node
	extras bool // version 1.1

	ids   formats.IDs
	turn  int
	calls map[string]call // by the source's id, the latest
	last  []string        // the ids of the last turn's actions that have no answer yet

	// answer is the last answer of version 1, whose next message tells whether
	// its form was right.
	answer *trajectories.Turn
	// held is a message of which only the next one tells what it is.
	held *trajectories.Message
	exit *document.Node // the last message of version 1.1
	// submits says that the last command was the one that submits, and shown
	// is what came back for it in version 1: the submission.
	submits bool
	shown   string
}

type call struct {
	action   string
	turn     int
	answered bool
}

// messages yields the messages, in either shape of a file.
func (r *reader) messages() iter.Seq2[*document.Node, error] {
	if r.root.Kind() == document.Array {
		return r.in.List(r.root)
	}
	return r.in.Elements(r.root, "messages")
}

func (r *reader) read(ctx context.Context) error {
	h, opening, err := r.header()
	if err != nil {
		return err
	}
	if err := r.to.Begin(h); err != nil {
		return err
	}
	i := 0
	for m, err := range r.messages() {
		if i++; err == nil {
			err = ctx.Err()
		}
		if err == nil && i > opening {
			err = r.message(m, i)
		}
		if err != nil {
			return err
		}
	}
	if r.answer != nil { // the last one, without a reply
		if err := r.emit(*r.answer); err != nil {
			return err
		}
	}
	end, err := r.end()
	if err != nil {
		return err
	}
	return r.to.End(end)
}

// message hands over message i, from 1.
func (r *reader) message(m *document.Node, i int) error {
	if r.exit != nil { // it was not the last one
		if err := r.note(r.exit, i-1); err != nil {
			return err
		}
		r.exit = nil
	}
	if m.Kind() != document.Object {
		return r.in.Fault(m, "a message was to be here, not a JSON %s", m.Kind())
	}
	role, err := r.in.Text(m, "role")
	if err != nil {
		return err
	}
	kind, err := r.in.Text(m, "type")
	if err != nil {
		return err
	}
	switch {
	case kind == "function_call_output":
		return r.result(m, i, "call_id", "output")
	case role == "" && formats.Member(m, "output") != nil:
		return r.response(m, i)
	case role == "assistant" && r.extras:
		return r.reply(m, i)
	case role == "assistant":
		return r.command(m, i)
	case role == "tool":
		return r.result(m, i, "tool_call_id", "content")
	case role == "exit":
		r.exit = m
		return nil
	case role == "user" && r.extras:
		return r.told(m, i)
	case role == "user":
		return r.output(m, i)
	case role == "":
		return r.in.Fault(m, "a message without a role")
	}
	return r.note(m, i)
}

// emit hands over a turn.
func (r *reader) emit(t trajectories.Turn) error {
	r.turn, r.answer = t.N, nil
	r.last = r.last[:0]
	for k, a := range t.Actions {
		r.calls[t.CallID(k)] = call{action: a.ID, turn: t.N}
		r.last = append(r.last, a.ID)
	}
	return r.to.Turn(t)
}

// note hands over a message that is neither a turn nor an answer.
func (r *reader) note(m *document.Node, i int) error {
	if err := r.flush(); err != nil {
		return err
	}
	n, err := r.said(m, i)
	if err != nil {
		return err
	}
	if n.Role == "exit" {
		n.Role, n.Kind, n.Shown = "environment", trajectories.MessageExit, false
	}
	return r.to.Message(n)
}

// flush hands over what was held.
func (r *reader) flush() error {
	if r.answer != nil {
		if err := r.emit(*r.answer); err != nil {
			return err
		}
	}
	if m := r.held; m != nil {
		r.held = nil
		return r.to.Message(*m)
	}
	return nil
}

// said reads a message as it is.
func (r *reader) said(m *document.Node, i int) (trajectories.Message, error) {
	n := trajectories.Message{After: r.turn, Kind: trajectories.MessageNote, Shown: true}
	var err error
	if n.Role, err = r.in.Text(m, "role"); err != nil {
		return n, err
	}
	content, err := r.in.Content(m, "content")
	if err != nil {
		return n, err
	}
	if n.Time, err = r.in.Seconds(m, "extra", "timestamp"); err != nil {
		return n, err
	}
	extra, err := r.in.Rest(m, "role", "content")
	n.Text = content.Text
	n.Origin = &trajectories.Origin{Index: i, Parts: content.Parts, Extra: extra}
	return n, err
}
