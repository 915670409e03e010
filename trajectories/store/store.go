// Package store keeps trajectories as files of one folder, a log each, and
// finds and reads them again.
//
// A log gets its name, the id of its trajectory with .jsonl, when it is whole:
// who looks into the folder never sees a part of one. A process that is killed
// leaves a file that begins with a dot, which nobody takes for a log, and which
// [Store.Sweep] removes. A name that is there is never given to another log.
//
// [Find] yields the logs at some paths, and [Summaries] what lists and filters
// ask of each. Summaries are kept in an index, the file .index.jsonl of the
// folder. It is a cache and nothing else: it may be deleted, whatever of it is
// old, torn or of another version is made anew, and where it cannot be written
// everything works without.
//
// A file whose name ends with .jsonl.zst is an archive: logs in their order,
// compressed with zstd (RFC 8878). Frames need not begin where logs begin; a
// log that begins with a frame is read without what comes before it, and so are
// all that a [Packer] has packed.
//
// Any number of processes may write, read and list a folder at the same time.
// Who wants to add only what is not there yet takes [Store.Lock] first.
package store

import (
	"fmt"
	"os"
)

// A Store is a folder of trajectories. Several processes may use one at the
// same time.
type Store struct {
	root *os.Root
}

// Open opens a folder, and makes it if it is not there.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making a folder for trajectories: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("opening a folder of trajectories: %w", err)
	}
	return &Store{root: root}, nil
}

// Close lets go of the folder.
func (s *Store) Close() error { return s.root.Close() }

// Has reports whether there is a trajectory of this id, in a file of its own.
// Those in archives are in [Store.Held].
func (s *Store) Has(id string) bool {
	for _, ending := range []string{extension, archiveExtension} {
		if _, err := s.root.Lstat(id + ending); err == nil {
			return true
		}
	}
	return false
}
