package gitrepo

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage"
	"github.com/go-git/go-git/v5/storage/memory"
)

// A Commit is one commit of a repository that [Build] makes.
type Commit struct {
	Author Author
	// When is the time of the commit, in whole seconds and with its zone.
	When    time.Time
	Message string
	// Write maps the paths of the files that the commit adds or changes to
	// their whole contents. Paths are relative and separated by slashes.
	Write map[string]string
	// Executable names files, of this commit or an earlier one, that get the
	// executable bit.
	Executable []string
	// Delete names files that the commit removes.
	Delete []string
}

// Author is who made a commit, both its author and its committer.
type Author struct {
	Name, Email string
}

// Build makes a repository in memory with the given commits, the oldest first,
// each the parent of the next. It returns their hashes in the same order.
func Build(commits []Commit) (*Repository, []string, error) {
	store := memory.NewStorage()
	b := builder{store: store, files: map[string]file{}}
	hashes := make([]string, 0, len(commits))
	var parent []plumbing.Hash
	for i, c := range commits {
		h, err := b.commit(c, parent)
		if err != nil {
			return nil, nil, fmt.Errorf("building commit %d: %w", i+1, err)
		}
		parent = []plumbing.Hash{h}
		hashes = append(hashes, h.String())
	}
	return &Repository{open: func() (storage.Storer, error) { return store, nil }}, hashes, nil
}

type builder struct {
	store *memory.Storage
	files map[string]file // the tree after the last commit, by path
}

type file struct {
	hash plumbing.Hash
	mode filemode.FileMode
}

func (b *builder) commit(c Commit, parents []plumbing.Hash) (plumbing.Hash, error) {
	if err := c.Author.check(); err != nil {
		return plumbing.ZeroHash, err
	}
	if c.When.Unix() <= 0 {
		return plumbing.ZeroHash, fmt.Errorf("time %s: not after 1970", c.When)
	}
	if err := b.change(c); err != nil {
		return plumbing.ZeroHash, err
	}
	tree, err := b.tree(b.files)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	who := object.Signature{Name: c.Author.Name, Email: c.Author.Email, When: c.When}
	message := c.Message
	if !strings.HasSuffix(message, "\n") {
		message += "\n"
	}
	return b.put(&object.Commit{Author: who, Committer: who, Message: message, TreeHash: tree, ParentHashes: parents})
}

func (a Author) check() error {
	for _, s := range []string{a.Name, a.Email} {
		if strings.TrimSpace(s) == "" || strings.ContainsAny(s, "<>\n\x00") {
			return fmt.Errorf("author %q with address %q: both are needed, and neither may hold <, > or a line break", a.Name, a.Email)
		}
	}
	return nil
}

// change applies the commit's writes and deletions to b.files.
func (b *builder) change(c Commit) error {
	for _, p := range c.Delete {
		if _, ok := b.files[p]; !ok {
			return fmt.Errorf("deleting %q: there is no such file", p)
		}
		delete(b.files, p)
	}
	for _, p := range slices.Sorted(maps.Keys(c.Write)) {
		if err := checkPath(p); err != nil {
			return err
		}
		hash, err := b.blob(c.Write[p])
		if err != nil {
			return err
		}
		f := b.files[p]
		if f.mode == filemode.Empty {
			f.mode = filemode.Regular
		}
		b.files[p] = file{hash: hash, mode: f.mode}
	}
	for _, p := range c.Executable {
		f, ok := b.files[p]
		if !ok {
			return fmt.Errorf("making %q executable: there is no such file", p)
		}
		b.files[p] = file{hash: f.hash, mode: filemode.Executable}
	}
	return nil
}

// checkPath refuses the paths that git refuses to check out.
func checkPath(p string) error {
	if p == "" || path.IsAbs(p) || path.Clean(p) != p || strings.ContainsRune(p, 0) {
		return fmt.Errorf("path %q: not a clean relative path", p)
	}
	for _, part := range strings.Split(p, "/") {
		if part == ".." || strings.EqualFold(part, ".git") {
			return fmt.Errorf("path %q: may not hold the name %q", p, part)
		}
	}
	return nil
}

func (b *builder) blob(content string) (plumbing.Hash, error) {
	o := b.store.NewEncodedObject()
	o.SetType(plumbing.BlobObject)
	w, err := o.Writer()
	if err != nil {
		return plumbing.ZeroHash, err
	}
	if _, err := w.Write([]byte(content)); err != nil {
		return plumbing.ZeroHash, err
	}
	return b.store.SetEncodedObject(o)
}

// tree stores the tree of files, whose paths are relative to it, and of its
// folders.
func (b *builder) tree(files map[string]file) (plumbing.Hash, error) {
	var t object.Tree
	folders := map[string]map[string]file{}
	for p, f := range files {
		name, rest, below := strings.Cut(p, "/")
		if !below {
			t.Entries = append(t.Entries, object.TreeEntry{Name: p, Mode: f.mode, Hash: f.hash})
			continue
		}
		if folders[name] == nil {
			folders[name] = map[string]file{}
		}
		folders[name][rest] = f
	}
	for name, below := range folders {
		if _, ok := files[name]; ok {
			return plumbing.ZeroHash, fmt.Errorf("path %q: both a file and a folder", name)
		}
		hash, err := b.tree(below)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		t.Entries = append(t.Entries, object.TreeEntry{Name: name, Mode: filemode.Dir, Hash: hash})
	}
	sort.Sort(object.TreeEntrySorter(t.Entries))
	return b.put(&t)
}

func (b *builder) put(o object.Object) (plumbing.Hash, error) {
	e := b.store.NewEncodedObject()
	if err := o.Encode(e); err != nil {
		return plumbing.ZeroHash, err
	}
	return b.store.SetEncodedObject(e)
}
