//go:build linux

package local

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/local/contain"
	"github.com/apprentice-rl/apprentice/sandbox/local/store"
)

// openStore opens the store of images. When the driver runs as root, all files
// in it belong to the user that sandboxes have on the host.
func openStore(opts Options) (*store.Store, error) {
	o := store.Options{Progress: opts.Progress}
	if os.Geteuid() == 0 {
		o.Owner = hostUser
	}
	return store.Open(filepath.Join(opts.Dir, "store"), o)
}

// A ground is what a sandbox stands on: the allow-list of the host, or an
// image.
type ground struct {
	identity string
	base     string      // the identity of the host's allow-list, where it stands on that
	image    store.Image // its layers; none on the bare host
	release  func()      // lets go of the image; may be called twice

	binds           []contain.Bind
	links, files    map[string]string
	folders, forAll []string
	env             map[string]string
	user            store.User
}

// Resolve implements sandbox.Driver. The identity of an image is a digest that
// registries and Docker know it by, and is the same on all machines; that of
// the host's allow-list is this machine's own.
func (d *Driver) Resolve(ctx context.Context, image string) (string, error) {
	g, err := d.ground(ctx, image)
	if err != nil {
		return "", err
	}
	g.release()
	return g.identity, nil
}

// ground finds what an image's name stands for, and fetches it if need be.
// Snapshots go first. The files of one that stands on the allow-list of another
// host are of no use on this one.
func (d *Driver) ground(ctx context.Context, image string) (*ground, error) {
	if image == "" {
		image = d.baseImage
	}
	if image == "" {
		return d.onHost(store.Image{}, func() {}), nil
	}
	if isSnapshotName(image) {
		img, release, err := d.store.Find(ctx, image)
		switch {
		case err == nil && img.Base == "":
			return onImage(img, release), nil
		case err == nil && img.Base == d.base.digest:
			return d.onHost(img, release), nil
		case err == nil:
			release()
		case !errors.Is(err, sandbox.ErrNoImage):
			return nil, fmt.Errorf("snapshot %s: %w", image, err)
		}
	}
	if strings.HasPrefix(image, "localhost/") {
		return nil, fmt.Errorf("there is no snapshot %s, and localhost is no registry: %w", image, sandbox.ErrNoImage)
	}
	img, release, err := d.store.Hold(ctx, image)
	if err != nil {
		return nil, err
	}
	return onImage(img, release), nil
}

// isSnapshotName reports whether a name could be a snapshot's: those of files
// could not.
func isSnapshotName(image string) bool {
	return !strings.HasPrefix(image, "oci:") && !strings.HasPrefix(image, "docker-archive:")
}

// onHost is the allow-list of the host, with the layers of a snapshot of it.
func (d *Driver) onHost(img store.Image, release func()) *ground {
	g := &ground{
		identity: d.base.digest, base: d.base.digest, image: img, release: release,
		binds: d.base.binds, links: d.base.links, files: d.base.files,
		folders: []string{home, "/testbed"},
		forAll:  []string{"/tmp", "/var/tmp"},
		env:     map[string]string{"PATH": d.base.path, "HOME": home, "USER": "agent", "LOGNAME": "agent", "TMPDIR": "/tmp"},
		user:    store.User{UID: User, GID: User, Name: "agent", Home: home},
	}
	if img.Digest != "" {
		g.identity = img.Digest
	}
	return g
}

// defaultPath is PATH where an image does not say; Docker's is the same.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// onImage is an image, with nothing of the host.
func onImage(img store.Image, release func()) *ground {
	g := &ground{
		identity: img.Digest, image: img, release: release,
		files: map[string]string{
			"/etc/hosts":       hostsFile,
			"/etc/hostname":    "sandbox\n",
			"/etc/resolv.conf": "",
		},
		forAll: []string{"/tmp"},
		env:    map[string]string{"PATH": defaultPath, "HOME": img.Config.User.Home},
		user:   img.Config.User,
	}
	if g.user.Name != "" {
		g.env["USER"], g.env["LOGNAME"] = g.user.Name, g.user.Name
	}
	if dir := img.Config.WorkingDir; strings.HasPrefix(dir, "/") {
		g.folders = append(g.folders, dir)
	}
	for _, pair := range img.Config.Env {
		if name, value, ok := strings.Cut(pair, "="); ok {
			g.env[name] = value
		}
	}
	return g
}

// withResolver adds how the host finds names, for sandboxes on its network.
func withResolver(files map[string]string) map[string]string {
	b, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		return files
	}
	files = maps.Clone(files)
	files["/etc/resolv.conf"] = string(b)
	return files
}

// GC removes images and snapshots, those first that were not used for the
// longest time, until the layers take no more than budget bytes. Those that
// sandboxes stand on stay. It returns the names of what it removed.
func (d *Driver) GC(ctx context.Context, budget int64) (removed []string, err error) {
	return d.store.GC(ctx, budget)
}
