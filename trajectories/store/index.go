package store

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/apprentice-rl/apprentice/trajectories/summary"
)

// indexFile is where a folder's index is, and indexPending the one that is
// written beside it.
const (
	indexFile    = ".index.jsonl"
	indexPending = ".index.new"
)

// indexVersion is the version of the index's own form.
const indexVersion = 1

// versions open an index. An index of others is made anew.
type versions struct {
	Index   int `json:"index"`
	Summary int `json:"summary"`
}

func current() versions { return versions{Index: indexVersion, Summary: summary.Version} }

// A row is what the index holds of one file, all of whose logs could be read.
type row struct {
	File string `json:"file"`
	stamp
	// Read is when the file began to be read, by the file system's clock, in
	// nanoseconds.
	Read int64       `json:"read_ns"`
	Logs []rowOfALog `json:"logs"`
}

type rowOfALog struct {
	span
	Summary summary.Summary `json:"summary"`
}

// readIndex returns what the index of a folder holds, by file. It does not
// fail: whatever cannot be read is left out, and is made anew.
func readIndex(dir string) map[string]row {
	rows := map[string]row{}
	file, err := os.Open(filepath.Join(dir, indexFile))
	if err != nil {
		return rows
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewReaderSize(file, 1<<16)
	var v versions
	if !readLine(lines, &v) || v != current() {
		return rows
	}
	for {
		var r row
		if !readLine(lines, &r) {
			return rows
		}
		rows[r.File] = r
	}
}

// readLine reads a whole line.
func readLine(lines *bufio.Reader, into any) bool {
	line, err := lines.ReadBytes('\n')
	return err == nil && json.Unmarshal(line, into) == nil
}

// An indexWriter replaces the index of a folder.
type indexWriter struct {
	dir     string
	lock    *os.File
	pending *os.File
	now     int64 // the file system's time when it was made, in nanoseconds
}

// newIndexWriter returns nil where the index cannot be written, or somebody
// else is writing it: then this process does without.
func newIndexWriter(dir string) *indexWriter {
	l, err := os.OpenFile(filepath.Join(dir, indexLock), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil
	}
	if held, err := lock(l); err != nil || !held {
		_ = l.Close()
		return nil
	}
	w := &indexWriter{dir: dir, lock: l}
	if err := w.create(); err != nil {
		w.close()
		return nil
	}
	return w
}

// create makes the pending file. It is a new one, so that its time is that of
// now.
func (w *indexWriter) create() (err error) {
	path := filepath.Join(w.dir, indexPending)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if w.pending, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644); err != nil {
		return err
	}
	s, err := stampOf(path)
	w.now = s.Changed
	return err
}

// write puts the rows into the place of the index. It is not synced: what a
// crash leaves of it is found out by reading.
func (w *indexWriter) write(rows []row) {
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.File, b.File) })
	buffer := bufio.NewWriterSize(w.pending, 256<<10)
	err := writeLine(buffer, current())
	for _, r := range rows {
		err = errors.Join(err, writeLine(buffer, r))
	}
	err = errors.Join(err, buffer.Flush(), w.pending.Close())
	w.pending = nil
	pending := filepath.Join(w.dir, indexPending)
	if err == nil {
		err = os.Rename(pending, filepath.Join(w.dir, indexFile))
	}
	if err != nil { // the old one stays; a disk that is full has no room for half of one
		_ = os.Remove(pending)
	}
}

func writeLine(to io.Writer, v any) error {
	var line bytes.Buffer
	if err := json.MarshalWrite(&line, v); err != nil {
		return err
	}
	line.WriteByte('\n')
	_, err := to.Write(line.Bytes())
	return err
}

// close gives the lock back.
func (w *indexWriter) close() {
	if w.pending != nil {
		_ = w.pending.Close()
	}
	_ = w.lock.Close()
}
