package docker_test

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/docker"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
)

// What somebody starts from a snapshot is his own, and has only the files of the
// sandbox that it was made of.
func TestASnapshotIsTheSandboxsInItsFilesOnly(t *testing.T) {
	images := map[string][]string{
		"bare":       nil,
		"entrypoint": {`ENTRYPOINT ["/entry", "a b"]`},
		"command":    {`CMD ["/command", "a \"b\" <c>"]`, "WORKDIR /work"},
		"checked":    {"HEALTHCHECK CMD x"},
		"all":        {`ENTRYPOINT ["/entry"]`, `CMD ["/command"]`, "ENV KEPT=kept", "ENV OVER=base", `ENV QUOTED="a \"b\" \$c"`, "LABEL mine=yes"},
	}
	for name, start := range map[string]func(t *testing.T) *privateEngine{
		"docker": func(t *testing.T) *privateEngine { return startDockerd(t, "") },
		"podman": startPodman,
	} {
		t.Run(name, func(t *testing.T) {
			e := start(t)
			api, d := e.api(), e.driver(docker.Options{})
			for kind, changes := range images {
				if kind == "checked" && name == "podman" {
					continue // its commit knows no health checks
				}
				t.Run(kind, func(t *testing.T) {
					from, made := "apprentice-test/"+kind+":1", "apprentice-test/"+kind+":2"
					scratch(t, api, from, nil, changes...)
					t.Cleanup(func() { removeImage(api, made) })
					spec := sandbox.Spec{Run: "run", Image: from, Env: map[string]string{"SECRET": "s3cret", "OVER": "s3cret", "QUOTED": "s3cret", "PATH": "/tools"}}
					for range 2 { // the second time of the snapshot
						sb, err := guest.Open(t.Context(), d, spec)
						require.NoError(t, err)
						require.NoError(t, sb.Instance().Snapshot(t.Context(), made))
						require.NoError(t, sb.Close())
						spec.Image = made
					}
					requireAlike(t, api, from, made)
					sb, err := guest.Open(t.Context(), d, sandbox.Spec{Image: made})
					require.NoError(t, err)
					env, err := sb.ReadFile(t.Context(), "/proc/self/environ")
					require.NoError(t, err)
					require.Contains(t, string(env), "PATH=/tools", "it has no other")
					require.NotContains(t, string(env), "s3cret")
					if name == "docker" {
						require.NotContains(t, string(env), "SECRET", "nor that there was one")
					}
					require.NoError(t, sb.Close())

					c, err := api.ContainerCreate(t.Context(), &container.Config{Image: made, Entrypoint: []string{"x"}}, &container.HostConfig{NetworkMode: "none"}, nil, nil, "")
					require.NoError(t, err)
					all, err := d.List(t.Context())
					require.NoError(t, err)
					require.Empty(t, all, "a container of somebody else")
					require.NoError(t, api.ContainerRemove(t.Context(), c.ID, container.RemoveOptions{}))
				})
			}
		})
	}
}

// requireAlike requires that an image is configured as the one that it was made
// of.
func requireAlike(t *testing.T, api *client.Client, from, made string) {
	t.Helper()
	before, err := api.ImageInspect(t.Context(), from)
	require.NoError(t, err)
	after, err := api.ImageInspect(t.Context(), made)
	require.NoError(t, err)
	want, got := before.Config, after.Config

	require.ElementsMatch(t, want.Entrypoint, got.Entrypoint)
	require.ElementsMatch(t, want.Cmd, got.Cmd)
	stop := cmp.Or(want.StopSignal, "SIGTERM")
	require.Contains(t, []string{stop, strconv.Itoa(int(unix.SignalNum(stop)))}, got.StopSignal) // as Podman has it
	if want.WorkingDir != "" {
		require.Equal(t, want.WorkingDir, got.WorkingDir)
	}
	if want.Healthcheck != nil {
		require.Equal(t, want.Healthcheck, got.Healthcheck)
	}
	require.Subset(t, got.Env, want.Env)
	for _, kv := range got.Env {
		name, value, _ := strings.Cut(kv, "=")
		if slices.Contains(want.Env, kv) || slices.Contains([]string{"PATH", "TERM", "container"}, name) { // the latter are Podman's own
			continue
		}
		require.Empty(t, value, name)
	}
	for name, value := range want.Labels {
		require.Equal(t, value, got.Labels[name])
	}
	require.Equal(t, made, got.Labels["apprentice.image"])
	require.Empty(t, got.Labels[sandbox.LabelOwner]+got.Labels[sandbox.LabelDeadline]+got.Labels[sandbox.LabelRun])
}
