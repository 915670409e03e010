//go:build linux

package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// An aged image is one that the collector thinks about.
type aged struct {
	Image
	used     time.Time
	replaced bool // another one has its name
}

// GC removes images, those first that were not used for the longest time, until
// the layers take no more than budget bytes, and then the layers that no image
// needs. Images whose name another one has taken go in any case. Those that are
// held stay. It waits for those who are getting images,
// and returns the names of the images that it removed.
func (s *Store) GC(ctx context.Context, budget int64) (removed []string, err error) {
	done, err := s.collecting(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	images, err := s.images()
	if err != nil {
		return nil, fmt.Errorf("image store: %w", err)
	}
	sizes, err := s.sizes()
	if err != nil {
		return nil, fmt.Errorf("image store: %w", err)
	}
	users := map[string]int{} // how many images need a layer
	total := int64(0)
	for _, img := range images {
		for _, key := range img.Layers {
			if users[key]++; users[key] == 1 {
				total += sizes[key]
			}
		}
	}
	for _, img := range images {
		if total <= budget && !img.replaced {
			break
		}
		gone, err := remove(img.record)
		if err != nil {
			return removed, fmt.Errorf("image store: removing %s: %w", img.Name, err)
		}
		if !gone {
			continue
		}
		if !img.replaced {
			removed = append(removed, img.Name)
		}
		for _, key := range img.Layers {
			if users[key]--; users[key] == 0 {
				total -= sizes[key]
			}
		}
	}
	for key := range sizes {
		if users[key] <= 0 {
			err = errors.Join(err, removeAll(s.layer(key)))
		}
	}
	if err != nil {
		return removed, fmt.Errorf("image store: removing layers: %w", err)
	}
	return removed, nil
}

// images lists the images: those whose name another one has taken, and then the
// one first that was not used for the longest time.
func (s *Store) images() ([]aged, error) {
	records, err := filepath.Glob(filepath.Join(s.dir, "images", "*.json"))
	if err != nil {
		return nil, err
	}
	var all []aged
	for _, path := range records {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		st, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		a := aged{used: st.ModTime(), replaced: strings.HasPrefix(filepath.Base(path), replacedPrefix)}
		if err := json.Unmarshal(b, &a.Image); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		a.record = path
		all = append(all, a)
	}
	rank := func(a aged) int {
		if a.replaced {
			return 0
		}
		return 1
	}
	slices.SortFunc(all, func(a, b aged) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), a.used.Compare(b.used), cmp.Compare(a.record, b.record))
	})
	return all, nil
}

// sizes lists all layers with the bytes of their files.
func (s *Store) sizes() (map[string]int64, error) {
	found, err := filepath.Glob(filepath.Join(s.dir, "layers", "*", "*"))
	if err != nil {
		return nil, err
	}
	sizes := map[string]int64{}
	for _, path := range found {
		key, err := filepath.Rel(filepath.Join(s.dir, "layers"), path)
		if err != nil {
			return nil, err
		}
		if filepath.Base(filepath.Dir(path))[0] == '.' {
			continue // being made
		}
		n, err := s.read(key)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		sizes[key] = n.Bytes
	}
	return sizes, nil
}

// remove removes the record of an image that nobody holds.
func remove(record string) (bool, error) {
	f, err := os.Open(record)
	if err != nil {
		return false, err
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return false, nil
	}
	return true, os.Remove(record)
}
