package store

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"runtime"

	"github.com/sourcegraph/conc/pool"

	"github.com/apprentice-rl/apprentice/trajectories/summary"
)

// A pass is one time of finding out what a folder's logs hold.
type pass struct {
	dir   string
	now   int64 // when it began to read files, by the file system's clock
	files []*file
}

// A file is one of a pass.
type file struct {
	name  string
	stamp stamp
	row   *row // what the index holds of it, nil if it has to be read
	// logs are what was read, and err why that failed for the file as a whole.
	logs []summarised
	err  error
}

type summarised struct {
	found
	summary.Summary
}

// take takes up files, with what the index holds of those that have not changed
// since. It reports whether the index is not as it should be.
func (p *pass) take(names []string, index map[string]row) (stale bool) {
	kept := 0
	for _, name := range names {
		f := &file{name: name}
		if f.stamp, f.err = stampOf(filepath.Join(p.dir, name)); errors.Is(f.err, fs.ErrNotExist) {
			continue // it was removed since the folder was read
		}
		if r, ok := index[name]; ok && f.err == nil && r.stamp == f.stamp && r.settled(r.Read) {
			f.row = &r
			kept++
		}
		p.files = append(p.files, f)
	}
	return kept < len(p.files) || kept < len(index)
}

// read reads the files that have to be read, as many at a time as there are
// processors. Each takes the memory of one event. Once the context is done
// those that are left stay as they are.
func (p *pass) read(ctx context.Context) {
	workers := runtime.GOMAXPROCS(0)
	files := pool.New().WithMaxGoroutines(workers)
	for _, f := range p.files {
		if f.row == nil && f.err == nil {
			files.Go(func() { p.find(ctx, f) })
		}
	}
	files.Wait()
	logs := pool.New().WithMaxGoroutines(workers)
	for _, f := range p.files {
		for i := range f.logs {
			logs.Go(func() { f.logs[i].summarise(ctx) })
		}
	}
	logs.Wait()
}

// find finds the logs in a file.
func (p *pass) find(ctx context.Context, f *file) {
	if f.err = ctx.Err(); f.err != nil {
		return
	}
	all, err := places(filepath.Join(p.dir, f.name))
	if f.err = err; err != nil {
		return
	}
	f.logs = make([]summarised, len(all))
	for i, found := range all {
		f.logs[i].found = found
	}
}

func (s *summarised) summarise(ctx context.Context) {
	if s.err == nil {
		s.err = ctx.Err()
	}
	if s.err != nil {
		return
	}
	l, err := s.log()
	if err == nil {
		s.Summary, err = summary.Of(l)
	}
	s.err = err
}

// rows are what the index is to hold: the files of which everything was read.
func (p *pass) rows() []row {
	var rows []row
	for _, f := range p.files {
		if f.row != nil {
			rows = append(rows, *f.row)
		} else if r, ok := f.whole(); ok {
			r.Read = p.now
			rows = append(rows, r)
		}
	}
	return rows
}

func (f *file) whole() (row, bool) {
	r := row{File: f.name, stamp: f.stamp, Logs: []rowOfALog{}}
	for _, l := range f.logs {
		if l.err != nil {
			return row{}, false
		}
		r.Logs = append(r.Logs, rowOfALog{l.span, l.Summary})
	}
	return r, f.err == nil
}

// yield hands over what there is.
func (p *pass) yield(ctx context.Context, yield func(Entry, error) bool) bool {
	for _, f := range p.files {
		if ctx.Err() != nil {
			yield(Entry{}, ctx.Err())
			return false
		}
		more := true
		switch {
		case f.row != nil:
			more = p.yieldRow(f, yield)
		case errors.Is(f.err, fs.ErrNotExist): // removed in the meantime
		case f.err != nil:
			more = yield(Entry{}, f.err)
		default:
			more = f.yield(yield)
		}
		if !more {
			return false
		}
	}
	return true
}

func (f *file) yield(yield func(Entry, error) bool) bool {
	for _, l := range f.logs {
		e := Entry{l.Summary, l.place}
		if l.err != nil {
			e = Entry{}
		}
		if errors.Is(l.err, fs.ErrNotExist) {
			continue
		}
		if !yield(e, l.err) {
			return false
		}
	}
	return true
}

func (p *pass) yieldRow(f *file, yield func(Entry, error) bool) bool {
	at := place{path: filepath.Join(p.dir, f.name)}
	if isArchive(f.name) {
		at.archive = newArchive(at.path)
	}
	for i, l := range f.row.Logs {
		at.span, at.number = l.span, i+1
		if !yield(Entry{l.Summary, at}, nil) {
			return false
		}
	}
	return true
}
