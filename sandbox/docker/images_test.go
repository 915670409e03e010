package docker_test

import (
	"fmt"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/docker"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
)

func TestTheImageBudget(t *testing.T) {
	e := startDockerd(t, "")
	api := e.api()
	r := startRegistry(t)
	dir := t.TempDir()
	const mib = 1 << 20
	exists := func(ref string) bool {
		_, err := api.ImageInspect(t.Context(), ref)
		if errdefs.IsNotFound(err) {
			return false
		}
		require.NoError(t, err)
		return true
	}
	// session is what one process does: with a driver of its own.
	session := func(budget int64, do func(d *docker.Driver)) {
		d := e.driver(docker.Options{Dir: dir, ImageBudget: budget})
		do(d)
	}
	resolve := func(d *docker.Driver, ref string) {
		t.Helper()
		_, err := d.Resolve(t.Context(), ref)
		require.NoError(t, err)
	}
	snapshot := func(d *docker.Driver, from, ref string) {
		t.Helper()
		sb, err := guest.Open(t.Context(), d, sandbox.Spec{Image: from})
		require.NoError(t, err)
		require.NoError(t, sb.WriteFile(t.Context(), "/data", fmt.Appendf(nil, "%s%s", ref, make([]byte, 4*mib))))
		require.NoError(t, sb.Instance().Snapshot(t.Context(), ref))
		require.NoError(t, sb.Close())
	}
	one, two, three, four := r.push("one", 8*mib), r.push("two", 8*mib), r.push("three", 8*mib), r.push("four", 8*mib)

	// What is not ours: imported by hand, and built on top of ours.
	scratch(t, api, "users/own:1", map[string][]byte{"x": make([]byte, 8*mib)})
	scratch(t, api, "users/other:1", map[string][]byte{"y": make([]byte, 8*mib)}, "LABEL apprentice.image=apprentice/x:1")
	scratch(t, api, "empty:1", nil)

	session(0, func(d *docker.Driver) {
		resolve(d, one)
		resolve(d, two)
		resolve(d, three)
		snapshot(d, "empty:1", "apprentice-test/old:1")
		snapshot(d, "empty:1", "apprentice-test/new:1")
		require.NoError(t, api.ImageTag(t.Context(), three, "users/three:1")) // now it is somebody's
	})
	session(0, func(d *docker.Driver) { // a later process uses one of them again
		resolve(d, one)
		resolve(d, "apprentice-test/new:1")
	})
	require.True(t, exists(one) && exists(two) && exists(three))

	// 8 (one) + 8 (four) + 4 (new) fit; two and the old snapshot do not.
	session(21*mib, func(d *docker.Driver) {
		resolve(d, four)
		require.False(t, exists(two), "not used for the longest time")
		require.False(t, exists("apprentice-test/old:1"), "snapshots count as well")
		require.True(t, exists(one), "used later")
		require.True(t, exists("apprentice-test/new:1"), "used later")
		require.True(t, exists(four), "just pulled")
		require.True(t, exists(three), "somebody gave it a name of his own")
	})

	// Nothing fits now, but what is used stays.
	session(1, func(d *docker.Driver) {
		sb, err := guest.Open(t.Context(), driverWithout(t, docker.Options{}), sandbox.Spec{Image: one})
		require.NoError(t, err)
		snapshot(d, "empty:1", "apprentice-test/last:1")
		require.True(t, exists(one), "a container uses it")
		require.True(t, exists("apprentice-test/last:1"), "used by this process")
		require.False(t, exists(four))
		require.False(t, exists("apprentice-test/new:1"))
		require.NoError(t, sb.Close())
	})
	for _, ref := range []string{"users/own:1", "users/other:1", "users/three:1", "empty:1"} {
		require.True(t, exists(ref), ref)
	}
}
