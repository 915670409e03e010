package docker_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/docker"
	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
)

func TestMain(m *testing.M) {
	if image := os.Getenv(childVariable); image != "" {
		child(image)
	}
	goleak.VerifyTestMain(m)
}

// baseImage is the image that `make test` prepares.
func baseImage(t *testing.T) string {
	t.Helper()
	ref := os.Getenv("APPRENTICE_TEST_IMAGE")
	if ref == "" {
		sandboxtest.Missing(t, "docker", "run `make test`, which provides an engine on Debian, or set APPRENTICE_TEST_IMAGE (and DOCKER_HOST) to an image with bash, git, Go and Python")
	}
	return ref
}

func TestConformance(t *testing.T) {
	base := baseImage(t)
	api := apiAt(t, "")
	t.Run("docker", func(t *testing.T) {
		t.Cleanup(func() { removeSnapshots(t, api) })
		sandboxtest.Run(t, driver(t, docker.Options{BaseImage: base}))
	})
	t.Run("podman", func(t *testing.T) {
		e := startPodman(t)
		load(t, api, e.api(), base)
		d := e.driver(docker.Options{BaseImage: base})
		t.Cleanup(func() { removeSnapshots(t, e.api()) })
		sandboxtest.Run(t, d)
	})
}

// load copies an image from one engine to another.
func load(t *testing.T, from, to *client.Client, ref string) {
	t.Helper()
	saved, err := from.ImageSave(t.Context(), []string{ref})
	require.NoError(t, err)
	defer saved.Close()
	res, err := to.ImageLoad(t.Context(), saved)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
}

// removeSnapshots removes the images that the conformance suite commits.
func removeSnapshots(t *testing.T, api *client.Client) {
	list, err := api.ImageList(context.Background(), image.ListOptions{Filters: filters.NewArgs(filters.Arg("reference", "*/snapshot"), filters.Arg("reference", "*/*/snapshot"))})
	require.NoError(t, err)
	for _, i := range list {
		removeImage(api, i.ID)
	}
}

func TestNoEngine(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///no/such/docker.sock")
	_, err := docker.New(t.Context(), docker.Options{Guest: []byte("guest")})
	require.ErrorIs(t, err, sandbox.ErrUnavailable)
	require.ErrorIs(t, err, docker.ErrNoEngine)
	require.ErrorContains(t, err, "/no/such/docker.sock")
	t.Setenv("DOCKER_HOST", "no-scheme")
	_, err = docker.New(t.Context(), docker.Options{Guest: []byte("guest")})
	require.ErrorIs(t, err, sandbox.ErrUnavailable)
	require.NotErrorIs(t, err, docker.ErrNoEngine, "nobody has looked")
}

func TestTheTagOfAnImageIsADigestOfItsRecipe(t *testing.T) {
	one := docker.DebianImage{Name: "apprentice/x", Release: "bookworm", Packages: []string{"git"}}
	two := one
	two.Packages = []string{"git", "golang-go"}
	require.Equal(t, one.Ref(), one.Ref())
	require.NotEqual(t, one.Ref(), two.Ref())
	require.True(t, strings.HasPrefix(one.Ref(), "apprentice/x:"))
}
