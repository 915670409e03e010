package gitrepo

import (
	"context"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage"
)

// reached is everything that one commit reaches.
type reached struct {
	objects []plumbing.Hash
	shallow string // the contents of .git/shallow, for a history that was cut off
}

func reach(ctx context.Context, s storage.Storer, from *object.Commit) (reached, error) {
	var r reached
	cut := map[plumbing.Hash]bool{}
	shallow, err := s.Shallow()
	if err != nil {
		return r, err
	}
	for _, h := range shallow {
		cut[h] = true
	}
	seen := map[plumbing.Hash]bool{from.Hash: true}
	add := func(h plumbing.Hash) bool {
		if seen[h] {
			return false
		}
		seen[h] = true
		r.objects = append(r.objects, h)
		return true
	}
	r.objects = append(r.objects, from.Hash)
	for next := []plumbing.Hash{from.Hash}; len(next) > 0; {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		c, err := object.GetCommit(s, next[len(next)-1])
		if err != nil {
			return r, fmt.Errorf("reading commit %s: %w", next[len(next)-1], err)
		}
		next = next[:len(next)-1]
		if err := reachTree(s, c.TreeHash, add); err != nil {
			return r, err
		}
		if cut[c.Hash] {
			r.shallow += c.Hash.String() + "\n"
			continue
		}
		for _, p := range c.ParentHashes {
			if add(p) {
				next = append(next, p)
			}
		}
	}
	return r, nil
}

func reachTree(s storage.Storer, hash plumbing.Hash, add func(plumbing.Hash) bool) error {
	if !add(hash) {
		return nil
	}
	t, err := object.GetTree(s, hash)
	if err != nil {
		return fmt.Errorf("reading tree %s: %w", hash, err)
	}
	for _, e := range t.Entries {
		switch e.Mode {
		case filemode.Submodule: // its commit is in another repository
		case filemode.Dir:
			if err := reachTree(s, e.Hash, add); err != nil {
				return err
			}
		default:
			add(e.Hash)
		}
	}
	return nil
}
