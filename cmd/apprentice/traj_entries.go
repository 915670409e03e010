package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories/filter"
	"github.com/apprentice-rl/apprentice/trajectories/store"
)

// An entry is a log with its summary.
type entry struct {
	store.Entry
	name string // where it is, absolute
}

// dir is the folder that it is in.
func (e entry) dir() string { return filepath.Dir(e.name) }

// entries finds the logs that are named, each once, in the order of where they
// are. With keepGoing those that cannot be read are left out and told.
func (a *app) entries(ctx context.Context, paths []string, keepGoing bool) (all []entry, unread []string, err error) {
	left := unreadLogs{keepGoing: keepGoing}
	seen := map[string]bool{}
	for e, err := range summaries(ctx, paths) {
		var name string
		if err == nil {
			name, err = filepath.Abs(e.Name())
		}
		switch {
		case ctx.Err() != nil:
			return nil, nil, ctx.Err()
		case err == nil && !seen[name]:
			seen[name] = true
			all = append(all, entry{e, name})
		default:
			if err = left.forgive(err); err != nil {
				return nil, nil, err
			}
		}
	}
	left.say(a)
	slices.SortFunc(all, func(x, y entry) int { return cmp.Compare(x.name, y.name) })
	return all, left.texts, nil
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
			id, _, _ = strings.Cut(filepath.Base(e.name), ".jsonl")
		}
		name := id
		for n := 2; taken[name]; n++ {
			name = fmt.Sprintf("%s-%d", id, n)
		}
		taken[name] = true
		names[place{e.dir(), e.ID}] = name
		candidates[i] = filter.Candidate{Name: name, Summary: e.Summary}
	}
	for i, e := range entries { // a part lies beside what it is a part of
		candidates[i].Parent = names[place{e.dir(), e.Parent}]
	}
	return candidates
}

// isFileName reports whether an id can be the name of a log, as package store
// wants it, or of what is made of one. File systems end names at 255 bytes, and
// some are left for endings.
func isFileName(id string) bool {
	return id != "" && len(id) <= 220 && !strings.HasPrefix(id, ".") && !strings.ContainsAny(id, "/\\\x00")
}

// entriesByName finds the logs of candidates.
func entriesByName(candidates []filter.Candidate, entries []entry) map[string]entry {
	byName := make(map[string]entry, len(entries))
	for i, c := range candidates {
		byName[c.Name] = entries[i]
	}
	return byName
}
