// Package gitrepo provides the source code of tasks as git repositories, made
// with go-git and without the git binary.
//
// A repository comes from a list of commits ([Build]) or from a folder on disk
// ([Open]). [Repository.Archive] packs one of its commits into a tar stream
// from which nothing later can be learnt: the stream holds a fresh repository
// with the objects reachable from that commit, and no other ref, reflog,
// remote or object.
//
//	repo, hashes, err := gitrepo.Build(commits)
//	err = repo.Archive(ctx, hashes[2], w) // hashes[3] and later are not in it
//
// The same commits give the same hashes on every machine: no configuration, no
// clock and no map order has a part in them.
package gitrepo

import (
	"fmt"
	"regexp"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage"
)

// A Repository is a source of commits. It is safe for concurrent use.
type Repository struct {
	// open returns a storage for one caller. Storages on disk keep caches
	// that are not safe to share.
	open func() (storage.Storer, error)
}

// Open returns the repository in the folder path, bare or with a work tree. It
// reads commits from it and changes nothing.
func Open(path string) (*Repository, error) {
	r := &Repository{open: func() (storage.Storer, error) {
		repo, err := git.PlainOpenWithOptions(path, &git.PlainOpenOptions{EnableDotGitCommonDir: true})
		if err != nil {
			return nil, fmt.Errorf("opening the git repository %s: %w", path, err)
		}
		return repo.Storer, nil
	}}
	if _, err := r.open(); err != nil {
		return nil, err
	}
	return r, nil
}

// A NoCommitError says that a commit is not in the repository.
type NoCommitError struct {
	Commit string
}

func (e *NoCommitError) Error() string {
	return fmt.Sprintf("there is no commit %s in the repository", e.Commit)
}

var fullHash = regexp.MustCompile(`^[0-9a-f]{40}$`)

func commitOf(s storage.Storer, commit string) (*object.Commit, error) {
	if !fullHash.MatchString(commit) {
		return nil, fmt.Errorf("commit %q: not a full hash of 40 hexadecimal digits", commit)
	}
	c, err := object.GetCommit(s, plumbing.NewHash(commit))
	if err != nil {
		return nil, &NoCommitError{Commit: commit}
	}
	return c, nil
}
