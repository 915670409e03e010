package store

import (
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/apprentice-rl/apprentice/trajectories"
)

// A Log is a trajectory on disk. It is read anew each time somebody goes over
// its events, one event at a time.
type Log struct {
	place
	header trajectories.Header
}

// A place is where a log is: a file, or a span of an archive.
type place struct {
	path    string
	archive *archive // nil for a file of its own
	span    span
	number  int // in the archive, from 1
}

// A found is a place, or an error where there may be one.
type found struct {
	place
	err error
}

func (f found) read() (*Log, error) {
	if f.err != nil {
		return nil, f.err
	}
	return f.log()
}

// places finds the logs in a file.
func places(path string) ([]found, error) {
	if isArchive(path) {
		return placesOfArchive(path)
	}
	return []found{{place: place{path: path}}}, nil
}

func placesOfArchive(path string) ([]found, error) {
	a := newArchive(path)
	pieces, err := a.logs()
	if err != nil {
		return nil, err
	}
	all := make([]found, len(pieces))
	for i, p := range pieces {
		all[i] = found{place: place{path, a, p.span, i + 1}, err: p.err}
	}
	return all, nil
}

// log reads the header of the log at the place.
func (p place) log() (*Log, error) {
	l := &Log{place: p}
	for e, err := range l.all() {
		if err != nil {
			return nil, err
		}
		l.header = *e.Header // always the first, or there would be an error
		return l, nil
	}
	return nil, fmt.Errorf("reading trajectory %s: %w", p.Name(), trajectories.ErrNoHeader)
}

// Path is the file that the log is in.
func (p place) Path() string { return p.path }

// Name is what errors call the log: its path, and after a "#" its number where
// the file is an archive.
func (p place) Name() string {
	if p.archive == nil {
		return p.path
	}
	return fmt.Sprintf("%s#%d", p.path, p.number)
}

// Text opens the log as the lines that it is made of.
func (p place) Text() (io.ReadCloser, error) {
	if p.archive != nil {
		return p.archive.open(p.span)
	}
	file, err := os.Open(p.path)
	if err != nil {
		return nil, fmt.Errorf("reading a trajectory: %w", err)
	}
	return file, nil
}

// Header returns the header.
func (l *Log) Header() trajectories.Header { return l.header }

// Events yields what follows the header.
func (l *Log) Events() iter.Seq2[trajectories.Event, error] {
	return func(yield func(trajectories.Event, error) bool) {
		for e, err := range l.all() {
			if e.Header == nil && !yield(e, err) {
				return
			}
		}
	}
}

// Read reads the log as a whole.
func (l *Log) Read() (*trajectories.Trajectory, error) {
	text, err := l.Text()
	if err != nil {
		return nil, err
	}
	defer func() { _ = text.Close() }()
	return trajectories.Decode(l.Name(), text)
}

func (l *Log) all() iter.Seq2[trajectories.Event, error] {
	return func(yield func(trajectories.Event, error) bool) {
		text, err := l.Text()
		if err != nil {
			yield(trajectories.Event{}, err)
			return
		}
		defer func() { _ = text.Close() }()
		trajectories.Events(l.Name(), text)(yield)
	}
}
