package docker

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/inside"
)

// An instance is one container.
type instance struct {
	api         *client.Client
	id          string
	enforcement map[sandbox.Limit]sandbox.Enforcement
	stream      *stream

	dead  chan struct{} // closed when the container has ended
	death sandbox.Death
}

func (in *instance) start(ctx context.Context, guest []byte) error {
	if err := in.api.CopyToContainer(ctx, in.id, "/", bytes.NewReader(guest), container.CopyToContainerOptions{}); err != nil {
		return fmt.Errorf("putting the guest in: %w", err)
	}
	conn, err := in.api.ContainerAttach(ctx, in.id, container.AttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
	if err != nil {
		return fmt.Errorf("attaching: %w", err)
	}
	in.stream = newStream(conn)
	// Waiting begins before the start, so that no end is too quick for it.
	waitCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	exited, failed := in.api.ContainerWait(waitCtx, in.id, container.WaitConditionNextExit)
	if err := in.api.ContainerStart(ctx, in.id, container.StartOptions{}); err != nil {
		cancel()
		_ = in.stream.Close()
		return err
	}
	go func() {
		defer cancel()
		defer close(in.dead)
		select {
		case r := <-exited:
			in.death = in.autopsy(r)
		case err := <-failed:
			in.death = sandbox.Death{Cause: sandbox.DeathDriver, Detail: err.Error()}
		}
	}()
	return nil
}

func (in *instance) autopsy(r container.WaitResponse) sandbox.Death {
	d := sandbox.Death{Cause: sandbox.DeathKilled, Detail: in.stream.notes.String()}
	switch r.StatusCode {
	case 0:
		d.Cause = sandbox.DeathClosed
	case inside.DeadlineExit:
		d.Cause = sandbox.DeathDeadline
	}
	if r.Error != nil {
		d.Detail = r.Error.Message
	}
	if d.Detail == "" && r.StatusCode != 0 {
		d.Detail = fmt.Sprintf("the container ended with status %d", r.StatusCode)
	}
	return d
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

// Snapshot commits the container to an image of this engine.
func (in *instance) Snapshot(ctx context.Context, ref string) error {
	if _, err := in.api.ContainerCommit(ctx, in.id, container.CommitOptions{Reference: ref, Pause: true}); err != nil {
		return fmt.Errorf("docker: committing container %.12s to %s: %w", in.id, ref, err)
	}
	return nil
}

func (in *instance) Destroy(ctx context.Context) error {
	_ = in.stream.Close()
	if err := in.remove(ctx); err != nil {
		return err
	}
	select {
	case <-in.dead:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("docker: waiting for the end of container %.12s: %w", in.id, ctx.Err())
	}
}

func (in *instance) remove(ctx context.Context) error { return remove(ctx, in.api, in.id) }

// remove removes a container and returns when it is gone. The engine may be at
// it already, since containers are created with AutoRemove.
func remove(ctx context.Context, api *client.Client, id string) error {
	for {
		err := api.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
		if err == nil || errdefs.IsNotFound(err) {
			return nil
		}
		if !errdefs.IsConflict(err) {
			return fmt.Errorf("docker: removing container %.12s: %w", id, err)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("docker: removing container %.12s: %w", id, ctx.Err())
		}
	}
}

// stream is the guest's byte stream: the attached connection, with standard
// output taken apart from standard error.
type stream struct {
	conn  types.HijackedResponse
	out   *io.PipeReader
	once  sync.Once
	notes sandbox.Notes
}

func newStream(conn types.HijackedResponse) *stream {
	pr, pw := io.Pipe()
	s := &stream{conn: conn, out: pr}
	go func() {
		_, err := stdcopy.StdCopy(pw, &s.notes, conn.Reader)
		pw.CloseWithError(err) // nil becomes io.EOF
	}()
	return s
}

func (s *stream) Read(p []byte) (int, error)  { return s.out.Read(p) }
func (s *stream) Write(p []byte) (int, error) { return s.conn.Conn.Write(p) }

func (s *stream) Close() error {
	s.once.Do(func() {
		s.conn.Close()
		_ = s.out.Close() // lets the copying goroutine go
	})
	return nil
}
