package gitrepo

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/index"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage"
)

// A tarball writes entries with one owner and one time. It keeps its first
// error until close.
type tarball struct {
	w    *tar.Writer
	time time.Time
	err  error
}

func (t *tarball) header(h tar.Header) {
	if t.err != nil {
		return
	}
	h.ModTime = t.time
	h.Format = tar.FormatPAX // long names, large files
	t.err = t.w.WriteHeader(&h)
}

func (t *tarball) folder(name string) {
	t.header(tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755})
}

func (t *tarball) file(name string, mode filemode.FileMode, size int64, r io.Reader) {
	perm := int64(0o644)
	if mode == filemode.Executable {
		perm = 0o755
	}
	t.header(tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: perm, Size: size})
	if t.err == nil {
		_, t.err = io.Copy(t.w, r)
	}
}

func (t *tarball) link(name, target string) {
	t.header(tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777})
}

func (t *tarball) text(name, content string) {
	t.file(name, filemode.Regular, int64(len(content)), bytes.NewReader([]byte(content)))
}

func (t *tarball) close() error {
	if t.err != nil {
		return t.err
	}
	return t.w.Close()
}

// checkout writes the files of tree below the folder prefix, and an index
// entry for each.
func (t *tarball) checkout(ctx context.Context, s storage.Storer, tree *object.Tree, prefix string, idx *index.Index) error {
	for _, e := range tree.Entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if e.Name == "" || e.Name == "." || strings.Contains(e.Name, "/") || checkPath(e.Name) != nil {
			return fmt.Errorf("the tree holds the name %q, which cannot be checked out", path.Join(prefix, e.Name))
		}
		name := path.Join(prefix, e.Name)
		if e.Mode == filemode.Dir {
			below, err := object.GetTree(s, e.Hash)
			if err != nil {
				return fmt.Errorf("reading folder %s: %w", name, err)
			}
			t.folder(name)
			if err := t.checkout(ctx, s, below, name, idx); err != nil {
				return err
			}
			continue
		}
		entry := &index.Entry{Name: name, Hash: e.Hash, Mode: e.Mode, CreatedAt: t.time, ModifiedAt: t.time}
		if e.Mode == filemode.Submodule {
			t.folder(name)
		} else {
			size, err := t.blob(s, e, name)
			if err != nil {
				return fmt.Errorf("reading file %s: %w", name, err)
			}
			entry.Size = uint32(size) // git, too, keeps the lower 32 bits
			if e.Mode == filemode.Deprecated {
				entry.Mode = filemode.Regular
			}
		}
		idx.Entries = append(idx.Entries, entry)
		if t.err != nil {
			return t.err
		}
	}
	return nil
}

func (t *tarball) blob(s storage.Storer, e object.TreeEntry, name string) (size int64, err error) {
	b, err := object.GetBlob(s, e.Hash)
	if err != nil {
		return 0, err
	}
	r, err := b.Reader()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	if e.Mode != filemode.Symlink {
		t.file(name, e.Mode, b.Size, r)
		return b.Size, nil
	}
	target, err := io.ReadAll(r)
	if err != nil {
		return 0, err
	}
	t.link(name, string(target))
	return b.Size, nil
}
