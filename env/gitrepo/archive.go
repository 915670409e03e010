package gitrepo

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/index"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage"
)

// Archive writes a tar stream of a fresh git repository with its work tree.
// HEAD is on branch main at commit, the index agrees with the work tree, and
// the object store holds what commit reaches and nothing else. Every file has
// the time of the commit, so the stream is the same each time.
func (r *Repository) Archive(ctx context.Context, commit string, w io.Writer) error {
	s, err := r.open()
	if err != nil {
		return err
	}
	c, err := commitOf(s, commit)
	if err != nil {
		return err
	}
	if err := archive(ctx, s, c, w); err != nil {
		return fmt.Errorf("archiving commit %s: %w", commit, err)
	}
	return nil
}

const config = `[core]
	repositoryformatversion = 0
	filemode = true
	bare = false
	logallrefupdates = true
`

func archive(ctx context.Context, s storage.Storer, c *object.Commit, w io.Writer) error {
	found, err := reach(ctx, s, c)
	if err != nil {
		return err
	}
	pack, err := newPack(s, found.objects)
	if err != nil {
		return err
	}
	defer pack.Close()
	tree, err := c.Tree()
	if err != nil {
		return err
	}

	// The time is also in the index; the zone is not, so it must not matter.
	t := &tarball{w: tar.NewWriter(w), time: c.Committer.When.UTC()}
	for _, folder := range []string{".git", ".git/hooks", ".git/info", ".git/objects", ".git/objects/info", ".git/objects/pack", ".git/refs", ".git/refs/heads", ".git/refs/tags"} {
		t.folder(folder)
	}
	t.text(".git/HEAD", "ref: refs/heads/main\n")
	t.text(".git/config", config)
	t.text(".git/refs/heads/main", c.Hash.String()+"\n")
	if found.shallow != "" {
		t.text(".git/shallow", found.shallow)
	}
	t.file(".git/objects/pack/pack-"+pack.sum.String()+".pack", filemode.Regular, pack.size, pack)
	t.text(".git/objects/pack/pack-"+pack.sum.String()+".idx", string(pack.index))
	idx := &index.Index{Version: 2}
	if err := t.checkout(ctx, s, tree, "", idx); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := index.NewEncoder(&b).Encode(idx); err != nil {
		return err
	}
	t.text(".git/index", b.String())
	return t.close()
}
