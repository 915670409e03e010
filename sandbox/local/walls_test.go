//go:build linux

package local_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
	"github.com/apprentice-rl/apprentice/sandbox/local"
	"github.com/apprentice-rl/apprentice/sandbox/local/contain"
	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
)

// groups are the folders of all control groups of sandboxes with this id.
func groups(t *testing.T, id string) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{"/sys/fs/cgroup/", "/sys/fs/cgroup/*/", "/sys/fs/cgroup/*/*/", "/sys/fs/cgroup/*/*/*/"} {
		dirs, err := filepath.Glob(pattern + "apprentice-" + id)
		require.NoError(t, err)
		found = append(found, dirs...)
	}
	return found
}

// limited starts a sandbox that must enforce a limit; where that is not
// possible here, which the conformance suite checks to be said, it is nil.
func limited(t *testing.T, d *local.Driver, spec sandbox.Spec) *guest.Sandbox {
	t.Helper()
	sb, err := guest.Open(t.Context(), d, spec)
	if err != nil {
		require.ErrorIs(t, err, sandbox.ErrUnenforced)
		require.NotZero(t, os.Geteuid(), "root can enforce all limits: %v", err)
		return nil
	}
	t.Cleanup(func() { require.NoError(t, sb.Close()) })
	return sb
}

func TestMemoryIsLimitedForAllProcessesTogether(t *testing.T) {
	d := driver(t, local.Options{})
	sb := limited(t, d, sandbox.Spec{Limits: sandbox.Limits{Memory: 96 << 20}, Require: []sandbox.Limit{sandbox.LimitMemory}})
	if sb == nil {
		return
	}
	// A pipe to tail keeps all of one endless line in memory.
	res, err := sb.Run(t.Context(), sandbox.Command{Argv: []string{"sh", "-c", "tr '\\0' x </dev/zero | tail"}})
	require.NoError(t, err)
	require.False(t, res.Succeeded(), "%+v", res)
	res, err = sb.Run(t.Context(), sandbox.Command{Argv: []string{"tail", "/dev/zero"}})
	require.NoError(t, err)
	require.Equal(t, sandbox.EndMemory, res.End, "%+v %s", res, res.Output)

	// Files are in memory too, but there are fewer of them than would leave no
	// memory for anything else.
	res, err = sb.Run(t.Context(), sandbox.Command{Argv: []string{"sh", "-c", "head -c 200M /dev/zero >/tmp/file; head -c 200M /dev/zero >/dev/shm/file"}})
	require.NoError(t, err)
	require.Equal(t, 2, strings.Count(string(res.Output), "No space left on device"), "%+v %s", res, res.Output)

	res, err = sb.Run(t.Context(), sandbox.Command{Argv: []string{"true"}})
	require.NoError(t, err)
	require.True(t, res.Succeeded(), "the sandbox lives on: %+v", res)
}

// TestFilesAreCounted makes empty files, which take none of the disk's bytes
// but memory all the same.
func TestFilesAreCounted(t *testing.T) {
	d := driver(t, local.Options{})
	headers, mounts := programs(t)
	for ground, spec := range map[string]sandbox.Spec{
		"the host": {},
		"an image": {Image: scratch(t, v1.Config{}, headers), Mounts: mounts},
	} {
		t.Run(ground, func(t *testing.T) {
			spec.Limits = sandbox.Limits{Disk: 16 << 20, Memory: 256 << 20}
			sb, err := guest.Open(t.Context(), d, spec)
			require.NoError(t, err)
			defer sb.Close()
			for dir, fit := range map[string]int{"/tmp": 2000, "/dev/shm": 8000, "/dev": 30} {
				many := func(n int) sandbox.Result {
					res, err := sb.Run(t.Context(), sandbox.Command{
						Dir: dir, Argv: []string{"sh", "-c", fmt.Sprintf("seq -f many-%%.0f %d | xargs touch", n)},
					})
					require.NoError(t, err)
					return res
				}
				res := many(fit)
				require.True(t, res.Succeeded(), "%s: %+v %s", dir, res, res.Output)
				res = many(2 * fit)
				require.Equal(t, sandbox.EndQuota, res.End, "%s: %+v", dir, res)
				require.Contains(t, string(res.Output), "No space left on device")
				run(t, sb, "find "+dir+" -maxdepth 1 -name 'many-*' -delete")
			}
		})
	}
	t.Run("many", func(t *testing.T) {
		sb := open(t, d, "")
		run(t, sb, "mkdir /tmp/many && cd /tmp/many && seq 100000 | xargs touch")
	})
}

func TestSharedMemoryGoesWithItsCommand(t *testing.T) {
	before, _ := os.ReadFile("/proc/sys/kernel/shm_rmid_forced")
	d := driver(t, local.Options{})
	headers, mounts := programs(t)
	grounds := map[string]sandbox.Spec{"as root": {Image: scratch(t, v1.Config{}, headers), Mounts: mounts}}
	if os.Geteuid() == 0 { // else nobody may ask the kernel for it
		grounds["as another user"] = sandbox.Spec{}
	}
	for name, spec := range grounds {
		t.Run(name, func(t *testing.T) {
			sb, err := guest.Open(t.Context(), d, spec)
			require.NoError(t, err)
			defer sb.Close()
			const segments = "tail -n +2 /proc/sysvipc/shm | wc -l"
			require.Equal(t, "1\n", run(t, sb, `perl -e 'defined shmget(0, 1 << 20, 0600) or die $!; print STDOUT qx(`+segments+`)'`))
			require.Equal(t, "0\n", run(t, sb, segments))
		})
	}
	after, _ := os.ReadFile("/proc/sys/kernel/shm_rmid_forced")
	require.Equal(t, string(before), string(after), "the machine's own is left as it is")
}

func TestAGuestThatIsKilledForMemoryIsSaidSo(t *testing.T) {
	d := driver(t, local.Options{})
	sb := limited(t, d, sandbox.Spec{Require: []sandbox.Limit{sandbox.LimitMemory}})
	if sb == nil {
		return
	}
	// The guest holds little, and is the last to be killed. Here it is alone,
	// and writes more to a file than there suddenly is.
	for _, dir := range groups(t, sb.Instance().ID()) {
		for _, file := range []string{"memory.limit_in_bytes", "memory.max"} {
			if _, err := os.Stat(filepath.Join(dir, file)); err == nil {
				require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte("16777216"), 0))
			}
		}
	}
	err := sb.WriteFile(t.Context(), "/tmp/file", make([]byte, 64<<20))
	require.ErrorIs(t, err, sandbox.ErrBroken)
	death, err := sb.Instance().Wait(t.Context())
	require.NoError(t, err)
	require.Equal(t, sandbox.DeathMemory, death.Cause, death.Detail)
	require.Empty(t, groups(t, sb.Instance().ID()))
}

func TestLessMemoryThanTheGuestNeedsIsRefused(t *testing.T) {
	d := driver(t, local.Options{})
	in, err := d.Start(t.Context(), sandbox.Spec{Limits: sandbox.Limits{Memory: 64 << 10}, Require: []sandbox.Limit{sandbox.LimitMemory}})
	require.Error(t, err)
	require.Nil(t, in)
	left, err := sandbox.Leftovers(t.Context(), d)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestASandboxSeesItsOwnControlGroupsOnly(t *testing.T) {
	d := driver(t, local.Options{})
	sb := limited(t, d, sandbox.Spec{
		Limits:  sandbox.Limits{CPUs: 0.5, Processes: 77, Memory: 1 << 30},
		Require: []sandbox.Limit{sandbox.LimitCPU, sandbox.LimitMemory, sandbox.LimitProcesses},
	})
	if sb == nil {
		return
	}
	res, err := sb.Run(t.Context(), sandbox.Command{Argv: []string{"sh", "-c", `cd /sys/fs/cgroup
cat cpu/cpu.cfs_quota_us memory/memory.limit_in_bytes 2>/dev/null || cat cpu.max memory.max
cut -d: -f3 /proc/self/cgroup | sort -u
find . -name cgroup.procs | xargs cat | sort -un | head -1
for f in $(find . -name '*limit_in_bytes' -o -name '*.max' -o -name cgroup.procs -o -name tasks); do
	test ! -w $f || echo "$f can be written"
done
mkdir memory/more 2>&1 || mkdir more 2>&1`}})
	require.NoError(t, err)
	out := string(res.Output)
	require.Regexp(t, `(?s)^50000( 100000)?\n1073741824\n/\n1\nmkdir: cannot create directory .*Read-only file system\n`, out)
	require.NotContains(t, out, "can be written")
	require.NotEmpty(t, groups(t, sb.Instance().ID()))
	require.NoError(t, sb.Close())
	require.Empty(t, groups(t, sb.Instance().ID()))
}

// ownerArgument starts this test binary as the owner of a sandbox: it prints
// the sandbox's id and waits to be killed.
const ownerArgument = "own-a-sandbox"

func own(dir string) error {
	b, err := os.ReadFile(filepath.Join(dir, "guest"))
	if err != nil {
		return err
	}
	d, err := local.New(local.Options{Dir: dir, Guest: b})
	if err != nil {
		return err
	}
	in, err := d.Start(context.Background(), sandbox.Spec{})
	if err != nil {
		return err
	}
	fmt.Println(in.ID())
	select {}
}

func TestAKilledOwnerLeavesNothingThatIsNotFound(t *testing.T) {
	dir := stateDir(t)
	program := sandboxtest.Guest(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "guest"), program, 0o600))
	self, err := os.Executable()
	require.NoError(t, err)
	owner := exec.Command(self, ownerArgument, dir)
	owner.Stderr = os.Stderr
	out, err := owner.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, owner.Start())
	id, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	id = strings.TrimSpace(id)
	if os.Geteuid() == 0 {
		require.NotEmpty(t, groups(t, id))
	}
	require.NoError(t, owner.Process.Kill())
	require.Error(t, owner.Wait())

	d, err := local.New(local.Options{Dir: dir, Guest: program})
	require.NoError(t, err)
	defer d.Close()
	left, err := sandbox.Leftovers(t.Context(), d)
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.Equal(t, id, left[0].ID)
	require.NoError(t, left[0].Remove(t.Context()))
	require.Empty(t, groups(t, id))
	left, err = sandbox.Leftovers(t.Context(), d)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestAbstractSocketsOfTheHostAreOutOfReach(t *testing.T) {
	if contain.LandlockABI() < 6 {
		sandboxtest.Missing(t, "landlock", "a kernel with Landlock's scopes (6.12)")
	}
	name := fmt.Sprintf("apprentice-test-%d", os.Getpid())
	l, err := net.Listen("unix", "@"+name)
	require.NoError(t, err)
	defer l.Close()
	d := driver(t, local.Options{})
	sb, err := guest.Open(t.Context(), d, sandbox.Spec{Network: sandbox.NetworkHost})
	require.NoError(t, err)
	defer sb.Close()
	require.Equal(t, sandbox.Open, sb.Instance().Enforcement()[sandbox.LimitNetwork])
	res, err := sb.Run(t.Context(), sandbox.Command{Argv: []string{"perl", "-MSocket", "-e",
		`socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die "socket: $!"; connect($s, pack_sockaddr_un("\0` + name + `")) or die "connect: $!"`}})
	require.NoError(t, err)
	require.False(t, res.Succeeded())
	require.Contains(t, string(res.Output), "connect: Operation not permitted")
}

func TestDevices(t *testing.T) {
	d := driver(t, local.Options{})
	sb, err := guest.Open(t.Context(), d, sandbox.Spec{})
	require.NoError(t, err)
	defer sb.Close()
	for name, script := range map[string]string{
		"what there is":       `test "$(ls /dev | tr '\n' ' ')" = "fd full null ptmx pts random shm stderr stdin stdout tty urandom zero "`,
		"they work":           `head -c 10 /dev/zero >/dev/null && head -c 10 /dev/urandom >/dev/null && ! echo x >/dev/full`,
		"a terminal":          `script -qec 'tty && echo seen >/dev/tty' /dev/null | grep -q seen`,
		"memory to share":     `test $(df -B1 --output=size /dev/shm | tail -1) = 67108864 && echo x >/dev/shm/x`,
		"no more can be made": `! mknod /tmp/null c 1 3`,
	} {
		t.Run(name, func(t *testing.T) {
			res, err := sb.Run(t.Context(), sandbox.Command{Argv: []string{"bash", "-c", script}})
			require.NoError(t, err)
			require.True(t, res.Succeeded(), "%+v %s", res, res.Output)
		})
	}
}
