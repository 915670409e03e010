package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/system"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/inside"
)

// Start implements sandbox.Driver.
func (d *Driver) Start(ctx context.Context, spec sandbox.Spec) (sandbox.Instance, error) {
	force := d.enforcement(spec)
	if err := sandbox.CheckRequired(spec, force); err != nil {
		return nil, fmt.Errorf("docker sandbox: %w", err)
	}
	d.lost.remove(ctx, d.api)
	image, err := d.Resolve(ctx, spec.Image)
	if err != nil {
		return nil, err
	}
	var in *instance
	err = d.gate.pass(ctx, func() error {
		var again bool
		in, again, err = d.create(ctx, spec, image)
		if again {
			in, _, err = d.create(ctx, spec, image)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	in.enforcement = force
	return in, nil
}

// create creates a container and starts the guest in it. Again says that what
// went wrong with this one will not go wrong with the next.
func (d *Driver) create(ctx context.Context, spec sandbox.Spec, image string) (in *instance, again bool, err error) {
	volume, err := d.guest.name(ctx, image)
	if err != nil {
		return nil, false, err
	}
	labels, err := sandbox.NewLabels(spec)
	if err != nil {
		return nil, false, err
	}
	ln, err := d.lines.open()
	if err != nil {
		return nil, false, err
	}
	defer func() {
		ln.close()
		if err != nil {
			ln.remove()
		}
	}()
	bounded, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	in, err = d.run(bounded, spec, image, volume, labels, ln)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return nil, false, fmt.Errorf("%w: it took more than %v: %w", err, startTime, sandbox.ErrUnavailable)
	}
	switch {
	case guestIsGone(err): // somebody tidied up volumes
		d.guest.forget()
		again = true
	case d.lines.unseen(ln, err):
		again = true
	}
	return in, again, err
}

func (d *Driver) run(ctx context.Context, spec sandbox.Spec, image, volume string, labels sandbox.Labels, ln *line) (*instance, error) {
	cfg, host := d.config(spec, image, volume, labels)
	if ln != nil {
		cfg.Env = append(cfg.Env, inside.LineVariable+"="+linePath)
		host.Mounts = append(host.Mounts, ln.mount())
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// Not to be cancelled in the middle: the engine would create the container
	// all the same, and nobody would know its id.
	created, err := d.api.ContainerCreate(context.WithoutCancel(ctx), cfg, host, nil, nil, "")
	if err != nil {
		return nil, wrap("creating a container", err)
	}
	in := &instance{driver: d, id: created.ID, made: cfg, line: ln, removed: make(chan struct{}), dead: make(chan struct{})}
	if err := in.start(ctx, ln); err != nil {
		err = wrap("starting a container", err)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removalTime)
		defer cancel()
		rerr := in.remove(ctx)
		if rerr != nil {
			d.lost.add(in.id)
		}
		return nil, errors.Join(err, rerr)
	}
	return in, nil
}

// startTime is how long an engine may take to start one container before it is
// taken for stuck.
const startTime = 2 * time.Minute

// removalTime is how long a container may take to be removed when nobody waits
// for it who could give up.
const removalTime = 30 * time.Second

func (d *Driver) config(spec sandbox.Spec, image, volume string, labels sandbox.Labels) (*container.Config, *container.HostConfig) {
	limits := spec.Limits.OrDefault()
	life := spec.Lifetime
	if life == 0 {
		life = sandbox.DefaultLifetime
	}
	env := []string{inside.LifetimeVariable + "=" + life.String()}
	for k, v := range spec.Env {
		env = append(env, k+"="+v)
	}
	mounts := []mount.Mount{guestMount(volume)}
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
			Entrypoint:   []string{guestPath, "serve"}, // and no command, which a snapshot could not get rid of
			Env:          env,
			WorkingDir:   "/",
			Labels:       labels.Map(),
			AttachStdin:  true,
			AttachStdout: true,
			AttachStderr: true,
			OpenStdin:    true,
			StdinOnce:    true, // its end is the end of the guest
			Healthcheck:  &container.HealthConfig{Test: []string{"NONE"}},
			// The guest is deaf to others, because what runs inside can send them
			// too; an engine that goes down would wait for each in vain.
			StopSignal: "SIGKILL",
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
		sandbox.LimitSyscalls:      when(filtersSyscalls(d.info)),
		// overlay2 bounds a container's size on xfs with project quotas only,
		// and the API does not tell whether that is so.
		sandbox.LimitDisk: sandbox.Unenforced,
	}
	if spec.Network == sandbox.NetworkHost {
		e[sandbox.LimitNetwork] = sandbox.Open
	}
	return e
}

// filtersSyscalls tells whether an engine puts a filter of system calls before
// containers. It may have one that lets everything through.
func filtersSyscalls(engine system.Info) bool {
	options, err := system.DecodeSecurityOptions(engine.SecurityOptions)
	return err == nil && slices.ContainsFunc(options, func(o system.SecurityOpt) bool {
		return o.Name == "seccomp" && !slices.Contains(o.Options, system.KeyValue{Key: "profile", Value: "unconfined"})
	})
}
