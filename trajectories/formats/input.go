package formats

import (
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories/document"
)

// An Input is what an importer reads at a time: a document, which is a file or
// a row of one, or the events of a file or folder. Importers get it from
// [Import].
type Input struct {
	File  string // its path; of events in a folder, the folder's
	Row   int    // from 1, in files of several documents; else 0
	Match Match  // what detection has found

	documents iter.Seq2[*document.Node, error]
	keepGoing bool
	warn      func(Warning)
	refer     func(session string, turn int)
}

// Documents returns the documents: the events of one trajectory where
// Match.Events says so, else one.
func (in *Input) Documents() iter.Seq2[*document.Node, error] { return in.documents }

// Document returns the first document, which is the only one if the input is
// no list of events.
func (in *Input) Document() (*document.Node, error) {
	for n, err := range in.documents {
		return n, err
	}
	return nil, errors.New("the file holds nothing")
}

// Stem is the name of the file without folders and without the endings that
// trajectory files have, as a last resort for a task's id.
func (in *Input) Stem() string {
	name := filepath.Base(in.File)
	for _, ending := range []string{".gz", ".zst", ".jsonl", ".json", ".traj", ".trajectory"} {
		name = strings.TrimSuffix(name, ending)
	}
	return name
}

// Warn says that something at a node is not as it should be and was imported
// all the same. A nil node stands for the input as a whole.
func (in *Input) Warn(at *document.Node, format string, args ...any) {
	w := Warning{Row: in.Row, Text: fmt.Sprintf(format, args...)}
	if at != nil {
		p := at.Position()
		w.Field, w.Offset = p.Field, p.Offset
	}
	in.warn(w)
}

// Refer says that what an agent did for the trajectory that has begun is told in
// another file, as the given session, and which turn led there. A trajectory of
// that session becomes a part of this one if its file is in the same folder and
// comes later in the same import; one that two refer to stays by itself.
func (in *Input) Refer(session string, turn int) {
	if session != "" {
		in.refer(session, turn)
	}
}

// Fault is for something at a node that cannot be imported. It returns the
// error to give up with; or, if the user wants to keep going, warns and returns
// nil, and the importer leaves that thing out.
func (in *Input) Fault(at *document.Node, format string, args ...any) error {
	err := &document.Error{Position: at.Position(), Err: fmt.Errorf(format, args...)}
	return in.Forgive(err)
}

// Forgive is Fault for an error that has its position already. Errors that are
// not about what the file holds are never forgiven.
func (in *Input) Forgive(err error) error {
	fault, ok := errors.AsType[*document.Error](err)
	if !ok || !in.keepGoing {
		return err
	}
	in.warn(Warning{Row: in.Row, Field: fault.Field, Offset: fault.Offset, Text: fault.Err.Error()})
	return nil
}

// A Warning says what was not as it should be in a file that was imported all
// the same.
type Warning struct {
	Row    int    `json:"row,omitempty"`    // from 1, in files of several documents
	Field  string `json:"field,omitempty"`  // a JSON pointer, within the row
	Offset int64  `json:"offset,omitempty"` // of the place in the file's text, in bytes
	Text   string `json:"text"`
}

func (w Warning) String() string {
	var s strings.Builder
	if w.Row > 0 {
		fmt.Fprintf(&s, "row %d: ", w.Row)
	}
	if w.Field != "" {
		fmt.Fprintf(&s, "%s (byte %d): ", w.Field, w.Offset)
	}
	return s.String() + w.Text
}
