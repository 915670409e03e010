package docker_test

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/docker"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
)

// overheard runs an action and returns what the guest wrote to its standard
// output meanwhile.
func overheard(t *testing.T, api *client.Client, sb *guest.Sandbox) []byte {
	t.Helper()
	conn, err := api.ContainerAttach(t.Context(), sb.Instance().ID(), container.AttachOptions{Stream: true, Stdout: true})
	require.NoError(t, err)
	defer conn.Close()
	res, err := sb.Run(t.Context(), sandbox.Command{Argv: []string{"echo", "said on the line"}})
	require.NoError(t, err)
	require.Equal(t, "said on the line\n", string(res.Output))
	require.NoError(t, sb.Close())
	said, err := io.ReadAll(conn.Reader)
	require.NoError(t, err)
	return said
}

func TestWhatIsSaidOnALine(t *testing.T) {
	base := baseImage(t)
	api := apiAt(t, "")
	dir := t.TempDir()
	sb, err := guest.Open(t.Context(), driver(t, docker.Options{BaseImage: base, Dir: dir}), sandbox.Spec{})
	require.NoError(t, err)

	down, _, err := api.CopyFromContainer(t.Context(), sb.Instance().ID(), "/etc/passwd")
	require.NoError(t, err, "the engine copies files all the same")
	require.NoError(t, down.Close())
	res, err := sb.Run(t.Context(), sandbox.Command{Argv: []string{"python3", "-c", `
import os, socket
print(sorted(k for k in os.environ if k.startswith("APPRENTICE")))
try:
    socket.socket(socket.AF_UNIX).connect("/.apprentice/line")
    print("somebody answers")
except OSError as e:
    print(type(e).__name__)`}})
	require.NoError(t, err)
	require.Equal(t, "[]\nConnectionRefusedError\n", string(res.Output))
	require.Empty(t, overheard(t, api, sb))
	left, err := filepath.Glob(filepath.Join(dir, "lines/*/*"))
	require.NoError(t, err)
	require.Empty(t, left, "the socket goes with its sandbox")

	t.Run("without a folder there is none", func(t *testing.T) {
		sb, err := guest.Open(t.Context(), driverWithout(t, docker.Options{BaseImage: base}), sandbox.Spec{})
		require.NoError(t, err)
		require.Contains(t, string(overheard(t, api, sb)), "said on the line")
	})
	t.Run("nobody answers", func(t *testing.T) {
		spec := sandbox.Spec{Env: map[string]string{"APPRENTICE_LINE": "/no/such/socket"}}
		sb, err := guest.Open(t.Context(), driverWithout(t, docker.Options{BaseImage: base}), spec)
		require.NoError(t, err)
		require.Contains(t, string(overheard(t, api, sb)), "said on the line")
	})
	t.Run("the container ends before it has called", func(t *testing.T) {
		_, err := guest.Open(t.Context(), driver(t, docker.Options{BaseImage: base, Guest: []byte("#!/bin/sh\nexit 3")}), sandbox.Spec{})
		require.ErrorIs(t, err, sandbox.ErrBroken)
		require.ErrorContains(t, err, "status 3")
	})
}

// The socket is gone when the engine looks for it, as if the engine had another
// view of the disk.
func TestAnEngineThatDoesNotSeeOurFiles(t *testing.T) {
	base := baseImage(t)
	api := apiAt(t, "")
	dir := t.TempDir()
	asked := 0
	before(t, func(_ http.ResponseWriter, r *http.Request) bool {
		if creates(r) {
			asked++
			sockets, err := filepath.Glob(filepath.Join(dir, "lines/*/*"))
			require.NoError(t, err)
			for _, s := range sockets {
				require.NoError(t, os.Remove(s))
			}
		}
		return false
	})
	d := driver(t, docker.Options{BaseImage: base, Dir: dir})
	for creations := range 2 { // the guest's volume is there after the first
		sb, err := guest.Open(t.Context(), d, sandbox.Spec{})
		require.NoError(t, err)
		require.Contains(t, string(overheard(t, api, sb)), "said on the line")
		if creations == 1 {
			require.Equal(t, 1, asked, "it is not asked again")
		}
		asked = 0
	}
}

func TestSocketsOfProcessesThatWereKilled(t *testing.T) {
	baseImage(t) // there is an engine
	dir := t.TempDir()
	lines := filepath.Join(dir, "lines")
	folder := func(o sandbox.Owner) string {
		name := filepath.Join(lines, strings.ReplaceAll(o.String(), "/", "_")+".X")
		require.NoError(t, os.MkdirAll(name, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(name, "socket"), nil, 0o600))
		return name
	}
	self, err := sandbox.Self()
	require.NoError(t, err)
	dead := exec.Command("true")
	require.NoError(t, dead.Run())
	gone, elsewhere := self, self
	gone.PID = dead.Process.Pid
	elsewhere.Machine, elsewhere.Boot = "another", "another"
	kept := []string{folder(self), folder(elsewhere)}
	killed := folder(gone)
	d, err := docker.New(t.Context(), docker.Options{Dir: dir, Guest: sandboxtest.Guest(t)})
	require.NoError(t, err)
	require.NoDirExists(t, killed)
	for _, k := range kept {
		require.FileExists(t, filepath.Join(k, "socket"))
	}
	require.NoError(t, d.Close())
	left, err := os.ReadDir(lines)
	require.NoError(t, err)
	require.Len(t, left, len(kept), "its own folder is gone")
}
