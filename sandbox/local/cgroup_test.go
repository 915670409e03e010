//go:build linux

package local

import (
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/local/contain"
)

// A machine is a tree of files like those that a kernel shows.
func machine(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return root
}

func TestWhereGroupsCanBeMade(t *testing.T) {
	const v2mount = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
	tests := []struct {
		name  string
		files map[string]string
		want  []hierarchy
		have  []string
	}{
		{"no control groups at all", map[string]string{"proc/self/cgroup": "", "proc/self/mountinfo": "23 1 254:0 / / rw - ext4 /dev/vda rw\n"}, nil, nil},
		{"version 1, two controllers on one mount, from a group of our own", map[string]string{
			"proc/self/cgroup": "4:memory:/job/7\n2:cpu,cpuacct:/\n",
			"proc/self/mountinfo": "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n" +
				"32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n" +
				"33 31 0:30 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer\n",
			"sys/fs/cgroup/memory/job/7/tasks":                "",
			"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us":      "-1",
			"sys/fs/cgroup/freezer/tasks":                     "",
			"sys/fs/cgroup/cpu,cpuacct/elsewhere/cgroup.proc": "",
		}, []hierarchy{
			{dir: "/sys/fs/cgroup/memory/job/7", controllers: []string{"memory"}},
			{dir: "/sys/fs/cgroup/cpu,cpuacct", controllers: []string{"cpu", "cpuacct"}},
		}, []string{"memory", "cpu", "cpuacct"}},
		{"version 1 in a container that is shown its own part only", map[string]string{
			"proc/self/cgroup":             "4:memory:/docker/abc\n",
			"proc/self/mountinfo":          "35 31 0:32 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
			"sys/fs/cgroup/memory/tasks":   "",
			"sys/fs/cgroup/memory/x/tasks": "",
		}, []hierarchy{{dir: "/sys/fs/cgroup/memory", controllers: []string{"memory"}}}, []string{"memory"}},
		{"version 1 without quotas of processor time", map[string]string{
			"proc/self/cgroup":       "1:cpu:/\n",
			"proc/self/mountinfo":    "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n",
			"sys/fs/cgroup/cpu/task": "",
		}, nil, nil},
		{"version 2, handed down to us already", map[string]string{
			"proc/self/cgroup":                                    "0::/user/run.scope\n",
			"proc/self/mountinfo":                                 v2mount,
			"sys/fs/cgroup/user/run.scope/cgroup.procs":           "1\n2\n",
			"sys/fs/cgroup/user/run.scope/cgroup.controllers":     "cpu memory pids\n",
			"sys/fs/cgroup/user/run.scope/cgroup.subtree_control": "cpu memory pids\n",
		}, []hierarchy{{dir: "/sys/fs/cgroup/user/run.scope", unified: true, controllers: []string{"cpu", "memory", "pids"}}}, []string{"cpu", "memory", "pids"}},
		{"version 2, after this process moved into a leaf", map[string]string{
			"proc/self/cgroup":    "0::/run.scope/" + selfLeaf + "\n",
			"proc/self/mountinfo": v2mount,
			"sys/fs/cgroup/run.scope/" + selfLeaf + "/cgroup.procs": "1\n",
			"sys/fs/cgroup/run.scope/cgroup.controllers":            "memory\n",
			"sys/fs/cgroup/run.scope/cgroup.subtree_control":        "memory\n",
		}, []hierarchy{{dir: "/sys/fs/cgroup/run.scope", unified: true, controllers: []string{"memory"}}}, []string{"memory"}},
		{"version 2 beside version 1, without controllers", map[string]string{
			"proc/self/cgroup":                             "4:memory:/\n0::/\n",
			"proc/self/mountinfo":                          "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
			"sys/fs/cgroup/memory/tasks":                   "",
			"sys/fs/cgroup/unified/cgroup.controllers":     "",
			"sys/fs/cgroup/unified/cgroup.subtree_control": "",
		}, []hierarchy{{dir: "/sys/fs/cgroup/memory", controllers: []string{"memory"}}}, []string{"memory"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := machine(t, tt.files)
			c := findCgroups(root)
			for i := range tt.want {
				tt.want[i].dir = root + tt.want[i].dir
			}
			require.Equal(t, tt.want, c.in)
			for _, name := range controllers {
				require.Equal(t, slices.Contains(tt.have, name), c.has(name), name)
			}
			for _, name := range []string{"memory", "cpu", "pids"} {
				require.Equal(t, !c.has(name), c.missing[name] != "", "%s: %q", name, c.missing[name])
			}
		})
	}
}

func TestTheLimitsOfAGroup(t *testing.T) {
	limits := sandbox.Limits{Memory: 1 << 30, CPUs: 1.5, Processes: 99}
	tests := []struct {
		name     string
		unified  bool
		want     map[string]string
		optional string
	}{
		{"version 1", false, map[string]string{"memory.limit_in_bytes": "1073741824", "memory.memsw.limit_in_bytes": "1073741824", "cpu.cfs_quota_us": "150000", "pids.max": "99"}, "memory.memsw.limit_in_bytes"},
		{"version 2", true, map[string]string{"memory.max": "1073741824", "memory.swap.max": "0", "cpu.max": "150000 100000", "pids.max": "99"}, "memory.swap.max"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := hierarchy{unified: tt.unified, controllers: controllers}
			dir := t.TempDir()
			for name := range tt.want {
				require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
			}
			require.NoError(t, h.limit(dir, limits))
			for name, value := range tt.want {
				b, err := os.ReadFile(filepath.Join(dir, name))
				require.NoError(t, err)
				require.Equal(t, value, string(b), name)
			}
			require.NoError(t, os.Remove(filepath.Join(dir, tt.optional)))
			require.NoError(t, h.limit(dir, limits), "a kernel without accounts of swap")
			for _, name := range slices.Sorted(maps.Keys(tt.want)) {
				if name != tt.optional {
					require.NoError(t, os.Remove(filepath.Join(dir, name)))
					break
				}
			}
			require.Error(t, h.limit(dir, limits), "a limit that is not there must not be passed over")
		})
	}
}

func TestWhereASandboxSeesItsGroups(t *testing.T) {
	one := &group{in: []hierarchy{{controllers: []string{"cpu", "cpuacct"}}, {controllers: []string{"memory"}}}, dirs: []string{"/a", "/b"}}
	require.Equal(t, []contain.Bind{
		{Source: "/a", Target: "/sys/fs/cgroup/cpu"}, {Source: "/a", Target: "/sys/fs/cgroup/cpuacct"}, {Source: "/b", Target: "/sys/fs/cgroup/memory"},
	}, one.binds())
	two := &group{in: []hierarchy{{unified: true, controllers: []string{"memory"}}}, dirs: []string{"/a"}}
	require.Equal(t, []contain.Bind{{Source: "/a", Target: "/sys/fs/cgroup"}}, two.binds())
}

func TestAQuotaOfAllProcessorsNeedsNoGroup(t *testing.T) {
	c := &cgroups{in: []hierarchy{
		{dir: "/cpu", controllers: []string{"cpu"}},
		{dir: "/memory", controllers: []string{"memory"}},
	}}
	all := float64(runtime.NumCPU())
	require.Equal(t, []string{"/memory/apprentice-x"}, c.group("x", sandbox.Limits{CPUs: all}).dirs)
	require.Equal(t, []string{"/cpu/apprentice-x", "/memory/apprentice-x"}, c.group("x", sandbox.Limits{CPUs: all - 0.5}).dirs)
}
