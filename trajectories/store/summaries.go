package store

import (
	"context"
	"iter"
	"path/filepath"

	"github.com/apprentice-rl/apprentice/trajectories/summary"
)

// An Entry is a log that has not been opened, with its summary.
type Entry struct {
	summary.Summary
	place
}

// Open opens the log.
func (e Entry) Open() (*Log, error) { return e.log() }

// Summaries yields what lists and filters ask of the store's logs, in the order
// of [Find]. Only logs that are new or have changed since are read. A log that
// cannot be read comes as an error in its place, and the others after it. Once
// the context is done its error comes last.
func (s *Store) Summaries(ctx context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		names, err := list(s.root.Name())
		if err != nil {
			yield(Entry{}, err)
			return
		}
		inFolder(ctx, s.root.Name(), names, yield)
	}
}

// Summaries is [Store.Summaries] for the logs that [Find] finds at the paths.
// Files that are named by themselves are read; indexes are of folders.
func Summaries(ctx context.Context, paths ...string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for _, path := range paths {
			dir, names, err := files(path)
			if err != nil {
				if !yield(Entry{}, err) {
					return
				}
				continue
			}
			if filepath.Clean(path) == filepath.Join(dir, names[0]) {
				if !alone(ctx, dir, names[0], yield) {
					return
				}
			} else if !inFolder(ctx, dir, names, yield) {
				return
			}
		}
	}
}

// alone summarises a file without an index.
func alone(ctx context.Context, dir, name string, yield func(Entry, error) bool) bool {
	p := &pass{dir: dir, files: []*file{{name: name}}}
	p.read(ctx)
	return p.yield(ctx, yield)
}

// inFolder summarises files of a folder, and keeps what it had to read.
func inFolder(ctx context.Context, dir string, names []string, yield func(Entry, error) bool) bool {
	index := readIndex(dir)
	p := &pass{dir: dir}
	if p.take(names, index) {
		if w := newIndexWriter(dir); w != nil {
			defer w.close()
			p.now = w.now
			p.read(ctx)
			w.write(p.rows())
		} else {
			p.read(ctx)
		}
	}
	return p.yield(ctx, yield)
}
