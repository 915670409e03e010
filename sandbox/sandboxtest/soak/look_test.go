//go:build linux

package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
)

func TestStrayVolumes(t *testing.T) {
	require.Equal(t, []string{"5f3a", "my-apprentice-guest-x"}, strays("apprentice-guest-0123\napprentice-guest-0123-abc\n5f3a\nmy-apprentice-guest-x\n"))
	require.Empty(t, strays(""))
}

func TestAGroupIsLeftWithProcessesInItToo(t *testing.T) {
	group := makeGroup(t, fmt.Sprintf("apprentice-local-%d", os.Getpid()))
	e := &engine{dir: "/x/apprentice-soak-1/engine"}
	c := &conductor{}
	require.Contains(t, c.groupsLeft(e), group, "an empty one")

	inside := exec.Command("sleep", "4242")
	require.NoError(t, inside.Start())
	t.Cleanup(func() {
		_ = inside.Process.Kill()
		_ = inside.Wait()
	})
	require.NoError(t, os.WriteFile(filepath.Join(group, "cgroup.procs"), fmt.Append(nil, inside.Process.Pid), 0))
	require.False(t, empty(group))
	require.Contains(t, c.groupsLeft(e), group)

	c.groups = append(c.groups, group)
	require.NotContains(t, c.groupsLeft(e), group, "it was there before")
}

// makeGroup makes a control group beside this process.
func makeGroup(t *testing.T, name string) (dir string) {
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || !holds(path, os.Getpid()) || os.Mkdir(filepath.Join(path, name), 0o755) != nil {
			return nil
		}
		dir = filepath.Join(path, name)
		return fs.SkipAll
	})
	if dir == "" {
		sandboxtest.Missing(t, "cgroups", "run the tests as root, where control groups can be made")
	}
	t.Cleanup(func() { require.NoError(t, os.Remove(dir)) })
	return dir
}
