//go:build linux

package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// addedName keeps the names of added images apart from those of others.
func addedName(name string) string { return "added " + name }

// Add puts an image of a driver's making into the store, for good: img, with one
// more layer on top, which fill writes into the folder files, owners left alone.
// The layers of img must be held. When there is an image of that name already,
// nothing happens; when another caller is making it, Add waits for that.
func (s *Store) Add(ctx context.Context, name string, img Image, fill func(ctx context.Context, files string) (bytes int64, err error)) (err error) {
	working, err := s.share(ctx)
	if err != nil {
		return err
	}
	defer working()
	record := filepath.Base(s.record(addedName(name)))
	unlock, err := s.lock(ctx, record)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := s.find(addedName(name)); !errors.Is(err, sandbox.ErrNoImage) {
		return err
	}
	dir, done, err := s.temporary()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	n := note{}
	files := filepath.Join(dir, "files")
	if err := os.Mkdir(files, defaultMode); err != nil {
		return err
	}
	if n.Bytes, err = fill(ctx, files); err != nil {
		return family(ctx, err)
	}
	key := "added/" + strings.TrimSuffix(record, ".json")
	if err := removeAll(s.layer(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing a layer that belongs to nothing: %w", err)
	}
	if err := s.place(dir, key, n); err != nil {
		return err
	}
	img.Layers = append(append([]string{}, img.Layers...), key)
	return s.keep(addedName(name), &img)
}
