//go:build linux

package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// addedName keeps the names of added images apart from those of others.
func addedName(name string) string { return "added " + name }

// Add puts an image of a driver's making into the store, for good: img, with one
// more layer on top, which fill writes into the folder files, owners left alone.
// The layers of img must be held. The image's digest is that of img and a name
// that no other layer has. When there is an image of that name already, the new
// one takes its place; who holds the old one keeps that.
func (s *Store) Add(ctx context.Context, name string, img Image, fill func(ctx context.Context, files string) (bytes int64, err error)) (err error) {
	working, err := s.share(ctx)
	if err != nil {
		return err
	}
	defer working()
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
	id := make([]byte, 8)
	_, _ = rand.Read(id) // never fails
	key := "added/" + hex.EncodeToString(id)
	if err := s.place(dir, key, n); err != nil {
		return err
	}
	img.Digest += "+" + filepath.Base(key)
	img.Layers = append(slices.Clone(img.Layers), key)
	return s.replace(ctx, addedName(name), &img)
}

// replacedPrefix begins the names of records of images whose name another image
// has taken. They are there for those who hold them, and for the collector.
const replacedPrefix = "replaced-"

// replace writes the record of an image in the place of the one that there is.
func (s *Store) replace(ctx context.Context, name string, img *Image) error {
	record := s.record(name)
	unlock, err := s.lock(ctx, filepath.Base(record))
	if err != nil {
		return err
	}
	defer unlock()
	old := filepath.Join(s.dir, "images", replacedPrefix+filepath.Base(img.Layers[len(img.Layers)-1])+".json")
	if err := os.Link(record, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("keeping what has the name %s until now: %w", img.Name, err)
	}
	return s.keep(name, img)
}
