//go:build linux

package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/klauspost/compress/gzip"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// An archive is what is known of a docker-archive file as it was: opening it
// means to read through all of it.
type archive struct {
	size     int64
	modified time.Time
	digest   string
}

// openArchive opens an image of a "docker save" tar: FILE or FILE:NAME. The tar
// may be packed with gzip, and is then unpacked beside the layers, once for all
// of them.
func (s *Store) openArchive(ctx context.Context, reference, rest string) (_ source, err error) {
	path, ref, err := cutPath(rest)
	if err != nil {
		return source{}, err
	}
	var tag *name.Tag
	if ref != "" {
		t, err := name.NewTag(ref)
		if err != nil {
			return source{}, &ReferenceError{reference, err}
		}
		tag = &t
	}
	plain, done, err := s.plain(ctx, path)
	if err != nil {
		return source{}, fmt.Errorf("reading %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, done())
		}
	}()
	manifest, err := tarball.LoadManifest(opener(plain))
	if err != nil {
		return source{}, fmt.Errorf("%s is not what docker save writes (%w): %w", path, err, sandbox.ErrNoImage)
	}
	img, err := tarball.Image(opener(plain), tag)
	if err != nil {
		var there []string
		for _, d := range manifest {
			there = append(there, d.RepoTags...)
		}
		return source{}, fmt.Errorf("%s: %w (there are: %s): %w", path, err, list(there), sandbox.ErrNoImage)
	}
	id, err := img.ConfigName()
	if err != nil {
		return source{}, fmt.Errorf("reading %s: %w", path, err)
	}
	return source{digest: id.String(), image: img, unpacked: true, close: done}, nil
}

// plain returns the path of a file's contents without gzip around them.
func (s *Store) plain(ctx context.Context, path string) (_ string, done func() error, err error) {
	nothing := func() error { return nil }
	f, err := os.Open(path)
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	packed, err := gzip.NewReader(f)
	if err != nil {
		return path, nothing, nil // what it is instead, the reader of the tar finds out
	}
	dir, done, err := s.temporary()
	if err != nil {
		return "", nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, done())
		}
	}()
	w, err := os.Create(dir + "/archive.tar")
	if err != nil {
		return "", nil, err
	}
	limited := &io.LimitedReader{R: contextReader{ctx, packed}, N: s.opts.LayerBytes}
	_, err = io.Copy(w, limited)
	if err = errors.Join(err, w.Close()); err != nil {
		return "", nil, err
	}
	if limited.N <= 0 {
		return "", nil, fmt.Errorf("it has more than %d bytes unpacked", s.opts.LayerBytes)
	}
	return w.Name(), done, nil
}

// contextReader ends a long copy with its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// remembered returns the identity of an archive that was opened before and has
// not changed since.
func (s *Store) remembered(rest string) (digest string) {
	st, ok := s.statArchive(rest)
	if !ok {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.archives[absolute(rest)]; a.size == st.size && a.modified.Equal(st.modified) {
		return a.digest
	}
	return ""
}

func (s *Store) remember(rest, digest string) {
	if a, ok := s.statArchive(rest); ok {
		a.digest = digest
		s.mu.Lock()
		defer s.mu.Unlock()
		s.archives[absolute(rest)] = a
	}
}

func (*Store) statArchive(rest string) (archive, bool) {
	path, _, err := cutPath(rest)
	if err != nil {
		return archive{}, false
	}
	st, err := os.Stat(path)
	if err != nil {
		return archive{}, false
	}
	return archive{size: st.Size(), modified: st.ModTime()}, true
}
