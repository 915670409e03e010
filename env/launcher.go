package env

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
)

// A Launcher starts sandboxes for tasks with one driver and opens environments
// in them. It is safe for concurrent use, and must not be copied after the
// first.
type Launcher struct {
	Driver sandbox.Driver
	// Run is the run's id, written in the labels of the sandboxes.
	Run string
	// Limits bound each sandbox; Require names those without which none may
	// start.
	Limits  sandbox.Limits
	Require []sandbox.Limit
	// Network opens the network of the sandboxes; by default there is none.
	Network sandbox.Network
	// Mounts are host folders shown read-only in every sandbox.
	Mounts []sandbox.Mount
	// Lifetime bounds the life of a sandbox; zero means the driver's default.
	Lifetime time.Duration

	// OnSetup, where set, is told when a task's setup script begins to run,
	// which may take a minute.
	OnSetup func(Task)

	mu       sync.Mutex
	prepared map[string]*preparation // by the name of the snapshot
}

// launched is what an environment knows when a Launcher opened it.
type launched struct {
	driver, image string
	enforcement   map[sandbox.Limit]sandbox.Enforcement
	close         func() error
}

// Driver returns the name of the driver that started the sandbox. It is empty
// for an environment that no Launcher opened.
func (e *Environment) Driver() string { return e.launched.driver }

// Image returns the identity of the image's contents: its digest, and the
// hash of the task's Setup where there is one. It is empty for an environment
// that no Launcher opened.
func (e *Environment) Image() string { return e.launched.image }

// Enforcement says which limits are in force in the sandbox. It is nil for an
// environment that no Launcher opened.
func (e *Environment) Enforcement() map[sandbox.Limit]sandbox.Enforcement {
	return maps.Clone(e.launched.enforcement)
}

// Locate returns the name of the driver and what Environment.Image would say
// of task launched now. Its errors match those of Launch.
func (l *Launcher) Locate(ctx context.Context, task Task) (driver, image string, err error) {
	image, err = l.Driver.Resolve(ctx, task.Image)
	if err != nil {
		return "", "", fmt.Errorf("task %s: %w", task.ID, err)
	}
	if task.Setup != "" {
		image = prepared(image, l.setupKey(image, task.Setup))
	}
	return l.Driver.Name(), image, nil
}

// prepared is the identity of an image in which a setup script has run.
func prepared(digest, key string) string { return digest + "+setup-" + key }

// Launch starts a sandbox for task and opens an environment in it, whose Close
// removes the sandbox. Besides those of Open its errors match
// sandbox.ErrNoImage, sandbox.ErrUnavailable and sandbox.ErrUnenforced, and
// *SetupError when the task's Setup fails.
func (l *Launcher) Launch(ctx context.Context, task Task, opts Options) (*Environment, error) {
	digest, err := l.Driver.Resolve(ctx, task.Image)
	if err != nil {
		return nil, fmt.Errorf("task %s: %w", task.ID, err)
	}
	image := task.Image
	if task.Setup != "" {
		key := l.setupKey(digest, task.Setup)
		if image, err = l.prepare(ctx, key, task); err != nil {
			return nil, fmt.Errorf("task %s: %w", task.ID, err)
		}
		digest = prepared(digest, key)
	}
	sb, err := guest.Open(ctx, l.Driver, l.spec(image))
	if err != nil {
		return nil, fmt.Errorf("task %s: starting a sandbox: %w", task.ID, err)
	}
	e, err := Open(ctx, sb, task, opts)
	if err != nil {
		return nil, errors.Join(err, sb.Close())
	}
	e.launched = launched{l.Driver.Name(), digest, sb.Instance().Enforcement(), sb.Close}
	return e, nil
}

func (l *Launcher) spec(image string) sandbox.Spec {
	return sandbox.Spec{
		Image:    image,
		Env:      FixedEnv(),
		Limits:   l.Limits,
		Require:  l.Require,
		Network:  l.Network,
		Mounts:   l.Mounts,
		Run:      l.Run,
		Lifetime: l.Lifetime,
	}
}

// A SetupError says that the Setup of a task did not succeed in its image.
type SetupError struct {
	Image  string
	Reason string
}

func (e *SetupError) Error() string {
	image := e.Image
	if image == "" {
		image = "the driver's base"
	}
	return fmt.Sprintf("the task's setup script in %s: %s", image, e.Reason)
}

// setupKey names what a setup script makes of an image.
func (l *Launcher) setupKey(digest, setup string) string {
	sum := sha256.Sum256([]byte(l.Driver.Name() + "\x00" + digest + "\x00" + setup))
	return hex.EncodeToString(sum[:8])
}

// A preparation is one run of a setup script.
type preparation struct {
	done chan struct{} // closed when err is set
	err  error
}

// prepare returns the image in which the task's setup script has run. It runs
// once, whoever asks first; the others wait. A failure is not kept: the next
// launch tries again.
func (l *Launcher) prepare(ctx context.Context, key string, task Task) (image string, err error) {
	// The registry "localhost" is nobody's, so a driver that looks there for
	// a snapshot that is not made yet finds none.
	image = "localhost/apprentice:setup-" + key
	for {
		l.mu.Lock()
		p, begun := l.prepared[key]
		if !begun {
			if l.prepared == nil {
				l.prepared = map[string]*preparation{}
			}
			p = &preparation{done: make(chan struct{})}
			l.prepared[key] = p
		}
		l.mu.Unlock()
		if !begun {
			p.err = l.setUp(ctx, image, task)
			if p.err != nil {
				l.mu.Lock()
				delete(l.prepared, key)
				l.mu.Unlock()
			}
			close(p.done)
			return image, p.err
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-p.done:
		}
		if errors.Is(p.err, context.Canceled) || errors.Is(p.err, context.DeadlineExceeded) {
			continue // whoever ran it gave up; that is no reason for this one
		}
		return image, p.err
	}
}

// setupTimeout bounds a setup script, which may build a whole toolchain's
// standard library.
const setupTimeout = 20 * time.Minute

// setUp runs the setup script, unless its snapshot is already there.
func (l *Launcher) setUp(ctx context.Context, image string, task Task) (err error) {
	_, err = l.Driver.Resolve(ctx, image)
	if !errors.Is(err, sandbox.ErrNoImage) {
		return err
	}
	if l.OnSetup != nil {
		l.OnSetup(task)
	}
	sb, err := guest.Open(ctx, l.Driver, l.spec(task.Image))
	if err != nil {
		return fmt.Errorf("starting a sandbox for the setup: %w", err)
	}
	defer func() { err = errors.Join(err, sb.Close()) }()
	// A program that is missing makes the task skipped; a setup that fails
	// for want of it would not.
	if err := (&Environment{task: task, sandbox: sb}).probe(ctx, "none"); err != nil {
		return err
	}
	res, err := sb.Run(ctx, sandbox.Command{Argv: []string{"sh", "-e", "-c", task.Setup}, Timeout: setupTimeout, OutputCap: 1 << 20})
	if err != nil {
		return fmt.Errorf("running the setup: %w", err)
	}
	if !res.Succeeded() {
		return &SetupError{task.Image, failure(res, setupTimeout)}
	}
	return sb.Instance().Snapshot(ctx, image)
}
