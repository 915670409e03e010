package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/sourcegraph/conc/pool"

	"github.com/apprentice-rl/apprentice/trajectories/filter"
	"github.com/apprentice-rl/apprentice/trajectories/summary"
)

// An entry is a log with its summary.
type entry struct {
	summary.Summary
	path string // absolute
}

// entries summarises the logs that are named, each once, in the order of their
// paths. With keepGoing those that cannot be read are left out and told.
func (a *app) entries(ctx context.Context, paths []string, keepGoing bool) (all []entry, unread []string, err error) {
	type found struct {
		entry
		err error
	}
	var each []*found
	summaries := pool.New().WithMaxGoroutines(runtime.NumCPU())
	seen := map[string]bool{}
	for log, err := range logs(paths) {
		f := &found{err: err}
		if err == nil {
			f.path, f.err = filepath.Abs(log.Path())
		}
		if f.err == nil {
			if seen[f.path] {
				continue
			}
			seen[f.path] = true
			summaries.Go(func() {
				if f.err = ctx.Err(); f.err == nil {
					f.Summary, f.err = summary.Of(log)
				}
			})
		}
		each = append(each, f)
	}
	summaries.Wait()
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	for _, f := range each {
		switch {
		case f.err == nil:
			all = append(all, f.entry)
		case !keepGoing && exitCode(f.err) == exitUser:
			return nil, nil, fmt.Errorf("%w; --keep-going leaves such logs out", f.err)
		case !keepGoing || exitCode(f.err) != exitUser:
			return nil, nil, f.err
		default:
			unread = append(unread, f.err.Error())
			a.say("left out: %s", printable(f.err.Error()))
		}
	}
	slices.SortFunc(all, func(x, y entry) int { return cmp.Compare(x.path, y.path) })
	return all, unread, nil
}

// candidatesOf names the logs, in the same order. The name is the id, which
// logs of several runs may have in common: then the later ones get a number.
func candidatesOf(entries []entry) []filter.Candidate {
	candidates := make([]filter.Candidate, len(entries))
	taken := map[string]bool{}
	type place struct{ dir, id string }
	names := map[place]string{}
	for i, e := range entries {
		id := e.ID
		if !isFileName(id) {
			id, _, _ = strings.Cut(filepath.Base(e.path), ".jsonl")
		}
		name := id
		for n := 2; taken[name]; n++ {
			name = fmt.Sprintf("%s-%d", id, n)
		}
		taken[name] = true
		names[place{filepath.Dir(e.path), e.ID}] = name
		candidates[i] = filter.Candidate{Name: name, Summary: e.Summary}
	}
	for i, e := range entries { // a part lies beside what it is a part of
		candidates[i].Parent = names[place{filepath.Dir(e.path), e.Parent}]
	}
	return candidates
}

// isFileName reports whether an id can be the name of a log, as package store
// wants it.
func isFileName(id string) bool {
	return id != "" && !strings.HasPrefix(id, ".") && !strings.ContainsAny(id, "/\\\x00")
}

// entriesByName finds the logs of candidates.
func entriesByName(candidates []filter.Candidate, entries []entry) map[string]entry {
	byName := make(map[string]entry, len(entries))
	for i, c := range candidates {
		byName[c.Name] = entries[i]
	}
	return byName
}
