package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/apprentice-rl/apprentice/trajectories/filter"
)

// filtered is filter.json. It holds no time and no place, so that the same
// command writes the same file.
type filtered struct {
	Apprentice string    `json:"apprentice"` // its version
	Options    filtering `json:"options"`
	// Unread are the logs that could not be read, in the words of the errors.
	Unread []string `json:"unread,omitempty"`
	*filter.Result
}

// The folders of what is kept.
const (
	trainDir   = "train"
	heldOutDir = "heldout"
)

// vacant refuses a folder that holds something: two filters in one folder would
// make a third result that nobody asked for.
func vacant(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return userf("--out: %w", err)
	case len(entries) > 0:
		return userf("--out %s is not empty; name a folder that is not there, or is empty", dir)
	}
	return nil
}

// write writes what is kept. The folder is made beside its place and gets its
// name when it is whole.
func (k filtered) write(ctx context.Context, dir string, entries map[string]entry) (err error) {
	dir = filepath.Clean(dir)
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("making the folder for what is kept: %w", err)
	}
	partial, err := os.MkdirTemp(filepath.Dir(dir), ".partial-")
	if err != nil {
		return fmt.Errorf("making the folder for what is kept: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(partial) // else it stays, and nobody takes it for a result
		}
	}()
	if err := k.fill(ctx, partial, entries); err != nil {
		return err
	}
	if err := errors.Join(os.Chmod(partial, 0o755), os.Rename(partial, dir)); err != nil {
		return fmt.Errorf("writing what is kept: %w", err)
	}
	return nil
}

func (k filtered) fill(ctx context.Context, dir string, entries map[string]entry) error {
	for _, part := range []struct {
		dir    string
		names  []string
		wanted bool
	}{
		{trainDir, k.Train, true},
		{heldOutDir, k.HeldOut, k.Options.HoldOut > 0},
	} {
		if !part.wanted {
			continue
		}
		if err := os.Mkdir(filepath.Join(dir, part.dir), 0o755); err != nil {
			return fmt.Errorf("writing what is kept: %w", err)
		}
		for _, name := range part.names {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := entries[name].put(filepath.Join(dir, part.dir, name+".jsonl"), k.Options.Link); err != nil {
				return fmt.Errorf("keeping %s: %w", name, err)
			}
		}
	}
	data, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return fmt.Errorf("rendering filter.json: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "filter.json"), append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing what is kept: %w", err)
	}
	return nil
}

// put makes the log be at path, too, by a copy or a link. One without an end may
// still grow, and a link would grow with it; one in an archive is no file.
func (e entry) put(path string, link bool) error {
	if alone := e.Name() == e.Path(); link && alone && e.Status != "" && os.Link(e.Path(), path) == nil {
		return nil
	}
	from, err := e.Text()
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	// The kernel copies, and shares the bytes where the file system can.
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}
