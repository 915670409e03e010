package store

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories"
)

// A Writer puts trajectories into a store, one after the other: Begin, the
// events, End. It is not safe for concurrent use; a store may have many.
type Writer struct {
	store   *Store
	id      string
	partial string // the name of the file as long as it is not whole
	file    *os.File
	buffer  *bufio.Writer
	log     *trajectories.Encoder
}

// Writer returns a writer.
func (s *Store) Writer() *Writer { return &Writer{store: s} }

// errNone: an event came where no trajectory had begun.
var errNone = errors.New("no trajectory has begun")

// Begin begins a trajectory. Its id must be one that can be the name of a file.
func (w *Writer) Begin(h trajectories.Header) (err error) {
	if w.file != nil {
		return fmt.Errorf("trajectory %s begins before %s has ended", h.ID, w.id)
	}
	if h.ID == "" || strings.HasPrefix(h.ID, ".") || strings.ContainsAny(h.ID, "/\\\x00") {
		return fmt.Errorf("%q cannot be the id of a trajectory: it is to be the name of a file", h.ID)
	}
	w.id = h.ID
	if w.file, w.partial, err = w.store.partial(); err != nil {
		return w.failed(err)
	}
	w.buffer = bufio.NewWriterSize(w.file, 256<<10)
	w.log = trajectories.NewEncoder(w.buffer)
	return w.event(w.log.Header(h))
}

// Turn writes a turn.
func (w *Writer) Turn(t trajectories.Turn) error {
	if w.file == nil {
		return errNone
	}
	return w.event(w.log.Turn(t))
}

// Observation writes an observation.
func (w *Writer) Observation(o trajectories.Observation) error {
	if w.file == nil {
		return errNone
	}
	return w.event(w.log.Observation(o))
}

// Message writes a message.
func (w *Writer) Message(m trajectories.Message) error {
	if w.file == nil {
		return errNone
	}
	return w.event(w.log.Message(m))
}

// View writes a view.
func (w *Writer) View(v trajectories.View) error {
	if w.file == nil {
		return errNone
	}
	return w.event(w.log.View(v))
}

// End writes the end, and gives the log its name once it is on the disk. The
// error matches fs.ErrExist when there is a trajectory of that id.
func (w *Writer) End(e trajectories.End) error {
	if w.file == nil {
		return errNone
	}
	if err := w.event(w.log.End(e)); err != nil {
		return err
	}
	err := errors.Join(w.buffer.Flush(), w.file.Sync())
	if err == nil {
		err = w.store.root.Link(w.partial, w.id+extension)
	}
	// Closing it last keeps the lock on it up to here.
	err = errors.Join(err, w.store.root.Remove(w.partial), w.file.Close())
	w.file = nil
	if err != nil {
		return w.failed(err)
	}
	return nil
}

// Discard drops the trajectory that was begun, if there is one.
func (w *Writer) Discard() {
	if w.file == nil {
		return
	}
	_ = w.store.root.Remove(w.partial) // else it stays, and is no log
	_ = w.file.Close()
	w.file = nil
}

// event drops a trajectory of which an event could not be written.
func (w *Writer) event(err error) error {
	if err == nil {
		return nil
	}
	w.Discard()
	return w.failed(err)
}

func (w *Writer) failed(err error) error {
	return fmt.Errorf("writing trajectory %s: %w", w.id, err)
}
