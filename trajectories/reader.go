package trajectories

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrNoHeader is matched by the error for a log whose header is missing or cut
// off: its episode had not begun.
var ErrNoHeader = errors.New("the log has no whole header")

// An EventError is an event that cannot be read. Its position is that of an
// editor: lines and columns count from 1, columns in bytes.
type EventError struct {
	File   string
	Line   int
	Column int
	Err    error
}

func (e *EventError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %v", e.File, e.Line, e.Column, e.Err)
}

func (e *EventError) Unwrap() error { return e.Err }

// Read reads the log at path. See [Decode].
func Read(path string) (*Trajectory, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading a trajectory: %w", err)
	}
	defer func() { _ = file.Close() }()
	return Decode(path, file)
}

// Decode reads a log and checks the order of its events: the header first and
// once, turns numbered from 1, observations after the turn whose action they
// answer, nothing after the end. The name is used in errors, which are
// *EventError except where r itself fails. Lines may be of any length.
func Decode(name string, r io.Reader) (*Trajectory, error) {
	d := decoder{turnOf: map[string]int{}, answered: map[string]bool{}}
	br := bufio.NewReaderSize(r, 1<<16)
	for number := 1; ; number++ {
		line, err := br.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("reading trajectory %s: %w", name, err)
		}
		last := err == io.EOF
		if last && len(bytes.TrimSpace(line)) == 0 {
			break
		}
		if last && !json.Valid(line) {
			d.t.Torn = true
			break
		}
		if err := d.event(line); err != nil {
			return nil, &EventError{File: name, Line: number, Column: column(line, err), Err: explain(err)}
		}
		if last {
			break
		}
	}
	if !d.begun {
		return nil, &EventError{File: name, Line: 1, Column: 1, Err: ErrNoHeader}
	}
	return &d.t, nil
}

// List returns the paths of the trajectory files in dir, sorted. Logs that were
// set aside do not have the ending .jsonl and are not listed.
func List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("listing trajectories: %w", err)
	}
	var paths []string
	for _, e := range entries {
		if !e.IsDir() && filepath.Ext(e.Name()) == ".jsonl" {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	slices.Sort(paths)
	return paths, nil
}

// A decoder gathers events into a trajectory.
type decoder struct {
	t        Trajectory
	begun    bool
	turnOf   map[string]int  // action id → its turn
	answered map[string]bool // action id → has an observation
}

func (d *decoder) event(line []byte) error {
	var kind struct {
		Type *string `json:"type"`
	}
	if err := json.Unmarshal(line, &kind); err != nil {
		return err
	}
	switch {
	case kind.Type == nil:
		return errors.New(`the event has no "type"`)
	case !d.begun && *kind.Type != eventHeader:
		return fmt.Errorf("the first event is a %q, not the header", *kind.Type)
	}
	switch *kind.Type {
	case eventHeader:
		return d.header(line)
	case eventTurn:
		return d.turn(line)
	case eventObservation:
		return d.observation(line)
	case eventEnd:
		return d.end(line)
	default:
		d.t.Unknown++
		return nil
	}
}

func (d *decoder) header(line []byte) error {
	var e headerEvent
	if err := json.Unmarshal(line, &e); err != nil {
		return err
	}
	switch {
	case d.begun:
		return errors.New("a second header")
	case e.Version < 1:
		return errors.New("the header has no version")
	case e.Version > Version:
		return fmt.Errorf("the log has version %d, and this program reads versions up to %d: use a newer one", e.Version, Version)
	}
	d.t.Header = e.Header
	d.begun = true
	return nil
}

func (d *decoder) turn(line []byte) error {
	var e turnEvent
	if err := json.Unmarshal(line, &e); err != nil {
		return err
	}
	switch {
	case d.t.End != nil:
		return errors.New("a turn after the end")
	case e.N != len(d.t.Turns)+1:
		return fmt.Errorf("turn %d where turn %d was to come", e.N, len(d.t.Turns)+1)
	}
	for _, a := range e.Actions {
		if _, ok := d.turnOf[a.ID]; ok {
			return fmt.Errorf("action id %q is used twice", a.ID)
		}
		d.turnOf[a.ID] = e.N
	}
	d.t.Turns = append(d.t.Turns, e.Turn)
	return nil
}

func (d *decoder) observation(line []byte) error {
	var e observationEvent
	if err := json.Unmarshal(line, &e); err != nil {
		return err
	}
	turn, known := d.turnOf[e.Action]
	switch {
	case d.t.End != nil:
		return errors.New("an observation after the end")
	case !known:
		return fmt.Errorf("an observation of action %q, which no turn holds", e.Action)
	case turn != e.Turn:
		return fmt.Errorf("an observation of action %q in turn %d, but the action is of turn %d", e.Action, e.Turn, turn)
	case d.answered[e.Action]:
		return fmt.Errorf("a second observation of action %q", e.Action)
	}
	d.answered[e.Action] = true
	d.t.Observations = append(d.t.Observations, e.Observation)
	return nil
}

func (d *decoder) end(line []byte) error {
	var e endEvent
	if err := json.Unmarshal(line, &e); err != nil {
		return err
	}
	if d.t.End != nil {
		return errors.New("a second end")
	}
	d.t.End = e.end()
	return nil
}

// column is where in the line the error lies.
func column(line []byte, err error) int {
	var syntax *json.SyntaxError
	var mismatch *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return int(max(1, min(syntax.Offset, int64(len(line)))))
	case errors.As(err, &mismatch):
		return int(max(1, min(mismatch.Offset, int64(len(line)))))
	}
	return 1
}

// explain says in a person's words what encoding/json says in Go's.
func explain(err error) error {
	var syntax *json.SyntaxError
	var mismatch *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("the event is not valid JSON: %w", err)
	case errors.As(err, &mismatch) && mismatch.Field != "":
		return fmt.Errorf("field %s cannot hold a JSON %s", jsonPath(mismatch.Field), mismatch.Value)
	}
	return err
}

// jsonPath takes the names of embedded Go structs, which the log does not
// show, off the front of a field's path: "Turn.usage.cost" is usage.cost.
func jsonPath(field string) string {
	for {
		first, rest, more := strings.Cut(field, ".")
		if !more || strings.ToLower(first) == first {
			return field
		}
		field = rest
	}
}
