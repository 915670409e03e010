package docker_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox/docker"
	"github.com/apprentice-rl/apprentice/sandbox/guest/program"
	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
)

// TestConformanceOfTheArm64Guest runs the arm64 guest under qemu-user in
// otherwise ordinary containers: the guest needs nothing of the image, so the
// image need not be of its architecture.
func TestConformanceOfTheArm64Guest(t *testing.T) {
	if runtime.GOARCH == "arm64" {
		return // TestConformance is all that
	}
	base := baseImage(t)
	guest, err := program.Binary("arm64")
	if errors.Is(err, program.ErrMissing) {
		sandboxtest.Missing(t, "guest", "run `make build` first")
	}
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "guest")
	require.NoError(t, os.WriteFile(path, guest, 0o755))
	// It runs at all when it says that it was not started by a driver.
	if out, _ := exec.Command(path).CombinedOutput(); len(out) == 0 {
		sandboxtest.Missing(t, "arm64", "register qemu-aarch64 (version 8 or newer) with binfmt_misc; `make test` does it on Debian as root")
	}
	api := apiAt(t, "")
	t.Cleanup(func() { removeSnapshots(t, api) })
	// Here everything takes the way through the engine, too.
	sandboxtest.Run(t, driverWithout(t, docker.Options{BaseImage: base, Guest: guest}))
}
