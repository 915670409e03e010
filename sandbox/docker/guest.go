package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"path"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// guestDir and guestPath are where the guest stands in a container.
const (
	guestDir  = "/.apprentice"
	guestPath = guestDir + "/guest"
)

// guestVolumes begins the names of all volumes of the driver. One that ends
// with a digest points, by the label pointsTo, to the volume that holds the
// guest of that digest. It is created when the other one is filled, and an
// engine creates a volume of one name only once: so of several processes that
// fill volumes at the same time one wins, and a volume that was filled by half
// is never used.
const (
	guestVolumes = "apprentice-guest-"
	pointsTo     = "apprentice.guest"
)

// A guestVolume is the volume that holds the guest on one engine.
type guestVolume struct {
	api     *client.Client
	tar     []byte // what it holds, ready to be copied into a container
	pointer string

	lock   chan struct{} // holds one token while filled is looked at
	filled string        // the volume's name, once it is known
}

func newGuestVolume(api *client.Client, program []byte) (*guestVolume, error) {
	packed, err := guestTar(program)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(packed)
	return &guestVolume{
		api:     api,
		tar:     packed,
		pointer: guestVolumes + hex.EncodeToString(digest[:6]),
		lock:    make(chan struct{}, 1),
	}, nil
}

func guestTar(program []byte) ([]byte, error) {
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	if err := tw.WriteHeader(&tar.Header{Name: "guest", Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(program))}); err != nil {
		return nil, err
	}
	if _, err := tw.Write(program); err != nil {
		return nil, err
	}
	if err := tw.WriteHeader(&tar.Header{Name: path.Base(linePath), Typeflag: tar.TypeReg, Mode: 0o644}); err != nil {
		return nil, err
	}
	err := tw.Close()
	return b.Bytes(), err
}

func guestMount(volume string) mount.Mount {
	return mount.Mount{
		Type: mount.TypeVolume, Source: volume, Target: guestDir, ReadOnly: true,
		VolumeOptions: &mount.VolumeOptions{NoCopy: true}, // nothing of the image's
	}
}

// guestIsGone tells whether a start failed because the volume was removed. The
// engine makes an empty one in its place.
func guestIsGone(err error) bool {
	if err == nil {
		return false
	}
	said := err.Error()
	return strings.Contains(said, guestPath) && strings.Contains(said, "no such file") ||
		strings.Contains(said, linePath) && strings.Contains(said, "read-only file system") // there was nothing to bind the line to
}

// name returns the name of the volume, filled. To fill one takes a container,
// and a container takes an image: any will do.
func (v *guestVolume) name(ctx context.Context, image string) (string, error) {
	select {
	case v.lock <- struct{}{}:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	defer func() { <-v.lock }()
	if v.filled != "" {
		return v.filled, nil
	}
	p, err := v.api.VolumeInspect(ctx, v.pointer)
	if errdefs.IsNotFound(err) {
		p, err = v.fill(ctx, image)
	}
	if err != nil {
		return "", wrap("putting the guest on the engine", err)
	}
	v.filled = p.Labels[pointsTo]
	return v.filled, nil
}

// forget makes the next call of name fill a volume anew.
func (v *guestVolume) forget() {
	v.lock <- struct{}{}
	defer func() { <-v.lock }()
	if v.filled == "" {
		return
	}
	v.filled = ""
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = v.api.VolumeRemove(ctx, v.pointer, false)
}

func (v *guestVolume) fill(ctx context.Context, image string) (pointer volume.Volume, err error) {
	v.sweep(ctx)
	labels, err := sandbox.NewLabels(sandbox.Spec{Run: "guest", Lifetime: 10 * time.Minute})
	if err != nil {
		return volume.Volume{}, err
	}
	name := v.pointer + "-" + strings.ToLower(rand.Text()[:8])
	if _, err := v.api.VolumeCreate(ctx, volume.CreateOptions{Name: name, Labels: labels.Map()}); err != nil {
		return volume.Volume{}, err
	}
	defer func() {
		if pointer.Labels[pointsTo] != name {
			err = errors.Join(err, v.api.VolumeRemove(context.WithoutCancel(ctx), name, false))
		}
	}()
	m := guestMount(name)
	m.ReadOnly = false
	holder, err := v.api.ContainerCreate(context.WithoutCancel(ctx),
		&container.Config{Image: image, Entrypoint: []string{guestPath}, Labels: labels.Map()},
		&container.HostConfig{NetworkMode: "none", Mounts: []mount.Mount{m}}, nil, nil, "")
	if err != nil {
		return volume.Volume{}, err
	}
	err = v.api.CopyToContainer(ctx, holder.ID, guestDir, bytes.NewReader(v.tar), container.CopyToContainerOptions{})
	removal, cancel := context.WithTimeout(context.WithoutCancel(ctx), removalTime)
	defer cancel()
	if err = errors.Join(err, remove(removal, v.api, holder.ID)); err != nil {
		return volume.Volume{}, err
	}
	return v.api.VolumeCreate(ctx, volume.CreateOptions{Name: v.pointer, Labels: map[string]string{pointsTo: name}})
}

// sweep removes the volumes that nobody will use again: those of other
// versions of the guest, and those of a process that was killed while it filled
// one. A volume that a container uses stays: the engine sees to that.
func (v *guestVolume) sweep(ctx context.Context) {
	all, err := v.api.VolumeList(ctx, volume.ListOptions{Filters: filters.NewArgs(filters.Arg("name", guestVolumes))})
	if err != nil {
		return // it is asked for more that cannot fail unnoticed
	}
	for _, vol := range all.Volumes {
		if !strings.HasPrefix(vol.Name, guestVolumes) {
			continue
		}
		labels, err := sandbox.ParseLabels(vol.Labels)
		if strings.HasPrefix(vol.Name, v.pointer) && err == nil && !labels.Stale(time.Now()) {
			continue // being filled
		}
		_ = v.api.VolumeRemove(ctx, vol.Name, false)
	}
}
