package docker_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
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

// childVariable makes this test program a process that starts one sandbox from
// the image that it names, prints its id, and waits to be killed.
const childVariable = "APPRENTICE_TEST_CHILD_IMAGE"

func child(image string) {
	program, err := os.ReadFile(os.Getenv(childVariable + "_GUEST"))
	fail(err)
	d, err := docker.New(context.Background(), docker.Options{Guest: program, Dir: filepath.Dir(os.Getenv(childVariable + "_GUEST"))})
	fail(err)
	sb, err := guest.Open(context.Background(), d, sandbox.Spec{Image: image})
	fail(err)
	fmt.Println(sb.Instance().ID())
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent ends, at the latest
	os.Exit(0)
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// startChild returns the id of the sandbox of a process of its own, and a
// function that kills the process.
func startChild(t *testing.T, image string, program []byte) (id string, kill func()) {
	t.Helper()
	file := t.TempDir() + "/guest"
	require.NoError(t, os.WriteFile(file, program, 0o755))
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+image, childVariable+"_GUEST="+file)
	cmd.Stderr = os.Stderr
	_, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	t.Cleanup(kill)
	id, err = bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(id), kill
}

func leftover(t *testing.T, d sandbox.Driver, id string) *sandbox.Running {
	t.Helper()
	left, err := sandbox.Leftovers(t.Context(), d)
	require.NoError(t, err)
	if i := slices.IndexFunc(left, func(l sandbox.Running) bool { return l.ID == id }); i >= 0 {
		return &left[i]
	}
	return nil
}

func gone(t *testing.T, api *client.Client, id string) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := api.ContainerInspect(context.Background(), id)
		return errdefs.IsNotFound(err)
	}, 30*time.Second, 20*time.Millisecond)
}

func TestTheEngineRemovesTheSandboxOfAKilledProcess(t *testing.T) {
	e := startDockerd(t, "")
	scratch(t, e.api(), "empty:1", nil)
	t.Setenv("DOCKER_HOST", e.host())
	id, kill := startChild(t, "empty:1", guestProgram(t))
	kill()
	gone(t, e.api(), id)
}

// Everything goes down at once here: the engine first, so that it cannot see
// the end of the process that owns the sandbox.
func TestWhatAKilledEngineAndAKilledOwnerLeave(t *testing.T) {
	for name, args := range map[string][]string{
		"containers end with the engine":    nil,
		"containers live on (live-restore)": {"--live-restore"},
	} {
		t.Run(name, func(t *testing.T) {
			e := startDockerd(t, "", args...)
			scratch(t, e.api(), "empty:1", nil)
			d := e.driver(docker.Options{})
			id, kill := startChild(t, "empty:1", guestProgram(t))
			e.kill()
			kill()
			e.start()
			// The engine may be at it already; what it leaves is found.
			require.Eventually(t, func() bool {
				if l := leftover(t, d, id); l != nil {
					require.NoError(t, l.Remove(t.Context()))
				}
				_, err := e.api().ContainerInspect(t.Context(), id)
				return errdefs.IsNotFound(err)
			}, 30*time.Second, 50*time.Millisecond)
		})
	}
}

func TestWhatIsALeftover(t *testing.T) {
	e := startDockerd(t, "")
	api := e.api()
	scratch(t, api, "empty:1", nil)
	d := e.driver(docker.Options{})
	dead := exec.Command("true")
	require.NoError(t, dead.Run())
	labels := func(lifetime time.Duration, change func(*sandbox.Owner)) map[string]string {
		l, err := sandbox.NewLabels(sandbox.Spec{Lifetime: lifetime})
		require.NoError(t, err)
		change(&l.Owner)
		return l.Map()
	}
	mine := func(*sandbox.Owner) {}
	tests := []struct {
		name   string
		labels map[string]string
		left   bool
	}{
		{"of a live owner", labels(time.Hour, mine), false},
		{"of a live owner, after its deadline", labels(-time.Minute, mine), true},
		{"of a dead owner", labels(time.Hour, func(o *sandbox.Owner) { o.PID = dead.Process.Pid }), true},
		{"of an owner on another machine", labels(time.Hour, func(o *sandbox.Owner) { o.Machine, o.Boot = "x", "x" }), false},
		{"of somebody else", map[string]string{"x": "y"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { // none of them is ever started
			c, err := api.ContainerCreate(t.Context(), &container.Config{Image: "empty:1", Cmd: []string{"x"}, Labels: tt.labels}, &container.HostConfig{NetworkMode: "none"}, nil, nil, "")
			require.NoError(t, err)
			l := leftover(t, d, c.ID)
			require.Equal(t, tt.left, l != nil)
			if l != nil {
				require.NoError(t, l.Remove(t.Context()))
				require.NoError(t, l.Remove(t.Context()), "somebody else may be faster")
				require.Nil(t, leftover(t, d, c.ID))
			}
		})
	}
}

// The owner lives, but the engine was away when it wanted to remove its
// sandbox. The sandbox is frozen, or else it would end by itself.
func TestWhatCouldNotBeRemovedIsRemovedLater(t *testing.T) {
	base := baseImage(t)
	api := apiAt(t, "")
	var away atomic.Bool
	before(t, func(http.ResponseWriter, *http.Request) bool {
		if away.Load() {
			panic(http.ErrAbortHandler)
		}
		return false
	})
	d := driver(t, docker.Options{BaseImage: base})
	sb, err := guest.Open(t.Context(), d, sandbox.Spec{})
	require.NoError(t, err)
	id := sb.Instance().ID()
	require.NoError(t, api.ContainerPause(t.Context(), id))
	away.Store(true)
	require.Error(t, sb.Close())
	_, err = d.Start(t.Context(), sandbox.Spec{})
	require.Error(t, err)
	_, err = api.ContainerInspect(t.Context(), id)
	require.NoError(t, err)

	away.Store(false)
	next, err := guest.Open(t.Context(), d, sandbox.Spec{})
	require.NoError(t, err)
	require.NoError(t, next.Close())
	gone(t, api, id)
}
