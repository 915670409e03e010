//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/docker"
	"github.com/apprentice-rl/apprentice/sandbox/local"
)

// A conductor runs one soak.
type conductor struct {
	length time.Duration
	slots  int
	image  string
	log    string // where the engine writes its log
	out    io.Writer

	dir     string   // everything of this soak is below it
	groups  []string // control groups that are not for us to account for
	began   time.Time
	workers []*worker
	faults  []string // what must not have happened
}

// The folders below dir.
func (c *conductor) state() string { return filepath.Join(c.dir, "state") }
func (c *conductor) temp() string  { return filepath.Join(c.dir, "tmp") }

// mark is in the environment of everything that runs in a sandbox of this soak.
func (c *conductor) mark() string { return markVariable + "=" + filepath.Base(c.dir) + "-" }

const markVariable = "APPRENTICE_SOAK"

func (c *conductor) say(format string, args ...any) {
	at := time.Duration(0)
	if !c.began.IsZero() {
		at = time.Since(c.began).Round(time.Second)
	}
	fmt.Fprintf(c.out, "%6v  %s\n", at, fmt.Sprintf(format, args...))
}

func (c *conductor) fault(format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf(format, args...))
}

func (c *conductor) run(ctx context.Context) (err error) {
	if c.dir, err = os.MkdirTemp("", "apprentice-soak-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.clear()) }()
	for dir, mode := range map[string]os.FileMode{c.dir: 0o755, c.state(): 0o755, c.temp(): 0o1777} {
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.Chmod(dir, mode)); err != nil {
			return err
		}
	}
	c.groups = cgroups("apprentice-")
	e := &engine{dir: filepath.Join(c.dir, "engine"), log: c.log}
	c.say("starting an engine, and giving it %s", c.image)
	if err := e.start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.stop()) }()
	if err := e.load(ctx, c.image); err != nil {
		return err
	}
	if err := c.play(ctx, e); err != nil {
		return err
	}
	if err := c.collect(ctx, e); err != nil {
		return err
	}
	c.look(ctx, e)
	if err := e.stop(); err != nil {
		return err
	}
	return c.report()
}

// play lets workers work, and does to them what they cannot do themselves.
func (c *conductor) play(ctx context.Context, e *engine) error {
	c.began = time.Now()
	w, err := c.startWorker(e, c.length)
	if err != nil {
		return err
	}
	if err := c.watch(ctx, w, c.length/3); err != nil {
		return err
	}
	c.say("killing the worker, and starting another")
	w.kill()
	if w, err = c.startWorker(e, c.length-time.Since(c.began)); err != nil {
		return err
	}
	if err := c.watch(ctx, w, 2*c.length/3); err != nil {
		return err
	}
	c.say("restarting the engine")
	w.tell("down")
	if err := e.stop(); err != nil {
		return err
	}
	// An engine that gives up waiting for its containers leaves their groups.
	if left := cgroups(e.cgroup() + "/"); len(left) > 0 {
		c.say("the engine itself left %d control groups, which are not counted", len(left))
		c.groups = append(c.groups, left...)
	}
	if err := e.start(ctx); err != nil {
		return err
	}
	w.tell("up")
	if err := c.watch(ctx, w, c.length); err != nil {
		return err
	}
	c.say("waiting for the worker to end")
	return w.finish(ctx)
}

// watch tells how it is getting on, until so much time has passed.
func (c *conductor) watch(ctx context.Context, w *worker, until time.Duration) error {
	end := time.After(time.Until(c.began.Add(until)))
	for t := time.NewTicker(3 * time.Second); ; {
		select {
		case <-end:
			t.Stop()
			return nil
		case <-t.C:
			c.say("%s", c.tally().line())
		case <-w.ended:
			return errors.Join(errors.New("the worker ended before its time"), w.err)
		case <-ctx.Done():
			w.kill()
			return ctx.Err()
		}
	}
}

// tally is that of all workers.
func (c *conductor) tally() tally {
	sum := newTally()
	for _, w := range c.workers {
		sum.add(w.last())
	}
	return sum
}

// A closingDriver is a driver that holds resources.
type closingDriver interface {
	sandbox.Driver
	Close() error
}

// openDrivers opens both, on the engine that DOCKER_HOST names.
func openDrivers(ctx context.Context, state, image string) ([]closingDriver, error) {
	l, err := local.New(local.Options{Dir: state})
	if err != nil {
		return nil, err
	}
	d, err := docker.New(ctx, docker.Options{BaseImage: image, Dir: filepath.Join(state, "docker")})
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return []closingDriver{l, d}, nil
}

// collect removes what is left over, as apprentice does at each start.
func (c *conductor) collect(ctx context.Context, e *engine) error {
	if err := os.Setenv("DOCKER_HOST", e.host()); err != nil {
		return err
	}
	drivers, err := openDrivers(ctx, c.state(), c.image)
	if err != nil {
		return err
	}
	for _, d := range drivers {
		left, err := sandbox.Leftovers(ctx, d)
		if err != nil {
			return err
		}
		for _, l := range left {
			if err := l.Remove(ctx); err != nil {
				c.fault("collecting: %v", err)
			}
		}
		c.say("%s: %d left over and collected", d.Name(), len(left))
		if err := d.Close(); err != nil {
			return err
		}
	}
	return nil
}
