package docker_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox/docker"
	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
)

// A privateEngine is an engine that a test started for itself and may kill.
type privateEngine struct {
	t       *testing.T
	dir     string
	command []string
	env     []string
	process *exec.Cmd
}

// startDockerd starts a dockerd with its own data and its own containerd.
func startDockerd(t *testing.T, dataRoot string, args ...string) *privateEngine {
	t.Helper()
	path, err := exec.LookPath("dockerd")
	if err != nil || os.Geteuid() != 0 {
		sandboxtest.Missing(t, "dockerd", "install Debian's docker.io and run the tests as root")
	}
	e := &privateEngine{t: t, dir: shortDir(t)}
	if dataRoot == "" {
		dataRoot = filepath.Join(e.dir, "data")
	}
	name := filepath.Base(e.dir)
	e.command = append([]string{
		path, "--data-root", dataRoot, "--exec-root", filepath.Join(e.dir, "exec"), "--pidfile", filepath.Join(e.dir, "pid"),
		"--host", e.host(), "--bridge", "none", "--iptables=false",
		"--containerd-namespace", name, "--containerd-plugins-namespace", name + "-plugins",
	}, args...)
	e.start()
	t.Cleanup(e.stop)
	return e
}

// startPodman starts Podman's service with its own storage.
func startPodman(t *testing.T) *privateEngine {
	t.Helper()
	path, err := exec.LookPath("podman")
	if err != nil || os.Geteuid() != 0 {
		sandboxtest.Missing(t, "podman", "install Debian's podman and run the tests as root")
	}
	runtime, err := exec.LookPath("crun")
	if err != nil {
		if runtime, err = exec.LookPath("runc"); err != nil {
			sandboxtest.Missing(t, "podman", "it needs runc or crun")
		}
	}
	e := &privateEngine{t: t, dir: shortDir(t)}
	// Podman asks for high rlimits, which a machine without CAP_SYS_RESOURCE
	// has not to give.
	mild := filepath.Join(e.dir, "runtime")
	require.NoError(t, os.WriteFile(mild, fmt.Appendf(nil, `#!/bin/sh
bundle='' last=''
for a; do [ "$last" = --bundle ] && bundle=$a; last=$a; done
[ -z "$bundle" ] || sed -i 's/"rlimits":\[[^]]*\]/"rlimits":[]/' "$bundle/config.json"
exec %s "$@"
`, runtime), 0o755))
	conf := filepath.Join(e.dir, "containers.conf")
	require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil, `[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "mild"
[engine.runtimes]
mild = [%q]
`, mild), 0o644))
	e.env = append(os.Environ(), "CONTAINERS_CONF="+conf)
	e.command = []string{
		path, "--root", filepath.Join(e.dir, "root"), "--runroot", filepath.Join(e.dir, "run"), "--tmpdir", filepath.Join(e.dir, "tmp"),
		"system", "service", "--time=0", e.host(),
	}
	e.start()
	t.Cleanup(e.stop)
	return e
}

// shortDir is a temporary folder with a name short enough for a socket in it.
// Its end takes along what engines leave mounted there.
func shortDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "engine")
	require.NoError(t, err)
	t.Cleanup(func() {
		mounts, err := os.ReadFile("/proc/self/mounts")
		require.NoError(t, err)
		for _, line := range slices.Backward(strings.Split(string(mounts), "\n")) {
			if f := strings.Fields(line); len(f) > 1 && strings.HasPrefix(f[1], dir+"/") {
				_ = syscall.Unmount(f[1], syscall.MNT_DETACH)
			}
		}
		require.NoError(t, os.RemoveAll(dir))
	})
	return dir
}

func (e *privateEngine) host() string { return "unix://" + filepath.Join(e.dir, "socket") }

func (e *privateEngine) start() {
	e.t.Helper()
	log, err := os.OpenFile(filepath.Join(e.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	require.NoError(e.t, err)
	defer log.Close()
	e.process = exec.Command(e.command[0], e.command[1:]...)
	e.process.Stdout, e.process.Stderr, e.process.Env = log, log, e.env
	e.process.Dir = e.dir // where Podman's monitor leaves a file when memory runs out
	require.NoError(e.t, e.process.Start())
	api := e.api()
	require.Eventually(e.t, func() bool {
		_, err := api.Ping(context.Background())
		return err == nil
	}, 60*time.Second, 50*time.Millisecond, "the engine does not start; see %s", log.Name())
}

// kill ends the engine without letting it tidy up. Its containerd goes with it.
func (e *privateEngine) kill() {
	e.t.Helper()
	pid, err := os.ReadFile(filepath.Join(e.dir, "exec/containerd/containerd.pid"))
	require.NoError(e.t, err)
	require.NoError(e.t, e.process.Process.Kill())
	_ = e.process.Wait()
	e.process = nil
	require.Eventually(e.t, func() bool {
		_, err := os.Stat("/proc/" + strings.TrimSpace(string(pid)))
		return err != nil
	}, 30*time.Second, 10*time.Millisecond)
}

func (e *privateEngine) stop() {
	if e.process == nil {
		return
	}
	api := e.api()
	list, err := api.ContainerList(context.Background(), container.ListOptions{All: true})
	require.NoError(e.t, err)
	for _, c := range list {
		_ = api.ContainerRemove(context.Background(), c.ID, container.RemoveOptions{Force: true, RemoveVolumes: true})
	}
	_ = e.process.Process.Signal(syscall.SIGTERM)
	_ = e.process.Wait()
	e.process = nil
}

func (e *privateEngine) api() *client.Client { return apiAt(e.t, e.host()) }

// apiAt is a client of the engine at host; empty means the one that the tests
// were given.
func apiAt(t *testing.T, host string) *client.Client {
	opts := []client.Opt{client.FromEnv, client.WithAPIVersionNegotiation()}
	if host != "" {
		opts = append(opts, client.WithHost(host))
	}
	api, err := client.NewClientWithOpts(opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, api.Close()) })
	return api
}

// driver opens a driver on the engine.
func (e *privateEngine) driver(opts docker.Options) *docker.Driver {
	e.t.Helper()
	e.t.Setenv("DOCKER_HOST", e.host())
	return driver(e.t, opts)
}

// driver opens a driver on the engine that the environment names.
func driver(t *testing.T, opts docker.Options) *docker.Driver {
	t.Helper()
	if opts.Dir == "" {
		opts.Dir = t.TempDir()
	}
	return driverWithout(t, opts)
}

// driverWithout opens a driver that may have no folder, and so no lines.
func driverWithout(t *testing.T, opts docker.Options) *docker.Driver {
	t.Helper()
	if opts.Guest == nil {
		opts.Guest = sandboxtest.Guest(t)
	}
	d, err := docker.New(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

// scratch makes an image with nothing in it but files, by their paths.
func scratch(t *testing.T, api *client.Client, ref string, files map[string][]byte, changes ...string) {
	t.Helper()
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	for path, data := range files {
		require.NoError(t, tw.WriteHeader(&tar.Header{Name: path, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(data))}))
		_, err := tw.Write(data)
		require.NoError(t, err)
	}
	require.NoError(t, tw.Close())
	r, err := api.ImageImport(t.Context(), image.ImportSource{Source: &b, SourceName: "-"}, ref, image.ImportOptions{Changes: changes})
	require.NoError(t, err)
	defer r.Close()
	said, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NotContains(t, string(said), `"error"`)
	t.Cleanup(func() { removeImage(api, ref) })
}

func removeImage(api *client.Client, ref string) {
	_, _ = api.ImageRemove(context.Background(), ref, image.RemoveOptions{Force: true, PruneChildren: true})
}

func guestProgram(t *testing.T) []byte {
	t.Helper()
	return sandboxtest.Guest(t)
}
