package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// An instance is one container.
type instance struct {
	driver      *Driver
	id          string
	made        *container.Config // what the container was made with
	line        *line
	enforcement map[sandbox.Limit]sandbox.Enforcement
	stream      *stream

	destroyed atomic.Bool   // or about to be
	removed   chan struct{} // closed when Destroy has removed the container
	once      sync.Once     // for that
	dead      chan struct{} // closed when the container has ended
	death     sandbox.Death
}

// start starts the container and returns when its guest can be spoken to, or
// has ended.
func (in *instance) start(ctx context.Context, ln *line) error {
	api := in.driver.api
	conn, err := api.ContainerAttach(ctx, in.id, container.AttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
	if err != nil {
		// Podman prepares the container at this point, and does not pass on
		// why it cannot. A start that cannot says it.
		if serr := api.ContainerStart(ctx, in.id, container.StartOptions{}); serr != nil {
			return serr
		}
		return fmt.Errorf("attaching: %w", err)
	}
	in.stream = newStream(conn)
	// Waiting begins before the start, so that no end is too quick for it.
	waitCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	exited, failed := api.ContainerWait(waitCtx, in.id, container.WaitConditionNextExit)
	if err := api.ContainerStart(ctx, in.id, container.StartOptions{}); err != nil {
		cancel()
		go drain(exited, failed)
		_ = in.stream.Close()
		return err
	}
	go func() {
		defer cancel()
		defer close(in.dead)
		select {
		case r := <-exited:
			in.death = in.autopsy(waitCtx, r)
		case err := <-failed:
			in.death = sandbox.Death{Cause: sandbox.DeathDriver, Detail: err.Error()}
			if errdefs.IsNotFound(err) { // removed by somebody
				in.death.Cause = sandbox.DeathKilled
			}
		case <-in.removed:
			// Podman may miss the end of a container that is removed.
			in.death = sandbox.Death{Cause: sandbox.DeathClosed}
			cancel()
			drain(exited, failed)
		}
	}()
	if err := in.stream.answer(ctx, ln, in.dead); err != nil {
		_ = in.stream.Close()
		return err
	}
	go func() {
		<-in.dead
		in.stream.hangUp()
	}()
	return nil
}

// drain takes the answer to a wait that was cancelled: the client hands it over
// and waits for somebody to take it.
func drain(exited <-chan container.WaitResponse, failed <-chan error) {
	select {
	case <-exited:
	case err := <-failed:
		_ = err // what was cancelled has failed
	}
}

// ID is the container's id.
func (in *instance) ID() string { return in.id }

func (in *instance) Stream() io.ReadWriteCloser { return in.stream }

func (in *instance) Enforcement() map[sandbox.Limit]sandbox.Enforcement { return in.enforcement }

func (in *instance) Wait(ctx context.Context) (sandbox.Death, error) {
	select {
	case <-in.dead:
		return in.death, nil
	case <-ctx.Done():
		return sandbox.Death{}, ctx.Err()
	}
}

func (in *instance) Destroy(ctx context.Context) error {
	in.destroyed.Store(true)
	_ = in.stream.Close()
	if err := in.remove(ctx); err != nil {
		in.driver.lost.add(in.id)
		return err
	}
	in.once.Do(func() { close(in.removed) })
	in.line.remove()
	<-in.dead
	return nil
}

func (in *instance) remove(ctx context.Context) error { return remove(ctx, in.driver.api, in.id) }

// remove removes a container and returns when it is gone. The engine may be at
// it already, since containers are created with AutoRemove.
func remove(ctx context.Context, api *client.Client, id string) error {
	for {
		err := api.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
		if err == nil || errdefs.IsNotFound(err) {
			return nil
		}
		// The second is how Podman says it.
		if !errdefs.IsConflict(err) && !strings.Contains(err.Error(), "state improper") {
			return wrap(fmt.Sprintf("removing container %.12s", id), err)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("docker: removing container %.12s: %w: %w", id, err, ctx.Err())
		}
	}
}

// lost are the containers that could not be removed because the engine was
// away. It may be back later, with them.
type lost struct {
	mu  sync.Mutex
	ids []string
}

func (l *lost) add(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ids = append(l.ids, id)
}

// remove tries each of them again, and takes no longer than lostTime. One with
// which the engine is stuck is not tried a third time, so that it costs one
// start and not every one: its labels tell it to those who collect leftovers.
func (l *lost) remove(ctx context.Context, api *client.Client) {
	l.mu.Lock()
	ids := l.ids
	l.ids = nil
	l.mu.Unlock()
	bounded, cancel := context.WithTimeout(ctx, lostTime)
	defer cancel()
	var keep []string
	for i, id := range ids {
		err := remove(bounded, api, id)
		if ctx.Err() != nil || errors.Is(err, sandbox.ErrUnavailable) {
			keep = append(keep, ids[i:]...)
			break
		}
		if bounded.Err() != nil {
			keep = append(keep, ids[i+1:]...)
			break
		}
		if err != nil {
			keep = append(keep, id)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ids = append(l.ids, keep...)
}

// lostTime is how long a start may be held up by what was not removed earlier.
const lostTime = 10 * time.Second
