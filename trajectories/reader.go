package trajectories

import (
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

// Read reads the log at path as a whole. See [Events].
func Read(path string) (*Trajectory, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading a trajectory: %w", err)
	}
	defer func() { _ = file.Close() }()
	return Decode(path, file)
}

// Decode reads a log as a whole. See [Events].
func Decode(name string, r io.Reader) (*Trajectory, error) {
	return collect(Events(name, r))
}

// List returns the paths of the trajectory files in dir, sorted. Logs that were
// set aside do not have the ending .jsonl and are not listed, and neither are
// files whose names begin with a dot. It is for folders that this program writes
// logs to; package store finds and reads archives of logs, too.
func List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("listing trajectories: %w", err)
	}
	var paths []string
	for _, e := range entries {
		if !e.IsDir() && filepath.Ext(e.Name()) == ".jsonl" && !strings.HasPrefix(e.Name(), ".") {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	slices.Sort(paths)
	return paths, nil
}
