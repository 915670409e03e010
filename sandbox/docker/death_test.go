package docker_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/docker"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
)

func TestWhyASandboxEnded(t *testing.T) {
	t.Run("docker", func(t *testing.T) {
		baseImage(t) // there is an engine
		whyASandboxEnded(t, apiAt(t, ""), driver(t, docker.Options{}), sandbox.DeathMemory)
	})
	t.Run("podman", func(t *testing.T) {
		e := startPodman(t)
		whyASandboxEnded(t, e.api(), e.driver(docker.Options{}), sandbox.DeathKilled) // it does not say more
	})
}

func whyASandboxEnded(t *testing.T, api *client.Client, d *docker.Driver, noMemory sandbox.DeathCause) {
	image := fmt.Sprintf("apprentice-test/empty:%d", time.Now().UnixNano())
	scratch(t, api, image, nil)
	tests := []struct {
		name  string
		limit int64
		end   func(t *testing.T, sb *guest.Sandbox)
		cause sandbox.DeathCause
	}{
		{"its stream was closed", 0, func(t *testing.T, sb *guest.Sandbox) {
			require.NoError(t, sb.Instance().Stream().Close())
		}, sandbox.DeathClosed},
		{"it was destroyed", 0, func(t *testing.T, sb *guest.Sandbox) {
			require.NoError(t, sb.Instance().Destroy(t.Context()))
		}, sandbox.DeathClosed},
		{"the container was killed", 0, func(t *testing.T, sb *guest.Sandbox) {
			// Podman may have removed the container before it answers.
			if err := api.ContainerKill(t.Context(), sb.Instance().ID(), "KILL"); !errdefs.IsNotFound(err) {
				require.NoError(t, err)
			}
		}, sandbox.DeathKilled},
		{"the container was terminated", 0, func(t *testing.T, sb *guest.Sandbox) {
			require.NoError(t, api.ContainerStop(t.Context(), sb.Instance().ID(), container.StopOptions{Timeout: new(int)}))
		}, sandbox.DeathKilled},
		{"the guest was killed for memory", 24 << 20, func(t *testing.T, sb *guest.Sandbox) {
			// What is written to a memory file system is the sandbox's memory,
			// and there is nobody to kill for it but the guest.
			_ = sb.WriteFile(t.Context(), "/dev/shm/large", make([]byte, 40<<20))
		}, noMemory},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sb, err := guest.Open(t.Context(), d, sandbox.Spec{Image: image, Limits: sandbox.Limits{Memory: tt.limit}})
			require.NoError(t, err)
			defer func() { require.NoError(t, sb.Close()) }()
			if tt.limit != 0 && sb.Instance().Enforcement()[sandbox.LimitMemory] != sandbox.Enforced {
				return // nobody is killed for memory here
			}
			tt.end(t, sb)
			death, err := sb.Instance().Wait(t.Context())
			require.NoError(t, err)
			require.Equal(t, tt.cause, death.Cause, death.Detail)
			_, err = sb.ReadFile(t.Context(), "/etc/hosts")
			require.ErrorIs(t, err, sandbox.ErrBroken)
		})
	}
}

func TestAnEngineThatIsLost(t *testing.T) {
	e := startDockerd(t, "")
	scratch(t, e.api(), "empty:1", nil)
	d := e.driver(docker.Options{})
	sb, err := guest.Open(t.Context(), d, sandbox.Spec{Image: "empty:1"})
	require.NoError(t, err)
	e.kill()
	death, err := sb.Instance().Wait(t.Context())
	require.NoError(t, err)
	require.Equal(t, sandbox.DeathDriver, death.Cause, death.Detail)
	_, err = sb.ReadFile(t.Context(), "/etc/hosts")
	require.ErrorIs(t, err, sandbox.ErrBroken)
	_, err = d.Start(t.Context(), sandbox.Spec{Image: "empty:1"})
	require.ErrorIs(t, err, sandbox.ErrUnavailable)
	require.ErrorIs(t, sb.Close(), sandbox.ErrUnavailable)

	e.start()
	again, err := guest.Open(t.Context(), d, sandbox.Spec{Image: "empty:1"})
	require.NoError(t, err, "the same driver goes on when the engine is back")
	require.NoError(t, again.Close())
	gone(t, e.api(), sb.Instance().ID())
}

func TestADiskThatIsFull(t *testing.T) {
	small := filepath.Join(shortDir(t), "small")
	require.NoError(t, os.Mkdir(small, 0o700))
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size="+strconv.Itoa(64<<20)); err != nil {
		require.NotZero(t, os.Geteuid(), err) // startDockerd says it
	}
	e := startDockerd(t, small)
	scratch(t, e.api(), "empty:1", nil)
	scratchTar := map[string][]byte{"large": bytes.Repeat([]byte("x"), 8<<20)}
	scratch(t, e.api(), "large:1", scratchTar)
	d := e.driver(docker.Options{})
	sb, err := guest.Open(t.Context(), d, sandbox.Spec{Image: "large:1"})
	require.NoError(t, err)
	defer func() { require.NoError(t, sb.Close()) }()

	t.Run("a snapshot", func(t *testing.T) {
		require.NoError(t, sb.WriteFile(t.Context(), "/file", make([]byte, 30<<20)))
		err := sb.Instance().Snapshot(t.Context(), "snapshot:1")
		require.ErrorIs(t, err, sandbox.ErrDiskFull)
		require.ErrorContains(t, err, "make room")
	})
	t.Run("a pull", func(t *testing.T) {
		r := startRegistry(t)
		ref := r.push("large", 30<<20)
		_, err := d.Resolve(t.Context(), ref)
		require.ErrorIs(t, err, sandbox.ErrDiskFull)
		require.NotErrorIs(t, err, sandbox.ErrNoImage)
	})
	t.Run("a start", func(t *testing.T) {
		fill(t, small)
		_, err := d.Start(t.Context(), sandbox.Spec{Image: "empty:1"})
		require.ErrorIs(t, err, sandbox.ErrDiskFull)
		require.NoError(t, os.Remove(filepath.Join(small, "filler")))
	})
	next, err := guest.Open(context.Background(), d, sandbox.Spec{Image: "empty:1"})
	require.NoError(t, err, "there is room again")
	require.NoError(t, next.Close())
}

// fill leaves no room on the disk that dir is on.
func fill(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "filler"))
	require.NoError(t, err)
	defer f.Close()
	for _, size := range []int{1 << 20, 4 << 10} {
		for err == nil {
			_, err = f.Write(make([]byte, size))
		}
		require.ErrorIs(t, err, syscall.ENOSPC)
		err = nil
	}
}
