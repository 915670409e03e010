package store

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
)

// An EmptyError says that a folder holds no trajectories.
type EmptyError struct{ Dir string }

func (e *EmptyError) Error() string { return e.Dir + " holds no trajectories" }

// An IrregularError says that a path leads to a pipe, a device or the like. A
// log is read from its beginning more than once.
type IrregularError struct{ File string }

func (e *IrregularError) Error() string {
	return e.File + " is no regular file: put what it gives into one"
}

// Find yields the logs at the paths: files, folders of logs, and runs, whose
// logs are in a folder "trajectories". Those of a folder come in the order of
// the names of their files, those of an archive as they are in it. A log that
// cannot be read comes as an error, and the others after it; a folder without
// any is an [*EmptyError].
func Find(paths ...string) iter.Seq2[*Log, error] {
	return func(yield func(*Log, error) bool) {
		for _, path := range paths {
			dir, names, err := files(path)
			if err != nil && !yield(nil, err) {
				return
			}
			for _, name := range names {
				found, err := places(filepath.Join(dir, name))
				if err != nil && !yield(nil, err) {
					return
				}
				for _, f := range found {
					if !yield(f.read()) {
						return
					}
				}
			}
		}
	}
}

// files finds the files of logs at a path, and the folder that they are in.
func files(path string) (dir string, names []string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", nil, fmt.Errorf("looking for trajectories: %w", err)
	}
	if !info.IsDir() {
		if !info.Mode().IsRegular() {
			return "", nil, &IrregularError{File: path}
		}
		return filepath.Dir(path), []string{filepath.Base(path)}, nil
	}
	for _, dir := range []string{path, filepath.Join(path, "trajectories")} {
		names, err := list(dir)
		switch {
		case errors.Is(err, os.ErrNotExist):
		case err != nil:
			return "", nil, err
		case len(names) > 0:
			return dir, names, nil
		}
	}
	return "", nil, &EmptyError{Dir: path}
}

// list returns the names of a folder's logs and archives, sorted. What was set
// aside has another ending, and what begins with a dot is no log.
func list(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("looking for trajectories: %w", err)
	}
	var names []string
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, ".") && (filepath.Ext(name) == extension || isArchive(name)) && isFile(dir, e) {
			names = append(names, name)
		}
	}
	return names, nil
}

// isFile says that an entry of a folder is a file or leads to one, and not to a
// folder, to a pipe that nobody writes to, or to nothing.
func isFile(dir string, e fs.DirEntry) bool {
	if e.Type() != fs.ModeSymlink {
		return e.Type().IsRegular()
	}
	info, err := os.Stat(filepath.Join(dir, e.Name()))
	return err == nil && info.Mode().IsRegular()
}
