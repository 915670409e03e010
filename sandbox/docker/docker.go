// Package docker is the sandbox driver on a container engine: Docker Engine
// with API 1.41 or newer, or Podman's socket; local or remote. It finds the
// engine as the docker command does, from DOCKER_HOST (unix:// or tcp://),
// DOCKER_TLS_VERIFY and DOCKER_CERT_PATH.
//
// A sandbox is one container whose only process of ours is the guest. The
// guest stands in a small volume that is filled once on each engine and bound
// read-only into every container: copying it into each would take a third of
// the time of a start. All else that the driver keeps is the container's
// attached standard streams. When they end, because the sandbox was closed or
// because apprentice was killed, the guest ends, and the engine removes the
// container. They carry what is said to the guest too, unless the engine is on
// this machine: then there is a direct line.
//
// What can still be left, by a machine or an engine that went down, carries
// the labels of package sandbox; [Driver.List] finds it, in whatever
// state it is.
//
// # Images
//
// An image that is not there is pulled, once for all who wait for it. A
// registry that is busy is asked again with growing pauses; what it refuses
// for good is sandbox.ErrNoImage. An image's identity is its id on the engine,
// which is a digest of its contents. With [Options.ImageBudget] the driver
// keeps the disk that its own images take within a bound.
//
// # Podman
//
// Podman answers Docker's API with a few differences, all met here: it
// prepares a container when it is attached to, and its errors then come
// without words; it commits only with a configuration, and heeds only changes
// to it; it needs a moment until a container that ended can be removed. Its
// filter of system calls is laxer, and the guest puts ours on top of either
// engine's. Two differences show. Podman has no event for a container that ran
// out of memory, so its death is DeathKilled where Docker's is DeathMemory. And
// what is started from a snapshot has the sandbox's variables, empty, where on
// Docker it has none of them.
//
// The import path of Docker's client is frozen upstream; it is used in this
// package only, so that its successor changes one package.
package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/client"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/program"
)

// Options configure the driver. The zero value is usable.
type Options struct {
	// BaseImage is the image of a Spec that names none.
	BaseImage string
	// Guest is the guest program for the engine's architecture; nil means the
	// one that this build carries.
	Guest []byte
	// Progress, where it is set, is told of pulls.
	Progress func(sandbox.Progress)
	// MaxStarting bounds the containers that are being created and started at
	// one time; zero means twice the engine's processors.
	MaxStarting int
	// ImageBudget is how many bytes of the engine's disk the images that the
	// driver itself brought there may take; zero means no bound. After a pull
	// and after a snapshot, those that were not used for the longest time are
	// removed until the rest fits.
	//
	// The driver's own are the images that it pulled, built or committed, in
	// this process or an earlier one, as long as nobody gave them another name
	// since. A layer that several of them share counts once. Never removed is
	// an image that a container uses, running or not, and one that was used
	// since this driver was opened; so the budget can be exceeded.
	ImageBudget int64
	// Dir is a folder where the driver remembers what it pulled and when each
	// image was last used, and where the sockets of its direct lines to guests
	// begin. Without one, only images that it built or committed count as its
	// own, in the order of their creation, and all that it says to guests takes
	// the way through the engine.
	Dir string
}

// Driver starts sandboxes on one engine.
type Driver struct {
	api      *client.Client
	base     string
	guest    *guestVolume
	info     system.Info
	podman   bool
	progress func(sandbox.Progress)
	pulls    pulls
	gate     gate
	images   *images
	lines    *lines
	lost     lost
}

// oldestAPI is the first version of the API with all that the driver needs.
const oldestAPI = "1.41"

// New connects to the engine. Its error matches sandbox.ErrUnavailable when no
// engine answers, and [ErrNoEngine] too when that is because there is none.
func New(ctx context.Context, opts Options) (*Driver, error) {
	api, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		return nil, fmt.Errorf("docker: %w", unanswered{err})
	}
	d := &Driver{api: api, base: opts.BaseImage, progress: opts.Progress}
	if err := d.connect(ctx, opts); err != nil {
		return nil, errors.Join(err, api.Close())
	}
	return d, nil
}

func (d *Driver) connect(ctx context.Context, opts Options) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if d.info, err = d.api.Info(ctx); err != nil {
		return fmt.Errorf("docker: no engine answers at %s: %w", d.api.DaemonHost(), unanswered{err})
	}
	if v := d.api.ClientVersion(); versions.LessThan(v, oldestAPI) {
		return fmt.Errorf("docker: the engine at %s is spoken to in version %s of the API, and %s is the oldest that will do: take Docker Engine 20.10, Podman 4 or newer; or unset DOCKER_API_VERSION, if that is what asks for %s", d.api.DaemonHost(), v, oldestAPI, v)
	}
	version, err := d.api.ServerVersion(ctx)
	if err != nil {
		return wrap("asking the engine for its version", err)
	}
	d.podman = slices.ContainsFunc(version.Components, func(c types.ComponentVersion) bool { return c.Name == "Podman Engine" })
	guest := opts.Guest
	if guest == nil {
		arch := map[string]string{"x86_64": "amd64", "aarch64": "arm64"}[d.info.Architecture]
		if arch == "" {
			arch = d.info.Architecture // Podman has Go's names
		}
		if guest, err = program.Binary(arch); err != nil {
			return err
		}
	}
	if d.guest, err = newGuestVolume(d.api, guest); err != nil {
		return err
	}
	d.gate = newGate(opts.MaxStarting, d.info.NCPU)
	if d.images, err = newImages(d.api, opts, d.info); err != nil {
		return err
	}
	d.lines, err = newLines(opts.Dir, d.api.DaemonHost())
	return err
}

// Close lets go of the connection. Sandboxes that run are not touched.
func (d *Driver) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	d.lost.remove(ctx, d.api)
	return errors.Join(d.lines.close(), d.api.Close())
}

// Name implements sandbox.Driver.
func (d *Driver) Name() string { return "docker" }

// Resolve implements sandbox.Driver: it pulls an image that is not there, and
// returns the image's id, which is a digest of its configuration and layers.
func (d *Driver) Resolve(ctx context.Context, ref string) (string, error) {
	if ref == "" {
		ref = d.base
	}
	if ref == "" {
		return "", fmt.Errorf("docker: no image was named and the driver has no base image: %w", sandbox.ErrNoImage)
	}
	found, err := d.api.ImageInspect(ctx, ref)
	if errdefs.IsNotFound(err) {
		if err := d.pulls.wait(ctx, ref, d.pull); err != nil {
			return "", err
		}
		found, err = d.api.ImageInspect(ctx, ref)
	}
	if err != nil {
		return "", wrap("looking for image "+ref, err)
	}
	return found.ID, d.images.use(found.ID)
}

// List implements sandbox.Driver.
func (d *Driver) List(ctx context.Context) ([]sandbox.Running, error) {
	list, err := d.api.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", sandbox.LabelOwner))})
	if err != nil {
		return nil, wrap("listing containers", err)
	}
	var found []sandbox.Running
	for _, c := range list {
		labels, err := sandbox.ParseLabels(c.Labels)
		if err != nil {
			continue
		}
		found = append(found, sandbox.Running{ID: c.ID, Labels: labels, Started: time.Unix(c.Created, 0), Remove: func(ctx context.Context) error {
			return remove(ctx, d.api, c.ID)
		}})
	}
	return found, nil
}

var _ sandbox.Driver = (*Driver)(nil)
