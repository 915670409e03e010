// Package docker is the sandbox driver on a Docker Engine, API 1.41 or newer,
// local or remote (DOCKER_HOST and its companions, as the docker command reads
// them).
//
// A sandbox is one container whose only process of ours is the guest, copied
// in before the start; all the driver keeps is the container's attached
// standard streams. When they end, because the sandbox was closed or because
// apprentice was killed, the guest ends, and the engine removes the container.
//
// The import path of Docker's client is frozen upstream; it is used in this
// package only, so that its successor changes one package.
package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/client"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/inside"
	"github.com/apprentice-rl/apprentice/sandbox/guest/program"
)

// Options configure the driver. The zero value is usable.
type Options struct {
	// BaseImage is the image of a Spec that names none.
	BaseImage string
	// Guest is the guest program for the engine's architecture; nil means the
	// one that this build carries.
	Guest []byte
}

// Driver starts sandboxes on one Docker Engine.
type Driver struct {
	api   *client.Client
	base  string
	guest []byte // a tar stream, ready to be copied into a container
	info  system.Info
}

// New connects to the engine. Its error matches sandbox.ErrUnavailable when no
// engine answers.
func New(ctx context.Context, opts Options) (*Driver, error) {
	api, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		return nil, fmt.Errorf("docker: %w: %w", err, sandbox.ErrUnavailable)
	}
	d := &Driver{api: api, base: opts.BaseImage}
	if err := d.connect(ctx, opts.Guest); err != nil {
		return nil, errors.Join(err, api.Close())
	}
	return d, nil
}

func (d *Driver) connect(ctx context.Context, guest []byte) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if d.info, err = d.api.Info(ctx); err != nil {
		return fmt.Errorf("docker: no engine answers at %s: %w", d.api.DaemonHost(), unanswered{err})
	}
	if guest == nil {
		arch := map[string]string{"x86_64": "amd64", "aarch64": "arm64"}[d.info.Architecture]
		if guest, err = program.Binary(arch); err != nil {
			return err
		}
	}
	d.guest, err = guestTar(guest)
	return err
}

// unanswered is the error of an engine that is not there. What the client
// says about it repeats the address and asks a question.
type unanswered struct{ err error }

func (e unanswered) Error() string {
	if client.IsErrConnectionFailed(e.err) {
		return "nobody is there, or not for this user"
	}
	return e.err.Error()
}
func (e unanswered) Unwrap() error        { return e.err }
func (e unanswered) Is(target error) bool { return target == sandbox.ErrUnavailable }

// guestDir and guestPath are where the guest stands in a container.
const (
	guestDir  = "/.apprentice"
	guestPath = guestDir + "/guest"
)

func guestTar(program []byte) ([]byte, error) {
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	for _, h := range []tar.Header{
		{Name: strings.TrimPrefix(guestDir, "/") + "/", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: strings.TrimPrefix(guestPath, "/"), Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(program))},
	} {
		if err := tw.WriteHeader(&h); err != nil {
			return nil, err
		}
	}
	if _, err := tw.Write(program); err != nil {
		return nil, err
	}
	err := tw.Close()
	return b.Bytes(), err
}

// Close lets go of the connection. Sandboxes that run are not touched.
func (d *Driver) Close() error { return d.api.Close() }

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
		if err := d.pull(ctx, ref); err != nil {
			return "", err
		}
		found, err = d.api.ImageInspect(ctx, ref)
	}
	if err != nil {
		return "", d.wrap(fmt.Sprintf("looking for image %s", ref), err)
	}
	return found.ID, nil
}

func (d *Driver) pull(ctx context.Context, ref string) error {
	r, err := d.api.ImagePull(ctx, ref, image.PullOptions{})
	if err != nil {
		return d.pullError(ctx, ref, err)
	}
	defer r.Close()
	// Errors of the registry come inside the stream, as JSON messages.
	if err := streamError(r); err != nil {
		return d.pullError(ctx, ref, err)
	}
	return nil
}

// pullError keeps "the image cannot be had" apart from "the engine is gone".
func (d *Driver) pullError(ctx context.Context, ref string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if client.IsErrConnectionFailed(err) {
		return d.wrap("pulling image "+ref, err)
	}
	return fmt.Errorf("docker: image %s is not on this engine and cannot be pulled (%w): %w", ref, err, sandbox.ErrNoImage)
}

// wrap gives an error of the engine its family.
func (d *Driver) wrap(doing string, err error) error {
	switch {
	case client.IsErrConnectionFailed(err):
		return fmt.Errorf("docker: %s: %w: %w", doing, err, sandbox.ErrUnavailable)
	case errdefs.IsNotFound(err) && strings.Contains(err.Error(), "image"):
		return fmt.Errorf("docker: %s: %w: %w", doing, err, sandbox.ErrNoImage)
	}
	return fmt.Errorf("docker: %s: %w", doing, err)
}

// enforcement says what this engine does.
func (d *Driver) enforcement(spec sandbox.Spec) map[sandbox.Limit]sandbox.Enforcement {
	when := func(ok bool) sandbox.Enforcement {
		if ok {
			return sandbox.Enforced
		}
		return sandbox.Unenforced
	}
	e := map[sandbox.Limit]sandbox.Enforcement{
		sandbox.LimitMemory:        when(d.info.MemoryLimit),
		sandbox.LimitCPU:           when(d.info.CPUCfsQuota),
		sandbox.LimitProcesses:     when(d.info.PidsLimit),
		sandbox.LimitNetwork:       sandbox.Enforced,
		sandbox.LimitCapabilities:  sandbox.Enforced,
		sandbox.LimitNewPrivileges: sandbox.Enforced,
		sandbox.LimitSyscalls: when(slices.ContainsFunc(d.info.SecurityOptions, func(o string) bool {
			return strings.HasPrefix(o, "name=seccomp")
		})),
		// overlay2 bounds a container's size on xfs with project quotas only,
		// and the API does not tell whether that is so.
		sandbox.LimitDisk: sandbox.Unenforced,
	}
	if spec.Network == sandbox.NetworkHost {
		e[sandbox.LimitNetwork] = sandbox.Open
	}
	return e
}

// Start implements sandbox.Driver.
func (d *Driver) Start(ctx context.Context, spec sandbox.Spec) (sandbox.Instance, error) {
	force := d.enforcement(spec)
	if err := sandbox.CheckRequired(spec, force); err != nil {
		return nil, fmt.Errorf("docker sandbox: %w", err)
	}
	id, err := d.Resolve(ctx, spec.Image)
	if err != nil {
		return nil, err
	}
	labels, err := sandbox.NewLabels(spec)
	if err != nil {
		return nil, err
	}
	cfg, host := d.config(spec, id, labels)
	// Not to be cancelled in the middle: the engine would create the container
	// all the same, and nobody would know its id.
	created, err := d.api.ContainerCreate(context.WithoutCancel(ctx), cfg, host, nil, nil, "")
	if err != nil {
		return nil, d.wrap("creating a container", err)
	}
	in := &instance{api: d.api, id: created.ID, enforcement: force, dead: make(chan struct{})}
	if err := in.start(ctx, d.guest); err != nil {
		err = d.wrap("starting a container", err)
		return nil, errors.Join(err, in.remove(context.WithoutCancel(ctx)))
	}
	return in, nil
}

func (d *Driver) config(spec sandbox.Spec, image string, labels sandbox.Labels) (*container.Config, *container.HostConfig) {
	limits := spec.Limits.OrDefault()
	life := spec.Lifetime
	if life == 0 {
		life = sandbox.DefaultLifetime
	}
	env := []string{inside.LifetimeVariable + "=" + life.String()}
	for k, v := range spec.Env {
		env = append(env, k+"="+v)
	}
	var mounts []mount.Mount
	for _, m := range spec.Mounts {
		mounts = append(mounts, mount.Mount{Type: mount.TypeBind, Source: m.Source, Target: m.Target, ReadOnly: true})
	}
	// An engine refuses limits that it cannot keep.
	force := d.enforcement(spec)
	var resources container.Resources
	if force[sandbox.LimitMemory] == sandbox.Enforced {
		resources.Memory, resources.MemorySwap = limits.Memory, limits.Memory // no swap on top
	}
	if force[sandbox.LimitCPU] == sandbox.Enforced {
		resources.NanoCPUs = int64(min(limits.CPUs, float64(d.info.NCPU)) * 1e9)
	}
	if force[sandbox.LimitProcesses] == sandbox.Enforced {
		resources.PidsLimit = &limits.Processes
	}
	network := container.NetworkMode("none")
	if spec.Network == sandbox.NetworkHost {
		network = "host"
	}
	return &container.Config{
			Image:        image,
			Entrypoint:   []string{guestPath},
			Cmd:          []string{"serve"},
			Env:          env,
			WorkingDir:   "/",
			Labels:       labels.Map(),
			AttachStdin:  true,
			AttachStdout: true,
			AttachStderr: true,
			OpenStdin:    true,
			StdinOnce:    true, // its end is the end of the guest
			Healthcheck:  &container.HealthConfig{Test: []string{"NONE"}},
		}, &container.HostConfig{
			AutoRemove:  true,
			NetworkMode: network,
			CapDrop:     []string{"ALL"},
			SecurityOpt: []string{"no-new-privileges"},
			Mounts:      mounts,
			LogConfig:   container.LogConfig{Type: "none"}, // the stream is not for a log file
			Resources:   resources,
		}
}

// List implements sandbox.Driver.
func (d *Driver) List(ctx context.Context) ([]sandbox.Running, error) {
	list, err := d.api.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", sandbox.LabelOwner))})
	if err != nil {
		return nil, d.wrap("listing containers", err)
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
