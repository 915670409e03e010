package chat

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// A Form is how a format writes trajectories as rows:
//
//	{head, "messages": […], tail}
type Form struct {
	// Head and Tail make the members before and behind the messages. The end is
	// nil where a trajectory has none.
	Head func(h *trajectories.Header) *members.List
	Tail func(e *trajectories.End) *members.List
	// Talk makes the messages, and says them one after the other.
	Talk func(h *trajectories.Header, say func(m *members.List)) Talk
}

// A Talk makes messages of what happens in a trajectory.
type Talk interface {
	// Open says what the header holds.
	Open()
	// Event says what the next event says, at once or later.
	Event(e trajectories.Event)
	// Close says what has not been said.
	Close()
}

// WriteRow writes a trajectory as a row, on one line. It goes over the events
// once.
func WriteRow(w io.Writer, t formats.Source, f Form) error {
	h := t.Header()
	r := &rowWriter{w: w}
	r.head(f.Head(&h))
	talk := f.Talk(&h, r.message)
	talk.Open()
	var end *trajectories.End
	for e, err := range t.Events() {
		if err != nil {
			return err
		}
		if talk.Event(e); r.err != nil {
			break
		}
		if e.End != nil {
			end = e.End
		}
	}
	talk.Close()
	r.tail(f.Tail(end))
	if r.err != nil {
		return fmt.Errorf("writing a row of messages: %w", r.err)
	}
	return nil
}

type rowWriter struct {
	w        io.Writer
	messages int
	err      error
}

func (r *rowWriter) write(b []byte) {
	if r.err == nil {
		_, r.err = r.w.Write(b)
	}
}

func (r *rowWriter) head(list *members.List) {
	r.write([]byte{'{'})
	if text := inner(list); text != nil {
		r.write(text)
		r.write([]byte{','})
	}
	r.write([]byte(`"messages":[`))
}

func (r *rowWriter) message(m *members.List) {
	if r.messages++; r.messages > 1 {
		r.write([]byte{','})
	}
	r.write(m.Object())
}

func (r *rowWriter) tail(list *members.List) {
	r.write([]byte{']'})
	if text := inner(list); text != nil {
		r.write([]byte{','})
		r.write(text)
	}
	r.write([]byte("}\n"))
}

// inner is an object without its braces, nil if nothing is between them.
func inner(list *members.List) json.RawMessage {
	object := list.Object()
	if object == nil {
		return nil
	}
	return object[1 : len(object)-1]
}
