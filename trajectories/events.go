package trajectories

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Events reads a log one event at a time and checks their order: the header
// first and once, turns numbered from 1, observations after the turn whose
// action they answer, nothing after the end. In memory are one event, and the
// ids of the actions so far. A line may have up to 256 MiB.
//
// Events of unknown types, and a last line that was cut off, are said and not
// fatal; anything else that is wrong comes last, as an error. The name is used
// in errors, which are *EventError except where r itself fails.
func Events(name string, r io.Reader) iter.Seq2[Event, error] {
	d := decoder{lines: bufio.NewReaderSize(r, 1<<16), form: form(), most: maxLine}
	return d.all(name)
}

// A decoder reads the lines of a log.
type decoder struct {
	lines *bufio.Reader
	form  json.Options
	long  []byte // a line that is longer than the reader's buffer
	order order
	most  int // bytes of a line

	outline bool
	short   []byte // a line without what an outline leaves out
	omitted int    // bytes of the text that was left out of this line

	number int // of the line
	offset int64
	line   []byte
	last   bool // it has no line break
}

// maxLine bounds an event, in bytes: a value that an importer takes has a quarter
// of it at most, and a few kilobytes of an archive may stand for gigabytes.
const maxLine = 256 << 20

// A readError is a failure of the reader beneath, which has no place in the log.
type readError struct{ error }

// all yields the events.
func (d *decoder) all(name string) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			event, err := d.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(Event{}, d.explain(name, err))
				return
			}
			if !yield(event, nil) {
				return
			}
		}
	}
}

// next returns the next event, and io.EOF after the last one.
func (d *decoder) next() (Event, error) {
	if d.last {
		return Event{}, io.EOF
	}
	d.number++
	d.offset += int64(len(d.line))
	d.omitted = 0
	if err := d.read(); err != nil {
		return Event{}, err
	}
	if d.last && len(bytes.TrimSpace(d.line)) == 0 {
		if !d.order.begun {
			d.number = 1
			return Event{}, ErrNoHeader
		}
		return Event{}, io.EOF
	}
	event, err := d.event()
	if err != nil && d.last && !jsontext.Value(d.line).IsValid(d.form) {
		if !d.order.begun {
			return Event{}, ErrNoHeader
		}
		event, err = Event{Torn: true}, nil
	} else if err == nil {
		if err = d.order.check(event); err == nil {
			d.order.accept(event)
		}
	}
	event.Line, event.Offset, event.Omitted = d.number, d.offset, d.omitted
	return event, err
}

// read reads the next line. It stays valid until the next call.
func (d *decoder) read() error {
	line, err := d.lines.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		d.long = d.long[:0]
		for errors.Is(err, bufio.ErrBufferFull) {
			if d.long = append(d.long, line...); len(d.long) > d.most {
				d.line = nil
				return fmt.Errorf("the event has more than %d bytes", d.most)
			}
			line, err = d.lines.ReadSlice('\n')
		}
		d.long = append(d.long, line...)
		line = d.long
	}
	d.line, d.last = line, err == io.EOF
	if err != nil && err != io.EOF {
		return readError{err}
	}
	return nil
}

// event decodes the line.
func (d *decoder) event() (Event, error) {
	kind, err := d.kind()
	if err != nil {
		return Event{}, err
	}
	switch kind {
	case EventHeader:
		var e headerEvent
		err = d.unmarshal(kind, &e)
		if err == nil {
			err = checkVersion(e.Version)
		}
		return Event{Header: &e.Header}, err
	case EventTurn:
		var e turnEvent
		err = d.unmarshal(kind, &e)
		return Event{Turn: &e.Turn}, err
	case EventObservation:
		var e observationEvent
		err = d.unmarshal(kind, &e)
		return Event{Observation: &e.Observation}, err
	case EventMessage:
		var e messageEvent
		err = d.unmarshal(kind, &e)
		return Event{Message: &e.Message}, err
	case EventView:
		var e viewEvent
		err = d.unmarshal(kind, &e)
		return Event{View: &e.View}, err
	case EventEnd:
		var e endEvent
		err = d.unmarshal(kind, &e)
		return Event{End: e.end()}, err
	}
	return Event{Unknown: kind}, nil
}

func checkVersion(v int) error {
	switch {
	case v < 1:
		return errors.New("the header has no version")
	case v > Version:
		return fmt.Errorf("the log has version %d, and this program reads versions up to %d: use a newer one", v, Version)
	}
	return nil
}

// kind returns the type of the line's event. The encoder writes it first, so
// the line need not be read twice.
func (d *decoder) kind() (EventType, error) {
	if rest, ok := bytes.CutPrefix(d.line, []byte(`{"type":"`)); ok {
		if name, _, ok := bytes.Cut(rest, []byte(`",`)); ok {
			switch kind := EventType(name); kind {
			case EventHeader, EventTurn, EventObservation, EventMessage, EventView, EventEnd:
				return kind, nil
			}
		}
	}
	var e struct {
		Type *EventType `json:"type"`
	}
	if err := json.Unmarshal(d.line, &e, d.form); err != nil {
		return "", err
	}
	if e.Type == nil || *e.Type == "" {
		return "", errors.New(`the event has no "type"`)
	}
	return *e.Type, nil
}

// explain says where in the log an error lies, and in a person's words what
// the JSON library says in Go's.
func (d *decoder) explain(name string, err error) error {
	if failure, ok := errors.AsType[readError](err); ok {
		return fmt.Errorf("reading trajectory %s: %w", name, failure.error)
	}
	at := &EventError{File: name, Line: d.number, Column: 1, Err: err}
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		at.Column = d.column(syntax.ByteOffset)
		at.Err = fmt.Errorf("the event is not valid JSON: %w", syntax.Err)
	} else if value, ok := errors.AsType[*json.SemanticError](err); ok {
		at.Column = d.column(value.ByteOffset)
		at.Err = fmt.Errorf("field %s cannot hold %s", field(value.JSONPointer), held(value))
	}
	return at
}

// field names a field by its path, as people write it: usage.cost.
func field(p jsontext.Pointer) string {
	return strings.Join(slices.Collect(p.Tokens()), ".")
}

// held is what stands where a field wants something else.
func held(e *json.SemanticError) string {
	kind := e.JSONKind.String()
	switch e.JSONKind {
	case jsontext.KindBeginObject:
		kind = "object"
	case jsontext.KindBeginArray:
		kind = "array"
	}
	if e.Err != nil {
		return fmt.Sprintf("this JSON %s: %v", kind, e.Err)
	}
	return "a JSON " + kind
}

// column turns an offset in the line into a column.
func (d *decoder) column(offset int64) int {
	return int(max(0, min(offset, int64(len(d.line))-1))) + 1
}
