package docker_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/volume"
	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/docker"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
)

func TestAnImageWithNothingInIt(t *testing.T) {
	baseImage(t) // there is an engine
	image := fmt.Sprintf("apprentice-test/empty:%d", time.Now().UnixNano())
	scratch(t, apiAt(t, ""), image, nil)
	sb, err := guest.Open(t.Context(), driver(t, docker.Options{}), sandbox.Spec{Image: image})
	require.NoError(t, err)
	defer func() { require.NoError(t, sb.Close()) }()

	require.NoError(t, sb.WriteFile(t.Context(), "/a/b", []byte("hello")))
	got, err := sb.ReadFile(t.Context(), "/a/b")
	require.NoError(t, err)
	require.Equal(t, "hello", string(got))

	program := sandboxtest.Guest(t)
	var up bytes.Buffer
	tw := tar.NewWriter(&up)
	require.NoError(t, tw.WriteHeader(&tar.Header{Name: "program", Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(program))}))
	_, err = tw.Write(program)
	require.NoError(t, err)
	require.NoError(t, tw.Close())
	require.NoError(t, sb.PutTar(t.Context(), "/bin", &up))

	var down bytes.Buffer
	require.NoError(t, sb.GetTar(t.Context(), "/bin/program", &down))
	tr := tar.NewReader(&down)
	h, err := tr.Next()
	require.NoError(t, err)
	require.Equal(t, "program", h.Name)
	got, err = io.ReadAll(tr)
	require.NoError(t, err)
	require.Equal(t, program, got)

	res, err := sb.Run(t.Context(), sandbox.Command{Argv: []string{"/bin/program"}})
	require.NoError(t, err)
	require.Equal(t, sandbox.EndExit, res.End, "%+v", res)
	require.Equal(t, 1, res.ExitCode)
	require.Contains(t, string(res.Output), "started without a mode")

	res, err = sb.Run(t.Context(), sandbox.Command{Argv: []string{"sh"}})
	require.NoError(t, err)
	require.Equal(t, sandbox.EndRefused, res.End)
}

func TestTheUserOfAnImageIsKept(t *testing.T) {
	baseImage(t) // there is an engine
	image := fmt.Sprintf("apprentice-test/user:%d", time.Now().UnixNano())
	scratch(t, apiAt(t, ""), image, nil, "USER 1234:5678")
	sb, err := guest.Open(t.Context(), driver(t, docker.Options{}), sandbox.Spec{Image: image})
	require.NoError(t, err)
	defer func() { require.NoError(t, sb.Close()) }()
	status, err := sb.ReadFile(t.Context(), "/proc/1/status")
	require.NoError(t, err)
	require.Regexp(t, `(?m)^Uid:\s+1234\s`, string(status))
	require.Regexp(t, `(?m)^Gid:\s+5678\s`, string(status))
}

// Several processes may meet an engine that has no guest yet, and somebody may
// tidy up its volumes while they work.
func TestTheGuestIsPutOnTheEngineOnce(t *testing.T) {
	e := startDockerd(t, "")
	scratch(t, e.api(), "empty:1", nil)
	drivers := make([]*docker.Driver, 3)
	for i := range drivers {
		drivers[i] = e.driver(docker.Options{})
	}
	openAll := func() {
		var wg sync.WaitGroup
		errs := make([]error, 2*len(drivers))
		for i := range errs {
			wg.Go(func() {
				sb, err := guest.Open(context.Background(), drivers[i%len(drivers)], sandbox.Spec{Image: "empty:1"})
				if err == nil {
					err = sb.Close()
				}
				errs[i] = err
			})
		}
		wg.Wait()
		require.NoError(t, errors.Join(errs...))
	}
	openAll()
	volumes := func() []string {
		list, err := e.api().VolumeList(t.Context(), volume.ListOptions{})
		require.NoError(t, err)
		var names []string
		for _, v := range list.Volumes {
			names = append(names, v.Name)
		}
		return names
	}
	require.Len(t, volumes(), 2, "one with the guest, and one that points to it")
	left, err := e.driver(docker.Options{}).List(t.Context())
	require.NoError(t, err)
	require.Empty(t, left)

	for _, v := range volumes() {
		require.NoError(t, e.api().VolumeRemove(t.Context(), v, true))
	}
	openAll()
}
