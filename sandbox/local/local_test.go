//go:build linux

package local_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
	"github.com/apprentice-rl/apprentice/sandbox/local"
	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
)

func driver(t *testing.T, opts local.Options) *local.Driver {
	t.Helper()
	opts.Dir = stateDir(t)
	opts.Guest = sandboxtest.Guest(t)
	d, err := local.New(opts)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := d.GC(context.Background(), 0) // also what an ordinary user could not remove
		require.NoError(t, errors.Join(err, d.Close()))
	})
	return d
}

// stateDir is a temporary folder that the user inside can reach.
func stateDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	return dir
}

func TestMain(m *testing.M) {
	// The test binary is also what some tests start.
	run := func() error { return nil }
	switch {
	case len(os.Args) == 2 && os.Args[1] == probeArgument:
		run = probe
	case len(os.Args) == 3 && os.Args[1] == ownerArgument:
		run = func() error { return own(os.Args[2]) }
	default:
		goleak.VerifyTestMain(m)
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestConformance(t *testing.T) {
	sandboxtest.Run(t, driver(t, local.Options{}))
}

// TestWhatTheHostHides tries to open, from inside, each thing of the host that
// a policy must never see.
func TestWhatTheHostHides(t *testing.T) {
	home, err := os.UserHomeDir()
	require.NoError(t, err)
	secret := filepath.Join(t.TempDir(), "secret") // stands for the run folder, and is under /tmp
	require.NoError(t, os.WriteFile(secret, []byte("secret"), 0o644))
	self, err := os.Executable() // stands for the apprentice binary
	require.NoError(t, err)

	// A binary below a folder that is shown is hidden by an empty device.
	gold, err := os.CreateTemp("/usr/local/bin", "gold-*")
	if err != nil {
		gold, err = os.CreateTemp("", "gold-*") // an ordinary user cannot write there
	}
	require.NoError(t, err)
	defer os.Remove(gold.Name())
	_, err = gold.WriteString("the gold patches")
	require.NoError(t, err)
	require.NoError(t, gold.Close())

	d := driver(t, local.Options{Hide: []string{gold.Name(), "/usr/share/doc"}})
	sb, err := guest.Open(t.Context(), d, sandbox.Spec{})
	require.NoError(t, err)
	defer sb.Close()

	for _, path := range []string{
		"/var/run/docker.sock", "/run/docker.sock", home, filepath.Join(home, ".bashrc"), secret, filepath.Dir(secret),
		self, "/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/root/.bashrc", "/etc/ssh", "/boot", "/mnt", "/var/lib", "/var/log",
		"/sys/kernel", "/proc/1/root/etc/shadow", "/proc/self/cwd/../etc/shadow", "/dev/mem", "/dev/sda", "/dev/kmsg", "/run/user",
	} {
		t.Run(path, func(t *testing.T) {
			res, err := sb.Run(t.Context(), sandbox.Command{Argv: []string{"bash", "-c", fmt.Sprintf("ls -la %[1]q && cat %[1]q", path)}})
			require.NoError(t, err)
			require.Equal(t, sandbox.EndExit, res.End)
			require.NotZero(t, res.ExitCode, "%s", res.Output)
			require.Regexp(t, "No such file or directory|/proc/1/root.*Permission denied", string(res.Output))
		})
	}
	t.Run("the apprentice binary", func(t *testing.T) {
		res, err := sb.Run(t.Context(), sandbox.Command{Argv: []string{"bash", "-c", fmt.Sprintf("cat %q 2>/dev/null; true", gold.Name())}})
		require.NoError(t, err)
		require.Empty(t, string(res.Output))
	})
	t.Run("the host's environment", func(t *testing.T) {
		t.Setenv("A_SECRET_OF_THE_HOST", "hunter2")
		sb, err := guest.Open(t.Context(), d, sandbox.Spec{})
		require.NoError(t, err)
		defer sb.Close()
		res, err := sb.Run(t.Context(), sandbox.Command{Argv: []string{"bash", "-c", "env; cat /proc/*/environ"}})
		require.NoError(t, err)
		require.NotContains(t, string(res.Output), "hunter2")
		require.Contains(t, string(res.Output), "HOME=/home/agent")
	})
	t.Run("what the driver's process has open", func(t *testing.T) {
		f, err := os.Open(filepath.Dir(secret))
		require.NoError(t, err)
		defer f.Close()
		// As a shell's redirection leaves it: open in every child.
		handed, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD, 200)
		require.NoError(t, err)
		defer unix.Close(handed)
		sb, err := guest.Open(t.Context(), d, sandbox.Spec{})
		require.NoError(t, err)
		defer sb.Close()
		res, err := sb.Run(t.Context(), sandbox.Command{Argv: []string{"bash", "-c", fmt.Sprintf("cat /proc/self/fd/%d/secret || ls -l /proc/self/fd/", handed)}})
		require.NoError(t, err)
		require.NotContains(t, string(res.Output), "secret\n")
		require.Contains(t, string(res.Output), "No such file")
		require.NotContains(t, string(res.Output), fmt.Sprint(" ", handed, " -> "))
	})
	t.Run("a namespace of one's own", func(t *testing.T) {
		res, err := sb.Run(t.Context(), sandbox.Command{Argv: []string{"unshare", "--user", "--map-root-user", "--mount", "true"}})
		require.NoError(t, err)
		require.False(t, res.Succeeded())
		require.Contains(t, string(res.Output), "unshare failed")
	})
	t.Run("a folder that is hidden", func(t *testing.T) {
		res, err := sb.Run(t.Context(), sandbox.Command{Argv: []string{"ls", "-A", "/usr/share/doc"}})
		require.NoError(t, err)
		require.True(t, res.Succeeded(), "%s", res.Output)
		require.Empty(t, string(res.Output))
	})
	t.Run("nothing of the host can be written", func(t *testing.T) {
		for _, path := range []string{"/usr/x", "/usr/bin/bash", "/etc/ld.so.cache", "/usr/local/bin/x"} {
			require.Error(t, sb.WriteFile(t.Context(), path, []byte("x")), path)
		}
	})
}

func TestLeftoversOfADeadOwnerAreFound(t *testing.T) {
	dir := stateDir(t)
	d, err := local.New(local.Options{Dir: dir, Guest: sandboxtest.Guest(t)})
	require.NoError(t, err)
	defer d.Close()
	// What a process that was killed leaves: the note of its sandbox, whose
	// guest has ended with the stream.
	note := `{"id":"local-dead","guest":"%[1]s","labels":{"apprentice.run":"r","apprentice.owner":"%[1]s","apprentice.deadline":"2999-01-01T00:00:00Z"}}`
	self, err := sandbox.Self()
	require.NoError(t, err)
	self.Start++ // the same pid, another process
	path := filepath.Join(dir, "sandboxes", "local-dead.json")
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, note, self), 0o600))

	left, err := sandbox.Leftovers(t.Context(), d)
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.Equal(t, "local-dead", left[0].ID)
	require.NoError(t, left[0].Remove(t.Context()))
	require.NoFileExists(t, path)
}

// TestAProcessThatOnlyHasTheNumberOfAGuestIsLeftAlone has notes whose deadline
// has passed, and whose guest has the number of a process that lives here.
func TestAProcessThatOnlyHasTheNumberOfAGuestIsLeftAlone(t *testing.T) {
	stranger := exec.Command("cat")
	in, err := stranger.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, stranger.Start())
	here, err := sandbox.OwnerOf(stranger.Process.Pid)
	require.NoError(t, err)
	for _, tt := range []struct {
		name, deadline string
		change         func(*sandbox.Owner)
		listed, kept   bool
	}{
		{"of another machine", "2001-01-01T00:00:00Z", func(o *sandbox.Owner) { o.Machine, o.Boot = "another", "another" }, false, true},
		{"of another pid namespace", "2001-01-01T00:00:00Z", func(o *sandbox.Owner) { o.Namespace = "1" }, false, true},
		{"of a machine without a name", "2001-01-01T00:00:00Z", func(o *sandbox.Owner) { o.Machine, o.Boot = "-", "another" }, false, true},
		{"of another machine, with time left", "2999-01-01T00:00:00Z", func(o *sandbox.Owner) { o.Machine, o.Boot = "another", "another" }, true, true},
		{"that has ended", "2001-01-01T00:00:00Z", func(o *sandbox.Owner) { o.Start-- }, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := stateDir(t)
			d, err := local.New(local.Options{Dir: dir, Guest: sandboxtest.Guest(t)})
			require.NoError(t, err)
			defer d.Close()
			owner := here
			tt.change(&owner)
			note := fmt.Appendf(nil, `{"id":"local-x","guest":"%[1]s","labels":{"apprentice.owner":"%[1]s","apprentice.deadline":"%[2]s"}}`, owner, tt.deadline)
			path := filepath.Join(dir, "sandboxes", "local-x.json")
			require.NoError(t, os.WriteFile(path, note, 0o600))
			list, err := d.List(t.Context())
			require.NoError(t, err)
			require.Equal(t, tt.listed, len(list) == 1)
			for _, r := range list {
				require.Equal(t, tt.kept, r.Remove(t.Context()) != nil)
			}
			_, err = os.Stat(path)
			require.Equal(t, tt.kept, err == nil)
			require.True(t, here.Alive())
		})
	}
	require.NoError(t, in.Close())
	require.NoError(t, stranger.Wait(), "it was not killed")
}

func TestANoteThatCannotBeReadGoes(t *testing.T) {
	dir := stateDir(t)
	d, err := local.New(local.Options{Dir: dir, Guest: sandboxtest.Guest(t)})
	require.NoError(t, err)
	defer d.Close()
	for name, text := range map[string]string{"empty": "", "labels": `{"id":"local-x","labels":{"apprentice.owner":"me"}}`} {
		fresh, old := filepath.Join(dir, "sandboxes", name+"-fresh.json"), filepath.Join(dir, "sandboxes", name+"-old.json")
		for _, path := range []string{fresh, old} {
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		}
		long := time.Now().Add(-time.Hour)
		require.NoError(t, os.Chtimes(old, long, long))
		list, err := d.List(t.Context())
		require.NoError(t, err)
		require.Empty(t, list)
		require.FileExists(t, fresh)
		require.NoFileExists(t, old)
	}
}

// TestTheGuestProgramCannotBeSpoiled takes its mode away, which the user inside
// may do where that is the user of the driver.
func TestTheGuestProgramCannotBeSpoiled(t *testing.T) {
	for _, mode := range []string{"000", "111", "u-x", "777"} {
		t.Run(mode, func(t *testing.T) {
			d := driver(t, local.Options{})
			sb := open(t, d, "")
			shell := func() string {
				sh, err := sb.Shell(t.Context(), "")
				require.NoError(t, err)
				res, err := sh.Run(t.Context(), "cat /proc/$PPID/oom_score_adj; chmod "+mode+" /proc/$PPID/exe", 0)
				require.NoError(t, err)
				require.Equal(t, sandbox.EndExit, res.End)
				score, _, _ := strings.Cut(string(res.Output), "\n")
				return score
			}
			require.Equal(t, "500", shell())
			shell()
			require.Equal(t, "0\n500\n", run(t, open(t, d, ""), "cat /proc/1/oom_score_adj /proc/$PPID/oom_score_adj"))
		})
	}
	t.Run("where modes cannot be sealed", func(t *testing.T) {
		d := driver(t, local.Options{})
		d.CannotSealModes(sandboxtest.Guest(t))
		bystander := open(t, d, "")
		sh, err := open(t, d, "").Shell(t.Context(), "")
		require.NoError(t, err)
		_, err = sh.Run(t.Context(), "chmod 000 /proc/$PPID/exe", 0)
		require.NoError(t, err)
		_, err = bystander.Shell(t.Context(), "")
		require.NoError(t, err)
		run(t, open(t, d, ""), "true")
	})
}

func TestAFolderThatTheUserInsideCannotReachIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		return // an ordinary user is the user inside, and reaches what is theirs
	}
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o700))
	_, err := local.New(local.Options{Dir: filepath.Join(dir, "state"), Guest: sandboxtest.Guest(t)})
	require.ErrorContains(t, err, "chmod o+x "+dir)
}

// TestWhatIsWrongWithASpec is not the machine's fault, and must not be tried
// again.
func TestWhatIsWrongWithASpec(t *testing.T) {
	d := driver(t, local.Options{})
	mount := func(source, target string) sandbox.Spec {
		return sandbox.Spec{Mounts: []sandbox.Mount{{Source: "/usr/bin", Target: "/first"}, {Source: source, Target: target}}}
	}
	for want, spec := range map[string]sandbox.Spec{
		"Mounts[1].Source: lstat /no: no such file":           mount("/no/such/folder", "/x"),
		`Mounts[1].Source: "usr" is no absolute path`:         mount("usr", "/x"),
		`Mounts[1].Source: "" is no absolute path`:            mount("", "/x"),
		`Mounts[1].Target: "x" is no absolute path`:           mount("/usr", "x"),
		`Mounts[1].Target: "/x/.." is no absolute path`:       mount("/usr", "/x/.."),
		"building the root: Mounts[1]: showing /usr: a place": mount("/usr", "/usr/no/such/place"),
		"Mounts[1]: showing /usr at /etc/passwd":              mount("/usr", "/etc/passwd"),
		"Limits.Memory: 65536 bytes":                          {Limits: sandbox.Limits{Memory: 64 << 10}},
		"Limits.Disk: -1 bytes":                               {Limits: sandbox.Limits{Disk: -1}},
		"Limits.Processes: 1, ":                               {Limits: sandbox.Limits{Processes: 1}},
		"Limits.CPUs: -1 ":                                    {Limits: sandbox.Limits{CPUs: -1}},
		`the variable "X" of Env`:                             {Env: map[string]string{"X": "\x00"}},
	} {
		_, err := d.Start(t.Context(), spec)
		require.ErrorContains(t, err, want)
		require.NotErrorIs(t, err, sandbox.ErrUnavailable)
		require.NotErrorIs(t, err, sandbox.ErrBroken)
	}
	left, err := d.List(t.Context())
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestAMountThatIsALink(t *testing.T) {
	dir := stateDir(t)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "folder"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "folder", "file"), []byte("x"), 0o644))
	require.NoError(t, os.Symlink(filepath.Join(dir, "folder"), filepath.Join(dir, "link")))
	sb, err := guest.Open(t.Context(), driver(t, local.Options{}), sandbox.Spec{Mounts: []sandbox.Mount{{Source: filepath.Join(dir, "link"), Target: "/mnt"}}})
	require.NoError(t, err)
	defer sb.Close()
	require.Equal(t, "x", run(t, sb, "cat /mnt/file"))
}
