//go:build linux

package local_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
	"github.com/apprentice-rl/apprentice/sandbox/local"
	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
)

// archiveVariable names a file that docker save has written of a real image.
const archiveVariable = "APPRENTICE_TEST_ARCHIVE"

// debian is a real image, as a docker-archive.
func debian(t *testing.T) string {
	t.Helper()
	path := saved(t, t.TempDir())
	if path == "" {
		sandboxtest.Missing(t, "docker", "run `make test`, which provides an engine on Debian, or set APPRENTICE_TEST_IMAGE (and DOCKER_HOST) to an image with bash, git, Go and Python, or "+archiveVariable+" to a file that docker save has written of one")
	}
	return "docker-archive:" + path
}

// saved is the file of a real image: the one that was given, or what "docker
// save" makes, in dir, of the one that "make test" prepares; empty where there
// is none.
func saved(t *testing.T, dir string) string {
	t.Helper()
	path, ref := os.Getenv(archiveVariable), os.Getenv("APPRENTICE_TEST_IMAGE")
	if path != "" || ref == "" {
		return path
	}
	path = filepath.Join(dir, "image.tar")
	msg, err := exec.Command("docker", "save", "-o", path, ref).CombinedOutput()
	require.NoError(t, err, "docker save: %s", msg)
	require.NoError(t, os.Chmod(path, 0o644))
	return path
}

// TestOnDebian does all that needs the real image, which takes a while to
// unpack.
func TestOnDebian(t *testing.T) {
	d := driver(t, local.Options{BaseImage: debian(t)})
	t.Run("conformance", func(t *testing.T) { sandboxtest.Run(t, d) })
	t.Run("its user, its environment, and nothing of the host", func(t *testing.T) {
		sb := open(t, d, "")
		require.Equal(t, "agent 1000 /home/agent\n", run(t, sb, `echo "$(id -un) $(id -u) $HOME"`))
		require.NotContains(t, run(t, sb, "cat /proc/self/mountinfo"), "/dev/vda")
		require.Equal(t, "sandbox\n", run(t, sb, "cat /etc/hostname"))
		require.Contains(t, run(t, sb, "getent hosts localhost"), "localhost")
		require.Empty(t, run(t, sb, "find / -xdev ! -user agent ! -path /proc ! -path '/sys*' | head"))
		run(t, sb, "git init -q /testbed/repo && cd /testbed/repo && git config user.email a@b && git config user.name n && touch f && git add f && git commit -qm one && git log --oneline | grep one")
	})
	t.Run("snapshots", func(t *testing.T) { snapshots(t, d, "/usr/share/perl5") })
}

// TestSnapshotsOfTheHost are snapshots that stand on the allow-list.
func TestSnapshotsOfTheHost(t *testing.T) {
	d := driver(t, local.Options{})
	sb := open(t, d, "")
	run(t, sb, "mkdir -p /srv/lib/deep && echo x >/srv/lib/deep/f")
	base := name()
	require.NoError(t, sb.Instance().Snapshot(t.Context(), base))
	snapshots(t, d, "/srv/lib")
}

// snapshots checks snapshots of snapshots. existing is a folder that the base,
// or a snapshot on it, has.
func snapshots(t *testing.T, d *local.Driver, existing string) {
	first := open(t, d, "")
	run(t, first, "mkdir -p "+existing+"/deep && echo x >"+existing+"/deep/f")
	run(t, first, `cd /tmp && mkdir d gone && echo kept >d/f && ln d/f d/hard && ln -s f d/soft && touch gone/x unwanted &&
		truncate -s 2G sparse && echo end >>sparse && mkfifo pipe && mkdir locked && echo in >locked/in && chmod 000 locked/in locked && chmod 4755 d/f`)
	one, two := name(), name()
	require.NoError(t, first.Instance().Snapshot(t.Context(), one))
	require.Equal(t, "0\n", run(t, first, "stat -c %a /tmp/locked"), "the sandbox does not notice")

	second := open(t, d, one)
	require.Equal(t, "kept\n755 2 f\n2147483652\nend\n0\n", run(t, second, "cd /tmp; cat d/soft; echo $(stat -c '%a %h' d/hard) $(readlink d/soft); stat -c %s sparse; tail -c 4 sparse; stat -c %a locked"))
	run(t, second, "test ! -e /tmp/pipe && chmod 755 /tmp/locked && chmod 644 /tmp/locked/in && grep -q in /tmp/locked/in")
	// Removed; removed and made anew; changed; and a folder in a file's place.
	run(t, second, "cd /tmp && rm -r unwanted gone "+existing+" && mkdir gone && echo new >>d/f && rm d/soft && mkdir d/soft && echo y >d/soft/y && mkdir "+existing+" && touch "+existing+"/only")
	require.NoError(t, second.Instance().Snapshot(t.Context(), two))

	for range 2 { // what one does, the next does not see
		third := open(t, d, two)
		require.Equal(t, "kept\nnew\ny\nonly\nd gone locked sparse\n",
			run(t, third, "cd /tmp; cat d/f d/soft/y; ls "+existing+"; test ! -e gone/x && echo $(ls)"))
		run(t, third, "rm -r /tmp/d; echo changed >/tmp/gone/x")
	}
	require.Equal(t, "kept\n", run(t, open(t, d, one), "cat /tmp/d/f"), "a snapshot does not change")

	here, err := d.Resolve(t.Context(), "")
	require.NoError(t, err)
	got, err := d.Resolve(t.Context(), two)
	require.NoError(t, err)
	require.Regexp(t, "^"+regexp.QuoteMeta(here+"+"+one)+`\+[0-9a-f]{16}`+regexp.QuoteMeta("+"+two)+`\+[0-9a-f]{16}$`, got)
}

// TestASnapshotThatTakesAName is of a sandbox that stands on something else than
// what had the name before.
func TestASnapshotThatTakesAName(t *testing.T) {
	d := driver(t, local.Options{})
	headers, mounts := programs(t)
	onImage, err := guest.Open(t.Context(), d, sandbox.Spec{Image: scratch(t, v1.Config{}, append(headers, text("of-the-image", "x"))), Mounts: mounts})
	require.NoError(t, err)
	defer onImage.Close()
	onHost := open(t, d, "")
	run(t, onHost, "echo x >/of-the-host")

	image := name()
	require.NoError(t, onHost.Instance().Snapshot(t.Context(), image))
	before, err := d.Resolve(t.Context(), image)
	require.NoError(t, err)
	old, err := guest.Open(t.Context(), d, sandbox.Spec{Image: image})
	require.NoError(t, err)
	defer old.Close()
	require.NoError(t, onImage.Instance().Snapshot(t.Context(), image))
	after, err := d.Resolve(t.Context(), image)
	require.NoError(t, err)
	require.NotEqual(t, before, after)
	sb := open(t, d, image)
	_, err = sb.ReadFile(t.Context(), "/of-the-image")
	require.NoError(t, err)
	_, err = sb.ReadFile(t.Context(), "/of-the-host")
	require.ErrorIs(t, err, fs.ErrNotExist)

	require.Equal(t, "x\n", run(t, old, "cat /of-the-host"), "what stands on the old one goes on")
	require.NoError(t, onHost.Instance().Snapshot(t.Context(), image))
	require.Equal(t, "x\n", run(t, open(t, d, image), "cat /of-the-host"))
}

func TestManySnapshotsOfOneNameAtOnce(t *testing.T) {
	d := driver(t, local.Options{})
	image := name()
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		sb := open(t, d, "")
		run(t, sb, fmt.Sprintf("mkdir ~/d; seq 500 | (cd ~/d; xargs touch); echo %d >~/mine", i))
		wg.Go(func() { errs[i] = sb.Instance().Snapshot(t.Context(), image) })
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Regexp(t, `^500\n\d\n$`, run(t, open(t, d, image), "ls ~/d | wc -l; cat ~/mine"))
}

func TestSnapshotsOutliveTheirDriver(t *testing.T) {
	dir := stateDir(t)
	image := name()
	for _, script := range []string{"echo x >~/f", "cat ~/f"} {
		d, err := local.New(local.Options{Dir: dir, Guest: sandboxtest.Guest(t)})
		require.NoError(t, err)
		ground := ""
		if script == "cat ~/f" {
			ground = image
		}
		sb, err := guest.Open(t.Context(), d, sandbox.Spec{Image: ground})
		require.NoError(t, err)
		run(t, sb, script)
		require.NoError(t, sb.Instance().Snapshot(t.Context(), image))
		require.NoError(t, sb.Close())
		require.ErrorIs(t, sb.Instance().Snapshot(t.Context(), name()), sandbox.ErrBroken)
		require.NoError(t, d.Close())
	}
}

// scratch writes an image for this machine, in an OCI layout.
func scratch(t *testing.T, config v1.Config, layers ...[]tar.Header) string {
	t.Helper()
	img := empty.Image
	for _, headers := range layers {
		var b bytes.Buffer
		tw := tar.NewWriter(&b)
		for _, h := range headers {
			text := h.PAXRecords["APPRENTICE.text"]
			h.PAXRecords, h.Size = nil, int64(len(text))
			require.NoError(t, tw.WriteHeader(&h))
			_, err := io.WriteString(tw, text)
			require.NoError(t, err)
		}
		require.NoError(t, tw.Close())
		l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
		require.NoError(t, err)
		img, err = mutate.AppendLayers(img, l)
		require.NoError(t, err)
	}
	file, err := img.ConfigFile()
	require.NoError(t, err)
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = "linux", runtime.GOARCH, config
	img, err = mutate.ConfigFile(img, file)
	require.NoError(t, err)
	dir := t.TempDir()
	p, err := layout.Write(dir, empty.Index)
	require.NoError(t, err)
	require.NoError(t, p.AppendImage(img))
	return "oci:" + dir
}

func text(name, text string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, PAXRecords: map[string]string{"APPRENTICE.text": text}}
}

func link(name, target string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target}
}

func TestAnImageWithoutAnything(t *testing.T) {
	d := driver(t, local.Options{})
	sb := open(t, d, scratch(t, v1.Config{}))
	require.NoError(t, sb.WriteFile(t.Context(), "/srv/file", []byte("x")))
	b, err := sb.ReadFile(t.Context(), "/srv/file")
	require.NoError(t, err)
	require.Equal(t, "x", string(b))
	_, err = sb.ReadFile(t.Context(), "/usr/bin/env")
	require.ErrorIs(t, err, fs.ErrNotExist, "nothing of the host")
	res, err := sb.Run(t.Context(), sandbox.Command{Argv: []string{"true"}})
	require.NoError(t, err)
	require.Equal(t, sandbox.EndRefused, res.End)

	image := name()
	require.NoError(t, sb.Instance().Snapshot(t.Context(), image))
	b, err = open(t, d, image).ReadFile(t.Context(), "/srv/file")
	require.NoError(t, err)
	require.Equal(t, "x", string(b))
}

// TestAnImageOfManyLayers has more than the names of all of them would leave
// room for among the options of a mount.
func TestAnImageOfManyLayers(t *testing.T) {
	var layers [][]tar.Header
	for i := range 150 {
		layers = append(layers, []tar.Header{text(fmt.Sprintf("f%d", i), fmt.Sprint(i)), text("last", fmt.Sprint(i)), text(fmt.Sprintf(".wh.f%d", i-10), "")})
	}
	sb := open(t, driver(t, local.Options{}), scratch(t, v1.Config{}, layers...))
	for path, want := range map[string]string{"/f149": "149", "/f140": "140", "/last": "149"} {
		b, err := sb.ReadFile(t.Context(), path)
		require.NoError(t, err)
		require.Equal(t, want, string(b))
	}
	for _, path := range []string{"/f0", "/f139", "/.wh.f139"} {
		_, err := sb.ReadFile(t.Context(), path)
		require.ErrorIs(t, err, fs.ErrNotExist, path)
	}
}

// programs makes the programs of the host those of an image.
func programs(t *testing.T) (headers []tar.Header, mounts []sandbox.Mount) {
	t.Helper()
	for _, dir := range []string{"/usr", "/bin", "/lib", "/lib64"} {
		if target, err := os.Readlink(dir); err == nil {
			headers = append(headers, link(dir, target))
		} else if _, err := os.Stat(dir); err == nil {
			mounts = append(mounts, sandbox.Mount{Source: dir, Target: dir})
		}
	}
	return headers, mounts
}

func TestTheConfigurationOfAnImage(t *testing.T) {
	d := driver(t, local.Options{})
	headers, mounts := programs(t)
	headers = append(headers, text("etc/passwd", "me:x:7:8::/home/me:/bin/sh\n"), text("etc/group", "staff:x:50:\n"))
	for user, want := range map[string][2]string{"": {"0", "0"}, "me:staff": {"7", "50"}, "1234:5678": {"1234", "5678"}} {
		t.Run(user, func(t *testing.T) {
			image := scratch(t, v1.Config{User: user, WorkingDir: "/srv/here", Env: []string{"FROM_IMAGE=one", "BOTH=image"}}, headers)
			sb, err := guest.Open(t.Context(), d, sandbox.Spec{Image: image, Mounts: mounts, Env: map[string]string{"BOTH": "spec"}})
			require.NoError(t, err)
			defer sb.Close()
			home := map[string]string{"": "/root", "me:staff": "/home/me", "1234:5678": "/"}[user]
			require.Equal(t, want[0]+" "+want[1]+" one spec /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "+home+"\n",
				run(t, sb, `echo "$(id -u) $(id -g) $FROM_IMAGE $BOTH $PATH $HOME"`))
			run(t, sb, `grep -q '^CapEff:\s*0*$' /proc/self/status && cd /srv/here && touch made`)
		})
	}
	t.Run("a user that it has not", func(t *testing.T) {
		_, err := d.Resolve(t.Context(), scratch(t, v1.Config{User: "nobody"}))
		require.ErrorContains(t, err, `"nobody" is not in its /etc/passwd`)
	})
}

// TestLinksOfAnImageLeadNowhereElse has an image whose links point at the host,
// as the host is seen while the walls are built, in every place where something
// is written or mounted then.
func TestLinksOfAnImageLeadNowhereElse(t *testing.T) {
	victim := stateDir(t)
	require.NoError(t, os.Chmod(victim, 0o777))
	shared := stateDir(t)
	d := driver(t, local.Options{})
	for _, prefix := range []string{"", "/old", "../old", "/../../old", "/proc/1/root"} {
		to := prefix + victim
		for _, headers := range [][]tar.Header{
			{link("etc", to)},
			{link("etc/hosts", to+"/hosts"), link("etc/resolv.conf", to+"/resolv.conf"), link("etc/hostname", to+"/hostname")},
			{link("tmp", to+"/tmp")},
			{link("proc", to), link("dev", to), link("work", to+"/new")},
			{link("mnt", to)},
		} {
			image := scratch(t, v1.Config{WorkingDir: "/srv/new"}, headers)
			sb, err := guest.Open(t.Context(), d, sandbox.Spec{Image: image, Mounts: []sandbox.Mount{{Source: shared, Target: "/mnt/shared"}}})
			if err == nil {
				require.NoError(t, sb.WriteFile(t.Context(), "/on", []byte("x")))
				require.NoError(t, sb.Close())
			} else { // such a link leads to nothing inside
				require.ErrorContains(t, err, "building the root")
				require.NotErrorIs(t, err, sandbox.ErrUnavailable)
			}
			entries, err := os.ReadDir(victim)
			require.NoError(t, err)
			require.Empty(t, entries)
		}
	}
}

func TestTheCollectorLeavesWhatSandboxesStandOn(t *testing.T) {
	d := driver(t, local.Options{})
	image := scratch(t, v1.Config{}, []tar.Header{text("a", "x")})
	sb := open(t, d, image)
	other := scratch(t, v1.Config{}, []tar.Header{text("b", "x")})
	_, err := d.Resolve(t.Context(), other)
	require.NoError(t, err)
	snapshot := name()
	require.NoError(t, sb.Instance().Snapshot(t.Context(), snapshot))

	removed, err := d.GC(t.Context(), 0)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{other, snapshot}, removed)
	b, err := open(t, d, image).ReadFile(t.Context(), "/a")
	require.NoError(t, err)
	require.Equal(t, "x", string(b))
}

func TestASnapshotThatIsNotThereIsSoughtNowhere(t *testing.T) {
	_, err := driver(t, local.Options{}).Resolve(t.Context(), "localhost/apprentice:setup-x")
	require.ErrorIs(t, err, sandbox.ErrNoImage)
}

func open(t *testing.T, d *local.Driver, image string) *guest.Sandbox {
	t.Helper()
	sb, err := guest.Open(t.Context(), d, sandbox.Spec{Image: image})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sb.Close()) })
	return sb
}

// run runs a script, which must succeed, and returns its output.
func run(t *testing.T, sb *guest.Sandbox, script string) string {
	t.Helper()
	res, err := sb.Run(t.Context(), sandbox.Command{Argv: []string{"bash", "-c", script}})
	require.NoError(t, err)
	require.True(t, res.Succeeded(), "%s: %+v %s", script, res, res.Output)
	return string(res.Output)
}

// name is a name for a snapshot.
func name() string { return fmt.Sprintf("localhost/test:%d", time.Now().UnixNano()) }
