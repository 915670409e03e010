//go:build linux

package local_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox/local"
	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
)

// debian is a real image, as a docker-archive: what `docker save` makes of the
// one that `make test` prepares. APPRENTICE_TEST_ARCHIVE names one that was
// saved before.
func debian(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("APPRENTICE_TEST_ARCHIVE"); path != "" {
		return "docker-archive:" + path
	}
	ref := os.Getenv("APPRENTICE_TEST_IMAGE")
	if ref == "" {
		sandboxtest.Missing(t, "docker", "run `make test`, which provides an engine on Debian, or set APPRENTICE_TEST_IMAGE (and DOCKER_HOST) to an image with bash, git, Go and Python")
	}
	path := filepath.Join(t.TempDir(), "image.tar")
	msg, err := exec.Command("docker", "save", "-o", path, ref).CombinedOutput()
	require.NoError(t, err, "docker save: %s", msg)
	return "docker-archive:" + path
}

func TestConformanceOnAnImage(t *testing.T) {
	sandboxtest.Run(t, driver(t, local.Options{BaseImage: debian(t)}))
}
