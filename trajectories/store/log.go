package store

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"

	"github.com/apprentice-rl/apprentice/trajectories"
)

// A Log is a trajectory on disk. It is read anew each time somebody goes over
// its events, one event at a time.
type Log struct {
	path   string
	header trajectories.Header
}

// OpenLog reads the header of a log.
func OpenLog(path string) (*Log, error) {
	l := &Log{path: path}
	for e, err := range l.all() {
		if err != nil {
			return nil, err
		}
		l.header = *e.Header // always the first, or there would be an error
		return l, nil
	}
	return nil, fmt.Errorf("reading trajectory %s: %w", path, trajectories.ErrNoHeader)
}

// Path is the file that the log is in.
func (l *Log) Path() string { return l.path }

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
	file, err := l.open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return trajectories.Decode(l.path, file)
}

func (l *Log) all() iter.Seq2[trajectories.Event, error] {
	return func(yield func(trajectories.Event, error) bool) {
		file, err := l.open()
		if err != nil {
			yield(trajectories.Event{}, err)
			return
		}
		defer func() { _ = file.Close() }()
		trajectories.Events(l.path, file)(yield)
	}
}

func (l *Log) open() (io.ReadCloser, error) {
	file, err := os.Open(l.path)
	if err != nil {
		return nil, fmt.Errorf("reading a trajectory: %w", err)
	}
	return file, nil
}

// An EmptyError says that a folder holds no trajectories.
type EmptyError struct{ Dir string }

func (e *EmptyError) Error() string { return e.Dir + " holds no trajectories" }

// Find yields the logs at the paths: files, folders of logs, and runs, whose
// logs are in a folder "trajectories". Those of a folder come in the order of
// their names. A log that cannot be read comes as an error, and the others
// after it; a folder without any is an [*EmptyError].
func Find(paths ...string) iter.Seq2[*Log, error] {
	return func(yield func(*Log, error) bool) {
		for _, path := range paths {
			files, err := files(path)
			if err != nil && !yield(nil, err) {
				return
			}
			for _, file := range files {
				if !yield(OpenLog(file)) {
					return
				}
			}
		}
	}
}

func files(path string) ([]string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("looking for trajectories: %w", err)
	}
	if !st.IsDir() {
		return []string{path}, nil
	}
	found, err := trajectories.List(path)
	if err != nil {
		return nil, err
	}
	if len(found) > 0 {
		return found, nil
	}
	switch found, err = trajectories.List(filepath.Join(path, "trajectories")); {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return nil, err
	case len(found) > 0:
		return found, nil
	}
	return nil, &EmptyError{Dir: path}
}
