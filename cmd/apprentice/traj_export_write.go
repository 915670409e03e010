package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"github.com/apprentice-rl/apprentice/benchmarks"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/store"
)

// cancellable is a source that ends with the context.
type cancellable struct {
	formats.Source
	ctx context.Context
}

func (c cancellable) Events() iter.Seq2[trajectories.Event, error] {
	return func(yield func(trajectories.Event, error) bool) {
		for e, err := range c.Source.Events() {
			if err == nil {
				err = c.ctx.Err()
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// write writes a trajectory. Where its format has rules, it is checked before
// any of it is written: other programs refuse what breaks them.
func (e *exporting) write(ctx context.Context, l *store.Log, w io.Writer) error {
	var whole bytes.Buffer
	to := w
	if e.format.Check != nil {
		to = &whole
	}
	if err := e.format.Export(cancellable{l, ctx}, to); err != nil {
		return fmt.Errorf("exporting %s: %w", l.Path(), err)
	}
	if e.format.Check == nil {
		return nil
	}
	if err := e.format.Check(whole.Bytes()); err != nil {
		return userf("exporting %s: what comes of it breaks a rule of %s, so nothing was written: %w", l.Path(), e.format.Name, err)
	}
	_, err := whole.WriteTo(w)
	return err
}

// rows writes one file, which is there whole or not at all.
func (e *exporting) rows(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(e.out), 0o755); err != nil {
		return err
	}
	f, err := renameio.NewPendingFile(e.out, renameio.WithPermissions(0o644))
	if err != nil {
		return err
	}
	defer func() { _ = f.Cleanup() }() // does nothing once the file is in its place
	w := bufio.NewWriterSize(f, 256<<10)
	for _, l := range e.logs {
		if err := e.write(ctx, l, w); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}

// files writes a folder with a folder for each trajectory, and its file in that.
// The files are made beside their places, and moved once all of them are there.
func (e *exporting) files(ctx context.Context) (err error) {
	beside := e.out
	_, err = os.Stat(e.out)
	fresh := errors.Is(err, fs.ErrNotExist)
	if fresh {
		beside = filepath.Dir(e.out)
		if err := os.MkdirAll(beside, 0o755); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	made, err := os.MkdirTemp(beside, ".export-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(made)) }()
	for _, l := range e.logs {
		if err := e.file(ctx, l, filepath.Join(made, e.name(l))); err != nil {
			return err
		}
	}
	if fresh {
		if err := os.Chmod(made, 0o755); err != nil {
			return err
		}
		return os.Rename(made, e.out)
	}
	for _, l := range e.logs {
		place := filepath.Join(e.out, e.name(l))
		if err := os.MkdirAll(filepath.Dir(place), 0o755); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(made, e.name(l)), place); err != nil {
			return err
		}
	}
	return nil
}

// name is where a trajectory's file is in the folder: ID/TASK.traj. Most formats
// tell the task by the name of the file alone, so it must not be that of the
// trajectory; and several attempts of a task need several places. refuse has
// looked at the id.
func (e *exporting) name(l *store.Log) string {
	h := l.Header()
	task := h.Task.ID
	if !isFileName(task) {
		task = h.ID
	}
	return filepath.Join(h.ID, task+e.format.Ending)
}

func (e *exporting) file(ctx context.Context, l *store.Log, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 256<<10)
	if err = e.write(ctx, l, w); err == nil {
		err = errors.Join(w.Flush(), f.Sync())
	}
	return errors.Join(err, f.Close())
}

// predictions writes the final patches, and returns how many there are. A task
// has one: that of the attempt that its source handed in, else of the first.
func (e *exporting) predictions(ctx context.Context) (int, error) {
	var all []benchmarks.Prediction
	of := map[string]*store.Log{} // the task of this id
	place := map[string]int{}
	for _, l := range e.logs {
		end, err := endOf(ctx, l)
		if err != nil {
			return 0, err
		}
		h := l.Header()
		if why := patchless(h, end); why != "" {
			e.leftOut = append(e.leftOut, leftOut{h.ID, why})
			continue
		}
		p := benchmarks.Prediction{ID: h.Task.ID, Model: cmp.Or(h.Policy.Model, h.Policy.Name), Patch: &end.Patch}
		before, there := of[p.ID]
		if !there {
			of[p.ID], place[p.ID] = l, len(all)
			all = append(all, p)
			continue
		}
		rest := l
		switch order := counts(l, before); {
		case order == 0:
			return 0, userf("%s and %s are both attempt %d of task %s, which has one prediction; name the one that counts",
				before.Path(), l.Path(), h.Attempt, p.ID)
		case order < 0:
			of[p.ID], all[place[p.ID]], rest = l, p, before
		}
		e.leftOut = append(e.leftOut, leftOut{rest.Header().ID, "the prediction of its task is that of " + of[p.ID].Header().ID})
	}
	if len(all) == 0 {
		return 0, userf("no final patch is known of %s, so there is nothing to predict", count(len(e.logs), "trajectory", "trajectories"))
	}
	return len(all), benchmarks.WritePredictions(e.out, all)
}

// counts is below 0 where attempt a of a task counts, above 0 where b does, and 0
// where nothing tells.
func counts(a, b *store.Log) int {
	if x, y := chosen(a), chosen(b); x != y {
		if x {
			return -1
		}
		return 1
	}
	return cmp.Compare(a.Header().Attempt, b.Header().Attempt)
}

// patchless says why a trajectory has no prediction.
func patchless(h trajectories.Header, end *trajectories.End) string {
	switch {
	case h.Parent != nil && h.Parent.Kind != trajectories.ParentAttempt:
		return "it is a part of " + h.Parent.Trajectory
	case end == nil:
		return "it has no end"
	case end.Status == trajectories.ExitInfrastructure:
		return "sandbox or endpoint failed, which says nothing about the policy"
	case end.PatchUnknown:
		return "its source holds no patch, not even an empty one"
	}
	return ""
}

// chosen reports whether a trajectory is the one that its source handed in.
func chosen(l *store.Log) bool { s := l.Header().Source; return s != nil && s.Chosen }

// endOf is the end of a trajectory, nil while it has none.
func endOf(ctx context.Context, l *store.Log) (*trajectories.End, error) {
	var end *trajectories.End
	for ev, err := range (cancellable{l, ctx}).Events() {
		if err != nil {
			return nil, err
		}
		if ev.End != nil {
			end = ev.End
		}
	}
	return end, nil
}
