package trajectories

import (
	"bytes"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
)

// An Encoder writes the events of one trajectory as the lines of a log, each
// with one Write. It checks their order as readers do, so that what it has
// written can be read. It is not safe for concurrent use.
//
// An event that is refused, because it is out of order or cannot be written as
// JSON, leaves no trace, and other events may follow. After a Write that failed
// the encoder returns the same error for every further event.
//
// Nothing is synced: see [Writer] for the log of an episode that is under way.
type Encoder struct {
	w     io.Writer
	form  json.Options
	line  bytes.Buffer
	order order
	size  int64 // bytes of whole events
	err   error // of a Write
}

// NewEncoder returns an encoder that writes to w. The first event has to be the
// header.
func NewEncoder(w io.Writer) *Encoder {
	return &Encoder{w: w, form: form()}
}

// Header writes the header. Its version is set here.
func (e *Encoder) Header(h Header) error {
	h.Version = Version
	return e.put(Event{Header: &h}, headerEvent{EventHeader, h})
}

// Turn writes a turn.
func (e *Encoder) Turn(t Turn) error {
	return e.put(Event{Turn: &t}, turnEvent{EventTurn, t})
}

// Observation writes an observation.
func (e *Encoder) Observation(o Observation) error {
	return e.put(Event{Observation: &o}, observationEvent{EventObservation, o})
}

// Message writes a message.
func (e *Encoder) Message(m Message) error {
	return e.put(Event{Message: &m}, messageEvent{EventMessage, m})
}

// View writes a view.
func (e *Encoder) View(v View) error {
	return e.put(Event{View: &v}, viewEvent{EventView, v})
}

// End writes the end, after which nothing may follow.
func (e *Encoder) End(end End) error {
	return e.put(Event{End: &end}, newEndEvent(end))
}

// Event writes whichever event e is. Unknown and torn ones hold nothing, and
// are refused.
func (e *Encoder) Event(event Event) error {
	switch {
	case event.Header != nil:
		return e.Header(*event.Header)
	case event.Turn != nil:
		return e.Turn(*event.Turn)
	case event.Observation != nil:
		return e.Observation(*event.Observation)
	case event.Message != nil:
		return e.Message(*event.Message)
	case event.View != nil:
		return e.View(*event.View)
	case event.End != nil:
		return e.End(*event.End)
	}
	return fmt.Errorf("an event of the unknown type %q cannot be written", event.Unknown)
}

func (e *Encoder) put(event Event, object any) error {
	if e.err != nil {
		return e.err
	}
	if err := e.order.check(event); err != nil {
		return err
	}
	e.line.Reset()
	if err := json.MarshalWrite(&e.line, object, e.form); err != nil {
		return fmt.Errorf("as JSON: %w", err)
	}
	e.line.WriteByte('\n')
	line := e.line.Bytes()
	if !utf8.Valid(line) { // raw JSON is passed on as it is
		line = []byte(string([]rune(string(line))))
	}
	if _, err := e.w.Write(line); err != nil {
		e.err = err
		return err
	}
	e.size += int64(len(line))
	e.order.accept(event)
	return nil
}
