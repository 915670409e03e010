//go:build linux

// Package store keeps images unpacked, each layer once, in a folder of the
// host, for sandboxes that have them as the lower layers of an overlay.
//
// An image comes from a registry, from an OCI layout folder or from the tar
// that "docker save" writes ([Store.Hold] tells how each is named), or is a
// snapshot that a driver added. Of an image the store has a record: its
// identity, its layers, and what of its configuration a sandbox needs. A layer
// is a folder of files in the form that overlayfs reads: what the layer removes
// is a character device 0/0, and a folder that hides those below it has the
// attribute user.overlay.opaque. So an ordinary user can unpack and mount it.
//
// # What is believed
//
// Nothing that an image says. The digest of its manifest, of its configuration
// and of each layer, packed and unpacked, are computed here; a layer appears
// under its name only after they were found right. While a layer is unpacked no
// symbolic link is followed, so no entry reaches out of the layer's folder; one
// whose path leads through a symbolic link of the same layer, or has ".." in
// it, is refused, and with it the layer. Absolute names count from the root of
// the layer.
//
// # What is not kept
//
// All files belong to one user, who is the only one in a sandbox. The set-user-ID
// and set-group-ID bits are dropped, which mean nothing inside and would be a
// danger on the host. Of extended attributes those of the user namespace are
// kept, without overlayfs's own; security.capability and the rest are dropped.
// Device nodes below /dev, which every sandbox has of its own, are left out, and
// the image's record says so; elsewhere they are refused.
//
// # Many at once
//
// What is missing is fetched by whoever asks first; others, in this process or
// another one, wait for that. An image that is held is never removed, also not
// when another one takes its name, and the kernel lets go of what a process held
// when it dies.
package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/renameio/v2"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// Options configure a store. The zero value is usable.
type Options struct {
	// Owner is the number of the user, and of the group, that files are given
	// to; zero means that they stay with the user of this process.
	Owner int
	// LayerBytes and LayerEntries bound what one layer may unpack to; zero
	// means 64 GiB and 5 million.
	LayerBytes   int64
	LayerEntries int
	// Progress, where set, is told how far a layer is.
	Progress func(sandbox.Progress)
}

// A Store is a folder of layers and of records of images. It is safe for
// concurrent use, by several processes too.
type Store struct {
	dir       string
	opts      Options
	transport *http.Transport

	mu       sync.Mutex
	locks    map[string]chan struct{} // see lock
	archives map[string]archive       // what is known of docker-archive files
}

// An Image is what the store knows of an image.
type Image struct {
	// Name is what the image was asked for by.
	Name string `json:"name"`
	// Digest is the identity of its contents: the digest of its manifest, or
	// of its configuration where it came as a docker-archive.
	Digest string `json:"digest"`
	// Layers name the folders of files, the lowest first; see Folders.
	Layers []string `json:"layers"`
	// Base is what of the driver's the image stands on, beside its layers; empty
	// means nothing.
	Base   string `json:"base,omitempty"`
	Config Config `json:"config"`
	// LeftOut are the device nodes that were not unpacked.
	LeftOut []string `json:"left_out,omitempty"`

	record string // the file that says so
}

// Config is what a sandbox needs of an image's configuration.
type Config struct {
	Env        []string `json:"env,omitempty"` // "NAME=value"
	WorkingDir string   `json:"working_dir,omitempty"`
	User       User     `json:"user"`
}

// Open opens the store in a folder, which it makes if need be, and removes what
// processes that were killed while they unpacked have left.
func Open(dir string, opts Options) (*Store, error) {
	if opts.LayerBytes == 0 {
		opts.LayerBytes = 64 << 30
	}
	if opts.LayerEntries == 0 {
		opts.LayerEntries = 5_000_000
	}
	s := &Store{
		dir: dir, opts: opts,
		transport: remote.DefaultTransport.(*http.Transport).Clone(),
		locks:     map[string]chan struct{}{},
		archives:  map[string]archive{},
	}
	for _, d := range []string{"", "images", "locks", "layers", "layers/sha256", "layers/chain", "layers/added"} {
		path := filepath.Join(dir, d)
		if err := os.MkdirAll(path, 0o755); err != nil {
			return nil, fmt.Errorf("image store: %w", err)
		}
		// Whatever the umask: the owner of the files must be able to enter.
		if err := os.Chmod(path, 0o755); err != nil && opts.Owner != 0 {
			return nil, fmt.Errorf("image store: %w", err)
		}
	}
	if err := s.removeUnfinished(); err != nil {
		return nil, fmt.Errorf("image store: removing what was left unfinished: %w", err)
	}
	return s, nil
}

// Close lets go of idle connections.
func (s *Store) Close() error {
	s.transport.CloseIdleConnections()
	return nil
}

// Folders are the folders of an image's layers, the uppermost first, as an
// overlay wants them.
func (s *Store) Folders(img Image) []string {
	folders := make([]string, 0, len(img.Layers))
	for i := len(img.Layers) - 1; i >= 0; i-- {
		folders = append(folders, filepath.Join(s.layer(img.Layers[i]), "files"))
	}
	return folders
}

// layer is the folder of a layer: its files, and what is noted about it.
func (s *Store) layer(key string) string { return filepath.Join(s.dir, "layers", key) }

// record is the file with what is known of the image of that name.
func (s *Store) record(name string) string {
	sum := sha256.Sum256([]byte(name))
	return filepath.Join(s.dir, "images", hex.EncodeToString(sum[:])+".json")
}

// find returns an image that is in the store.
func (s *Store) find(name string) (Image, error) {
	f, err := os.Open(s.record(name))
	if errors.Is(err, fs.ErrNotExist) {
		return Image{}, sandbox.ErrNoImage
	}
	if err != nil {
		return Image{}, err
	}
	defer f.Close()
	return read(f)
}

// read reads the record of an image.
func read(record *os.File) (Image, error) {
	img := Image{record: record.Name()}
	if err := json.NewDecoder(record).Decode(&img); err != nil {
		return Image{}, fmt.Errorf("%s: %w", record.Name(), err)
	}
	return img, nil
}

// keep writes the record of an image.
func (s *Store) keep(name string, img *Image) error {
	b, err := json.Marshal(img)
	if err != nil {
		return err
	}
	img.record = s.record(name)
	return renameio.WriteFile(img.record, b, 0o644)
}

// Find returns an image that was added under that name, held as Hold holds it.
// Its error matches sandbox.ErrNoImage.
func (s *Store) Find(ctx context.Context, name string) (Image, func(), error) {
	return s.held(ctx, func(context.Context) (Image, error) { return s.find(addedName(name)) })
}

// held finds an image and holds it, with no collector at work in between.
func (s *Store) held(ctx context.Context, find func(context.Context) (Image, error)) (Image, func(), error) {
	working, err := s.share(ctx)
	if err != nil {
		return Image{}, nil, err
	}
	defer working()
	img, err := find(ctx)
	if err != nil {
		return Image{}, nil, err
	}
	record, err := hold(img.record)
	if err != nil {
		return Image{}, nil, err
	}
	// The collector removes first what was not used for the longest time.
	now := time.Now()
	_ = os.Chtimes(img.record, now, now)
	// Until now, another one may have taken its name.
	if img, err = read(record); err != nil {
		return Image{}, nil, errors.Join(err, record.Close())
	}
	return img, func() { _ = record.Close() }, nil
}
