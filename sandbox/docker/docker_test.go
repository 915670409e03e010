package docker_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/docker"
	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
)

// baseImage is the image that `make test` prepares.
func baseImage(t *testing.T) string {
	t.Helper()
	ref := os.Getenv("APPRENTICE_TEST_IMAGE")
	if ref == "" {
		sandboxtest.Missing(t, "docker", "run `make test`, which provides an engine on Debian, or set APPRENTICE_TEST_IMAGE (and DOCKER_HOST) to an image with bash, git, Go and Python")
	}
	return ref
}

func driver(t *testing.T) *docker.Driver {
	t.Helper()
	d, err := docker.New(t.Context(), docker.Options{BaseImage: baseImage(t), Guest: sandboxtest.Guest(t)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	d := driver(t)
	t.Cleanup(func() { removeSnapshots(t) })
	sandboxtest.Run(t, d)
}

// removeSnapshots removes the images that the conformance suite commits.
func removeSnapshots(t *testing.T) {
	out, err := exec.Command("docker", "images", "-q", "apprentice-test/snapshot").Output()
	require.NoError(t, err)
	for id := range strings.FieldsSeq(string(out)) {
		require.NoError(t, exec.Command("docker", "rmi", "-f", id).Run())
	}
}

func TestNoEngine(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///no/such/docker.sock")
	_, err := docker.New(t.Context(), docker.Options{Guest: []byte("guest")})
	require.ErrorIs(t, err, sandbox.ErrUnavailable)
	require.ErrorContains(t, err, "/no/such/docker.sock")
}

func TestTheTagOfAnImageIsADigestOfItsRecipe(t *testing.T) {
	one := docker.DebianImage{Name: "apprentice/x", Release: "bookworm", Packages: []string{"git"}}
	two := one
	two.Packages = []string{"git", "golang-go"}
	require.Equal(t, one.Ref(), one.Ref())
	require.NotEqual(t, one.Ref(), two.Ref())
	require.True(t, strings.HasPrefix(one.Ref(), "apprentice/x:"))
}
