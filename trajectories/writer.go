package trajectories

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// A Writer appends the events of one episode to its log on disk, as an
// [Encoder] writes them, and syncs those that were paid for. It is not safe for
// concurrent use.
//
// After a write that failed (a full disk, say) the Writer takes the half event
// back, if the file lets it, and refuses every further event with the same
// error: the log stays readable up to its last whole event.
type Writer struct {
	file    *os.File
	encoder *Encoder
	err     error // why the log takes no more events
}

// A WriteError is a log that could not be written. It is the machine's
// failure, not the episode's: the disk is full, the folder is read-only.
type WriteError struct {
	Path string
	Op   string // what was being done: "create", "header", "turn", …
	Err  error
}

func (e *WriteError) Error() string {
	return fmt.Sprintf("trajectory log %s: writing the %s: %v", e.Path, e.Op, e.Err)
}

func (e *WriteError) Unwrap() error { return e.Err }

var errEnded = errors.New("the log has ended")

// Create starts a new log at path, making its parent folders as needed, and
// syncs the header to disk. The header's version is set here. An existing file
// is never overwritten: the error then matches fs.ErrExist. All errors are
// *WriteError.
func Create(path string, h Header) (*Writer, error) {
	fail := func(err error) (*Writer, error) {
		return nil, &WriteError{Path: path, Op: "file", Err: err}
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fail(err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fail(err)
	}
	w := &Writer{file: file, encoder: NewEncoder(file)}
	if err := w.append(Event{Header: &h}, true); err != nil {
		// A log without a header is nothing; leaving it would only block the
		// next attempt.
		_ = file.Close()
		_ = os.Remove(path)
		return nil, err
	}
	syncDir(dir)
	return w, nil
}

// Path is where the log is.
func (w *Writer) Path() string { return w.file.Name() }

// Turn appends a turn. It is on disk when Turn returns, so that its actions
// may run.
func (w *Writer) Turn(t Turn) error { return w.append(Event{Turn: &t}, true) }

// Observation appends an observation. It reaches the disk with the next turn
// or end at the latest: losing one costs no money, only the same action again.
func (w *Writer) Observation(o Observation) error {
	return w.append(Event{Observation: &o}, false)
}

// Message appends a message. It reaches the disk as an observation does.
func (w *Writer) Message(m Message) error { return w.append(Event{Message: &m}, false) }

// End appends the end and syncs it. The log takes no further events.
func (w *Writer) End(e End) error {
	if err := w.append(Event{End: &e}, true); err != nil {
		return err
	}
	w.err = &WriteError{Path: w.Path(), Op: "next event", Err: errEnded}
	return nil
}

// Close closes the file. A log that is closed before its End is unfinished.
func (w *Writer) Close() error {
	if w.err == nil {
		w.err = &WriteError{Path: w.Path(), Op: "next event", Err: os.ErrClosed}
	}
	return w.file.Close()
}

func (w *Writer) append(event Event, sync bool) error {
	if w.err != nil {
		return w.err
	}
	whole := w.encoder.size
	err := w.encoder.Event(event)
	if err != nil && w.encoder.err == nil {
		// Nothing was written: the caller may go on with other events.
		return &WriteError{Path: w.Path(), Op: string(event.kind()), Err: err}
	}
	if err == nil && sync {
		err = w.file.Sync()
	}
	if err != nil {
		w.err = &WriteError{Path: w.Path(), Op: string(event.kind()), Err: err}
		// Should this fail too, a torn last line remains, which readers leave out.
		_ = w.file.Truncate(whole)
		return w.err
	}
	return nil
}

// syncDir makes a new file's name durable. Some file systems cannot sync a
// folder; the name then is as durable as they make it.
func syncDir(dir string) {
	d, err := os.Open(dir)
	if err != nil {
		return
	}
	_ = d.Sync()
	_ = d.Close()
}
