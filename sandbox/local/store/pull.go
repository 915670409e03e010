//go:build linux

package store

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// Hold makes sure that an image is in the store, and keeps it from being
// removed until release is called, which must happen. The reference is
//
//	oci:FOLDER[:TAG], oci:FOLDER@sha256:…   an image of an OCI layout folder
//	docker-archive:FILE[:NAME]              an image of a "docker save" tar, plain or with gzip
//
// or else the name of an image in a registry, as the docker command reads it.
// Such an image is not asked for again once it is there. The error is a
// *ReferenceError, or matches sandbox.ErrNoImage, ErrUnavailable (a registry
// that does not work now) or ErrDiskFull.
func (s *Store) Hold(ctx context.Context, reference string) (img Image, release func(), err error) {
	img, release, err = s.held(ctx, func(ctx context.Context) (Image, error) { return s.ensure(ctx, reference) })
	var bad *ReferenceError
	if err != nil && !errors.As(err, &bad) {
		err = fmt.Errorf("image %s: %w", reference, family(ctx, err))
	}
	return img, release, err
}

// ensure finds an image, or gets it. Only one caller gets the same one.
func (s *Store) ensure(ctx context.Context, reference string) (Image, error) {
	known := "" // the name of its record, where that is known without opening it
	if rest, ok := strings.CutPrefix(reference, archivePrefix); ok {
		if digest := s.remembered(rest); digest != "" {
			known = digest
		}
	} else if !strings.HasPrefix(reference, ociPrefix) {
		ref, err := parse(reference)
		if err != nil {
			return Image{}, err
		}
		known = ref.Name()
	}
	if img, err := s.find(known); err == nil {
		return img, nil
	}
	if known != "" {
		unlock, err := s.lock(ctx, filepath.Base(s.record(known)))
		if err != nil {
			return Image{}, err
		}
		defer unlock()
		if img, err := s.find(known); err == nil {
			return img, nil
		}
	}
	return s.get(ctx, reference, known)
}

func (s *Store) get(ctx context.Context, reference, known string) (_ Image, err error) {
	src, err := s.open(ctx, reference)
	if err != nil {
		return Image{}, err
	}
	defer func() { err = errors.Join(err, src.close()) }()
	if rest, ok := strings.CutPrefix(reference, archivePrefix); ok {
		s.remember(rest, src.digest)
	}
	if known == "" {
		known = src.digest
		unlock, err := s.lock(ctx, filepath.Base(s.record(known)))
		if err != nil {
			return Image{}, err
		}
		defer unlock()
		if img, err := s.find(known); err == nil {
			return img, nil
		}
	}
	img, err := s.unpack(ctx, reference, src)
	if err != nil {
		return Image{}, err
	}
	return img, s.keep(known, &img)
}

// unpack unpacks those layers of an image that are not there.
func (s *Store) unpack(ctx context.Context, reference string, src source) (Image, error) {
	config, err := verifiedConfig(src)
	if err != nil {
		return Image{}, err
	}
	layers, err := src.image.Layers()
	if err != nil {
		return Image{}, fmt.Errorf("listing the layers: %w", err)
	}
	ids := config.RootFS.DiffIDs
	if len(ids) != len(layers) {
		return Image{}, fmt.Errorf("the configuration tells of %d layers, the manifest of %d", len(ids), len(layers))
	}
	img := Image{Name: reference, Digest: src.digest}
	told := s.tell(reference, src, layers)
	chain := sha256.New()
	for i, layer := range layers {
		fmt.Fprintln(chain, ids[i])
		l := pending{
			layer: layer, id: ids[i], unpacked: src.unpacked,
			key: "sha256/" + ids[i].Hex, chain: fmt.Sprintf("chain/%x", chain.Sum(nil)),
			below: s.Folders(img), told: told,
		}
		key, note, err := s.layerOf(ctx, l)
		if err != nil {
			return Image{}, fmt.Errorf("layer %d of %d: %w", i+1, len(layers), err)
		}
		if note.Opaque {
			img.Layers = nil
		}
		img.Layers = append(img.Layers, key)
		img.LeftOut = append(img.LeftOut, note.LeftOut...)
	}
	img.Config.Env, img.Config.WorkingDir = config.Config.Env, config.Config.WorkingDir
	if img.Config.User, err = findUser(s.Folders(img), config.Config.User); err != nil {
		return Image{}, err
	}
	return img, nil
}

// verifiedConfig returns an image's configuration, when the image is what its
// digests say, and for this machine.
func verifiedConfig(src source) (*v1.ConfigFile, error) {
	raw, err := src.image.RawConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	got, want := fmt.Sprintf("sha256:%x", sha256.Sum256(raw)), src.digest
	if !src.unpacked { // else the configuration's digest is the identity
		text, err := src.image.RawManifest()
		if err != nil {
			return nil, fmt.Errorf("reading the manifest: %w", err)
		}
		if sum := fmt.Sprintf("sha256:%x", sha256.Sum256(text)); sum != src.digest {
			return nil, fmt.Errorf("the manifest has the digest %s instead of %s", sum, src.digest)
		}
		manifest, err := v1.ParseManifest(bytes.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("reading the manifest: %w", err)
		}
		want = manifest.Config.Digest.String()
	}
	if got != want {
		return nil, fmt.Errorf("the configuration has the digest %s instead of %s", got, want)
	}
	config, err := v1.ParseConfigFile(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	if !runs(config.OS, config.Architecture) {
		return nil, noPlatform([]string{config.OS + "/" + config.Architecture})
	}
	return config, nil
}

// A pending layer is one that an image needs.
type pending struct {
	layer      v1.Layer
	id         v1.Hash // of its contents, unpacked
	unpacked   bool
	key, chain string // where it goes: by itself, or together with those below
	below      []string
	told       func(n int)
}

// A note is what is written down beside the files of a layer.
type note struct {
	Bytes   int64    `json:"bytes"`
	Entries int      `json:"entries"`
	Opaque  bool     `json:"opaque,omitempty"` // it hides all layers below
	LeftOut []string `json:"left_out,omitempty"`
}

// read returns the note of a layer that is there.
func (s *Store) read(key string) (n note, err error) {
	b, err := os.ReadFile(filepath.Join(s.layer(key), "layer.json"))
	if err == nil {
		err = json.Unmarshal(b, &n)
	}
	return n, err
}

// layerOf makes sure that a layer is there.
func (s *Store) layerOf(ctx context.Context, l pending) (key string, n note, err error) {
	if l.id.Algorithm != "sha256" || len(l.id.Hex) != 2*sha256.Size {
		return "", note{}, fmt.Errorf("of an unknown digest %q", l.id)
	}
	unlock, err := s.lock(ctx, l.id.Hex)
	if err != nil {
		return "", note{}, err
	}
	defer unlock()
	for _, key := range []string{l.key, l.chain} {
		if n, err := s.read(key); err == nil {
			if size, err := l.layer.Size(); !l.unpacked && err == nil {
				l.told(int(size))
			}
			return key, n, nil
		}
	}
	below := []string(nil)
	key = l.key
	n, err = backoff.Retry(ctx, func() (note, error) {
		n, err := s.fetch(ctx, l, key, below)
		if errors.Is(err, errNeedsBelow) {
			key, below = l.chain, append([]string{}, l.below...) // never nil
			n, err = s.fetch(ctx, l, key, below)
		}
		if err != nil && !errors.Is(family(ctx, err), sandbox.ErrUnavailable) {
			err = backoff.Permanent(err)
		}
		return n, err
	}, backoff.WithMaxTries(3), backoff.WithMaxElapsedTime(0))
	return key, n, err
}

// fetch reads a layer and unpacks it beside the others; it gets its name when
// all of it was there and right.
func (s *Store) fetch(ctx context.Context, l pending, key string, below []string) (n note, err error) {
	dir, done, err := s.temporary()
	if err != nil {
		return note{}, err
	}
	defer func() { err = errors.Join(err, done()) }()
	stream, err := s.stream(l)
	if err != nil {
		return note{}, err
	}
	defer stream.close()
	files := filepath.Join(dir, "files")
	if n, err = s.unpackInto(ctx, files, contextReader{ctx, stream}, below); err != nil {
		return note{}, err
	}
	if err := stream.verify(); err != nil {
		return note{}, err
	}
	return n, s.place(dir, key, n)
}

// unpackInto unpacks a tar into a new folder.
func (s *Store) unpackInto(ctx context.Context, files string, r io.Reader, below []string) (note, error) {
	if err := os.Mkdir(files, workMode); err != nil {
		return note{}, err
	}
	root, err := os.Open(files)
	if err != nil {
		return note{}, err
	}
	defer root.Close()
	u := unpacker{root: int(root.Fd()), owner: s.opts.Owner, below: below}
	u.limits.bytes, u.limits.entries = s.opts.LayerBytes, s.opts.LayerEntries
	if err := u.unpack(ctx, r); err != nil {
		return note{}, err
	}
	return note{Bytes: u.bytes, Entries: u.entries, Opaque: u.opaque, LeftOut: u.leftOut}, nil
}

// place puts a finished layer under its name.
func (s *Store) place(dir, key string, n note) error {
	b, err := json.Marshal(n)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "layer.json"), b, 0o644); err != nil {
		return err
	}
	return os.Rename(dir, s.layer(key))
}

// A stream is a layer's tar, with digests of what was read so far.
type stream struct {
	io.Reader                   // unpacked
	limited   *io.LimitedReader // below it
	packed    io.Reader
	closers   []func() error
	want      [2]string // digests of the packed and the unpacked; the first may be empty
	got       [2]hash.Hash
}

func (s *Store) stream(l pending) (_ *stream, err error) {
	st := &stream{got: [2]hash.Hash{sha256.New(), sha256.New()}}
	st.want[1] = l.id.Hex
	var rc io.ReadCloser
	if l.unpacked {
		rc, err = l.layer.Uncompressed()
	} else {
		var digest v1.Hash
		if digest, err = l.layer.Digest(); err == nil {
			st.want[0] = digest.Hex
			rc, err = l.layer.Compressed()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("opening it: %w", err)
	}
	st.closers = append(st.closers, rc.Close)
	st.packed = io.TeeReader(rc, io.MultiWriter(st.got[0], counter(l.told)))
	plain, err := st.unpack(bufio.NewReaderSize(st.packed, 64<<10))
	if err != nil {
		st.close()
		return nil, fmt.Errorf("unpacking it: %w", err)
	}
	// The tar's own headers are not what its files come to, so some more.
	st.limited = &io.LimitedReader{R: plain, N: s.opts.LayerBytes + int64(s.opts.LayerEntries)*4096}
	st.Reader = io.TeeReader(st.limited, st.got[1])
	return st, nil
}

// unpack looks at the first bytes, for what a manifest says of the packing is
// not always so.
func (st *stream) unpack(r *bufio.Reader) (io.Reader, error) {
	magic, err := r.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(r)
		return z, err
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, err
		}
		st.closers = append(st.closers, func() error { z.Close(); return nil })
		return z, nil
	}
	return r, nil
}

// verify reads what is after the tar, and compares the digests.
func (st *stream) verify() error {
	if _, err := io.Copy(io.Discard, st.Reader); err != nil {
		return err
	}
	if st.limited.N <= 0 {
		return errors.New("it is larger than a layer may be")
	}
	if _, err := io.Copy(io.Discard, st.packed); err != nil {
		return err
	}
	for i, want := range st.want {
		if got := fmt.Sprintf("%x", st.got[i].Sum(nil)); want != "" && got != want {
			return fmt.Errorf("it has the digest sha256:%s instead of sha256:%s", got, want)
		}
	}
	return nil
}

func (st *stream) close() {
	for i := len(st.closers) - 1; i >= 0; i-- {
		_ = st.closers[i]()
	}
}

// A counter is told of bytes that pass.
type counter func(n int)

func (c counter) Write(p []byte) (int, error) {
	c(len(p))
	return len(p), nil
}

// tell returns what is to be told of each part that was read. It passes on the
// first, and then one in a tenth of a second.
func (s *Store) tell(reference string, src source, layers []v1.Layer) func(int) {
	if s.opts.Progress == nil {
		return func(int) {}
	}
	p := sandbox.Progress{Image: reference, Doing: "pulling"}
	if src.unpacked {
		p.Doing = "unpacking"
	}
	for _, l := range layers {
		if src.unpacked {
			break // it would have to be packed, to know
		}
		if size, err := l.Size(); err == nil {
			p.Total += size
		}
	}
	var last time.Time
	return func(n int) {
		p.Done += int64(n)
		if now := time.Now(); now.Sub(last) >= time.Second/10 || p.Done == p.Total {
			last = now
			s.opts.Progress(p)
		}
	}
}
