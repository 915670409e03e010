package starter

import (
	"fmt"
	"io"
	"maps"
	"net/mail"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"

	"github.com/apprentice-rl/apprentice/env/gitrepo"
)

// A history is the repository of a task and the commits that matter in it.
type history struct {
	repository       *gitrepo.Repository
	base, fix, later string
	tree             tree // at base
}

// build makes the repository: the commits that lead to the base, the fix with
// its tests, and the later one.
func (d definition) build() (history, error) {
	base := tree{}
	var commits []gitrepo.Commit
	add := func(c commit, write tree, remove []string) error {
		author, err := mail.ParseAddress(c.Author)
		if err != nil {
			return fmt.Errorf("task.json: author %q: %w", c.Author, err)
		}
		commits = append(commits, gitrepo.Commit{
			Author: gitrepo.Author{Name: author.Name, Email: author.Address},
			When:   c.Date, Message: c.Message, Write: write, Delete: remove,
		})
		return nil
	}
	for i, c := range d.Commits {
		for _, path := range c.Delete {
			delete(base, path)
		}
		maps.Copy(base, d.trees[i])
		if err := add(c, d.trees[i], c.Delete); err != nil {
			return history{}, err
		}
	}
	fixed, removed, err := base.patched(d.gold, d.test)
	if err != nil {
		return history{}, err
	}
	if err := add(d.Fix, fixed, removed); err != nil {
		return history{}, err
	}
	if err := add(d.Later, d.laterTree, d.Later.Delete); err != nil {
		return history{}, err
	}
	repository, hashes, err := gitrepo.Build(commits)
	if err != nil {
		return history{}, err
	}
	n := len(d.Commits)
	return history{repository: repository, base: hashes[n-1], fix: hashes[n], later: hashes[n+1], tree: base}, nil
}

// patched returns the files that the patches change and those that they
// remove. The patches must not touch the same files.
func (t tree) patched(patches ...string) (changed tree, removed []string, err error) {
	changed = tree{}
	for _, patch := range patches {
		parts, _, err := gitdiff.Parse(strings.NewReader(patch))
		if err != nil {
			return nil, nil, fmt.Errorf("reading a patch: %w", err)
		}
		for _, part := range parts {
			if part.IsDelete || part.IsRename {
				removed = append(removed, part.OldName)
			}
			if part.IsDelete {
				continue
			}
			var after strings.Builder
			if err := gitdiff.Apply(&after, source(t[part.OldName]), part); err != nil {
				return nil, nil, fmt.Errorf("applying the patch of %s: %w", part.NewName, err)
			}
			changed[part.NewName] = after.String()
		}
	}
	return changed, removed, nil
}

func source(text string) io.ReaderAt { return strings.NewReader(text) }
