package sweagent

import (
	"iter"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

// A history is the chat of a run, read one message ahead.
type history struct {
	in      *formats.Input
	pull    func() (*document.Node, error, bool)
	stop    func()
	opening map[int]bool // messages that are in the header
	head    *message
	ended   bool
	index   int // of the messages read so far
}

// A message of the history.
type message struct {
	node  *document.Node
	index int // from 0
	role  string
	demo  bool
}

func newHistory(in *formats.Input, run *document.Node, opening map[int]bool) *history {
	h := &history{in: in, opening: opening}
	h.pull, h.stop = iter.Pull2(in.Elements(run, "history"))
	return h
}

func (h *history) close() { h.stop() }

// peek returns the next message, nil after the last.
func (h *history) peek() (*message, error) {
	for h.head == nil && !h.ended {
		n, err, ok := h.pull()
		if !ok {
			h.ended = true
			break
		}
		if err != nil {
			h.ended = true
			return nil, err
		}
		index := h.index
		h.index++
		if h.opening[index] {
			continue
		}
		m, err := readMessage(h.in, n, index)
		if err != nil {
			h.ended = true
			return nil, err
		}
		h.head = m
	}
	return h.head, nil
}

// next goes over the message that peek has returned.
func (h *history) next() { h.head = nil }

// passed is how many messages were gone over.
func (h *history) passed() int {
	if h.head != nil {
		return h.head.index
	}
	return h.index
}

// readMessage reads what tells messages apart; nil stands for what is none.
func readMessage(in *formats.Input, n *document.Node, index int) (*message, error) {
	if n.Kind() != document.Object {
		return nil, in.Fault(n, "a message was to be here, not a JSON %s", n.Kind())
	}
	role, err := in.Text(n, "role")
	if err != nil {
		return nil, err
	}
	m := &message{node: n, index: index, role: role}
	if demo := formats.Member(n, "is_demo"); demo != nil {
		raw, err := demo.Raw()
		if err = in.Forgive(err); err != nil {
			return nil, err
		}
		m.demo = string(raw) == "true"
	}
	return m, nil
}

// said is the message as a log holds it.
func (m *message) said(in *formats.Input) (trajectories.Message, error) {
	n := trajectories.Message{Role: m.role, Kind: trajectories.MessageNote, Shown: true}
	content, err := in.Content(m.node, "content")
	if err != nil {
		return n, err
	}
	known := []string{"role", "content"}
	if m.demo {
		known = append(known, "is_demo")
	}
	extra, err := in.Rest(m.node, known...)
	n.Text = content.Text
	n.Origin = &trajectories.Origin{Index: m.index + 1, Parts: content.Parts, Extra: extra}
	return n, err
}
