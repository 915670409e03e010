package sandboxtest

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
)

// tricks are played on files that go in and out. The rules: WriteFile and Edit
// follow links as every program does, which reaches no further than a command
// could. PutTar does not leave its folder, whatever stands in it. GetTar sends
// what is in its folder, links as links. None of them waits for ever.
func tricks(t *testing.T, driver sandbox.Driver, h *host) {
	sb := open(t, driver, sandbox.Spec{})
	t.Run("links", func(t *testing.T) { links(t, sb, h) })
	t.Run("archives", func(t *testing.T) { archives(t, sb, h) })
	t.Run("what is no file", func(t *testing.T) { irregulars(t, sb, h) })
	t.Run("what is no file, where the guest looks for one", func(t *testing.T) { impostors(t, open(t, driver, sandbox.Spec{}), h) })
	t.Run("names that are no text", func(t *testing.T) { names(t, sb, h) })
	t.Run("swapped between check and use", func(t *testing.T) { races(t, sb, h) })
}

// An entry is a file of an archive.
type entry struct {
	tar.Header
	data string
}

func archiveOf(t *testing.T, entries ...entry) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	for _, e := range entries {
		e.Size = int64(len(e.data))
		if e.Mode == 0 {
			e.Mode = 0o755
		}
		require.NoError(t, tw.WriteHeader(&e.Header))
		_, err := io.WriteString(tw, e.data)
		require.NoError(t, err)
	}
	require.NoError(t, tw.Close())
	return &b
}

func file(name, data string) entry { return entry{tar.Header{Name: name, Typeflag: tar.TypeReg}, data} }
func folder(name string) entry     { return entry{tar.Header{Name: name, Typeflag: tar.TypeDir}, ""} }
func symlink(name, to string) entry {
	return entry{tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: to}, ""}
}
func hardLink(name, to string) entry {
	return entry{tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: to}, ""}
}

// contents reads an archive: names to what is in the file, or where a link
// leads.
func contents(t *testing.T, r io.Reader) map[string]string {
	t.Helper()
	m := make(map[string]string)
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return m
		}
		require.NoError(t, err)
		b, err := io.ReadAll(tr)
		require.NoError(t, err)
		m[h.Name] = string(b)
		if h.Linkname != "" {
			m[h.Name] = "-> " + h.Linkname
		}
	}
}

// scene sets up /tmp/scene/in, where archives go, and beside it a file and a
// folder that they must not touch.
const scene = `rm -rf /tmp/scene; mkdir -p /tmp/scene/in /tmp/scene/out; cd /tmp/scene
	echo untouched >out/file; chmod 640 out/file; chmod 750 out; `

func untouched(t *testing.T, sb *guest.Sandbox) {
	t.Helper()
	res, err := sb.Run(t.Context(), sh("cd /tmp/scene && stat -c '%n %a' out out/* && cat out/*"))
	require.NoError(t, err)
	require.Equal(t, "out 750\nout/file 640\nuntouched\n", string(res.Output))
}

func links(t *testing.T, sb *guest.Sandbox, h *host) {
	const in = "/tmp/scene/in"
	upload := func(entries ...entry) func(*testing.T) error {
		return func(t *testing.T) error { return sb.PutTar(t.Context(), in, archiveOf(t, entries...)) }
	}
	for _, d := range []struct {
		name    string
		planted string // in the scene, beforehand
		do      func(*testing.T) error
		fails   bool
	}{
		{"a link in the place of a file", "ln -s ../out/file in/file", upload(file("file", "new")), false},
		{"an absolute link in the place of a file", "ln -s /tmp/scene/out/file in/file", upload(file("file", "new")), false},
		{"a hard link in the place of a file", "ln out/file in/file", upload(file("file", "new")), false},
		{"a link in the place of a folder", "ln -s ../out in/d", upload(file("d/file", "new")), true},
		{"an absolute link in the place of a folder", "ln -s /tmp/scene/out in/d", upload(folder("d"), file("d/file", "new")), true},
		{"a chain of links", "ln -s b in/a; ln -s c in/b; ln -s ../out in/c", upload(file("a/file", "new")), true},
		{"a loop of links", "ln -s b in/a; ln -s a in/b", upload(file("a/file", "new")), true},
		{"a link of the archive", "", upload(symlink("d", "../out"), file("d/file", "new")), true},
		{"an absolute link of the archive", "", upload(symlink("d", "/tmp/scene/out"), file("d/file", "new")), true},
		{"a link in the place of a folder with a mode", "", upload(entry{tar.Header{Name: "d", Typeflag: tar.TypeDir, Mode: 0o777}, ""}, symlink("d", "../out")), false},
		{"a link in the place of a folder whose mode comes last", "", upload(entry{tar.Header{Name: "d", Typeflag: tar.TypeDir, Mode: 0o555}, ""}, symlink("d", "../out")), true},
		{"a hard link to outside", "", upload(hardLink("file", "../out/file")), true},
		{"an absolute hard link to outside", "", upload(hardLink("file", "/tmp/scene/out/file")), true},
		{"a hard link through a link", "ln -s ../out in/d", upload(hardLink("file", "d/file")), true},
		{"a hard link to a link, written through", "ln -s ../out/file in/a", upload(hardLink("b", "a"), file("b", "new")), false},
		{"names with dots", "", upload(file("../out/file", "new"), file("a/../../out/file", "new"), file("/../../tmp/scene/out/file", "new")), false},
		{"a link to all of the host", "", upload(symlink("root", "/proc/1/root"), file("root"+h.file, "new")), true},
	} {
		t.Run(d.name, func(t *testing.T) {
			h.commit(t, sb, deed{cmd: sh(scene + d.planted)})
			err := d.do(t)
			if d.fails {
				require.Error(t, err)
				require.NotErrorIs(t, err, sandbox.ErrBroken)
			} else {
				require.NoError(t, err)
			}
			untouched(t, sb)
			h.endure(t, sb)
		})
	}
	t.Run("a download does not follow", func(t *testing.T) {
		h.commit(t, sb, deed{cmd: sh(scene + "cd in; ln -s ../out d; ln -s /etc/passwd p; ln -s /proc/1/root r; ln -s s s; echo mine >f")})
		var down bytes.Buffer
		require.NoError(t, sb.GetTar(t.Context(), in, &down))
		require.Equal(t, map[string]string{"in/": "", "in/d": "-> ../out", "in/p": "-> /etc/passwd", "in/r": "-> /proc/1/root", "in/s": "-> s", "in/f": "mine\n"}, contents(t, &down))
		down.Reset()
		require.NoError(t, sb.GetTar(t.Context(), in+"/d", &down))
		require.Equal(t, map[string]string{"d": "-> ../out"}, contents(t, &down))
	})
	t.Run("a file that is written goes where a link leads", func(t *testing.T) {
		h.commit(t, sb, deed{cmd: sh(scene + "ln -s ../out/new in/file")})
		require.NoError(t, sb.WriteFile(t.Context(), in+"/file", []byte("x\n")))
		n, err := sb.Edit(t.Context(), in+"/file", sandbox.Edit{Old: []byte("x"), New: []byte("y"), Count: 1})
		require.NoError(t, err)
		require.Equal(t, 1, n)
		h.commit(t, sb, deed{cmd: sh("cd /tmp/scene; readlink in/file; cat out/new"), ends: only(sandbox.EndExit), says: "../out/new\ny\n"})
		h.commit(t, sb, deed{cmd: sh(scene + "ln -s loop in/loop; ln -s " + h.file + " in/host")})
		require.Error(t, sb.WriteFile(t.Context(), in+"/loop", nil))
		_ = sb.WriteFile(t.Context(), in+"/host", []byte("overwritten"))
		h.endure(t, sb)
	})
}

func archives(t *testing.T, sb *guest.Sandbox, h *host) {
	const in = "/tmp/scene/in"
	lying := archiveOf(t, file("short", "data")).Bytes()
	lie := func(size string) io.Reader {
		b := bytes.Clone(lying)
		copy(b[124:136], size)
		sum := 0
		copy(b[148:156], "        ")
		for _, c := range b[:512] {
			sum += int(c)
		}
		copy(b[148:156], fmt.Sprintf("%06o\x00 ", sum))
		return bytes.NewReader(b)
	}
	same := make([]entry, 10_000)
	for i := range same {
		same[i] = file("same", fmt.Sprint(i))
	}
	device := func(kind byte) io.Reader {
		return archiveOf(t, entry{tar.Header{Name: "device", Typeflag: kind, Devmajor: 1, Devminor: 5}, ""})
	}
	for _, d := range []struct {
		name  string
		tar   io.Reader
		fails string
	}{
		{"a character device", device(tar.TypeChar), "is not allowed"},
		{"a block device", device(tar.TypeBlock), "is not allowed"},
		{"a FIFO", device(tar.TypeFifo), "is not allowed"},
		{"10,000 entries with one name", archiveOf(t, same...), ""},
		{"a file and a folder with one name", archiveOf(t, file("a", "x"), folder("a"), file("a/b", "y")), "exists"},
		{"a folder and a file with one name", archiveOf(t, folder("a"), file("a/b", "y"), file("a", "x")), "exist"},
		{"a size that is larger than the rest", lie("00000010000\x00"), "unexpected EOF"},
		{"a size of terabytes", lie("77777777777\x00"), "unexpected EOF"},
		{"a size that is no number", lie("x0000000000\x00"), "invalid tar header"},
		{"no archive", strings.NewReader(strings.Repeat("garbage ", 1000)), "invalid tar header"},
		{"an archive that is cut off", bytes.NewReader(lying[:514]), "unexpected EOF"},
		{"nothing", strings.NewReader(""), ""},
		{"a name that is too long", archiveOf(t, file(strings.Repeat("x", 300), "")), "too long"},
		{"a name as long as a frame", archiveOf(t, file(strings.Repeat("\x01", 500_000), "")), "too long"},
		{"a name of dots alone", archiveOf(t, folder("../.."), folder("."), folder("/")), ""},
	} {
		t.Run(d.name, func(t *testing.T) {
			h.commit(t, sb, deed{cmd: sh(scene)})
			err := sb.PutTar(t.Context(), in, d.tar)
			if d.fails == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, d.fails)
				require.NotErrorIs(t, err, sandbox.ErrBroken)
			}
			untouched(t, sb)
			h.endure(t, sb)
		})
	}
	b, err := sb.ReadFile(t.Context(), "/tmp/scene/in/same")
	require.ErrorIs(t, err, fs.ErrNotExist, "%s", b)
}

func irregulars(t *testing.T, sb *guest.Sandbox, h *host) {
	h.commit(t, sb, deed{cmd: sh(scene + `cd in; mkfifo fifo; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")' || perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0); bind(S, sockaddr_un("socket"))'; ln -s /dev/zero zero; ln -s fifo link; test -S socket`), ends: only(sandbox.EndExit), says: ".*"})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for _, name := range []string{"fifo", "socket", "zero", "link", "/dev/zero", "/dev/full", "/dev/random"} {
		t.Run(name, func(t *testing.T) {
			p := name
			if !path.IsAbs(p) {
				p = "/tmp/scene/in/" + name
			}
			_, err := sb.ReadFile(ctx, p)
			require.ErrorContains(t, err, "is not a regular file")
			require.ErrorContains(t, sb.WriteFile(ctx, p, []byte("x")), "is not a regular file")
			_, err = sb.Edit(ctx, p, sandbox.Edit{Old: []byte("x"), New: []byte("y"), Count: 1})
			require.ErrorContains(t, err, "is not a regular file")
			found, _, err := sb.Search(ctx, p, sandbox.Search{Pattern: "."})
			require.NoError(t, err)
			require.Empty(t, found)
			require.NoError(t, ctx.Err())
			h.endure(t, sb)
		})
	}
	t.Run("an upload replaces them", func(t *testing.T) {
		require.NoError(t, sb.PutTar(ctx, "/tmp/scene/in", archiveOf(t, file("fifo", "x"), file("socket", "x"), file("zero", "x"))))
		h.commit(t, sb, deed{cmd: sh("cd /tmp/scene/in; stat -c %F fifo socket zero | sort -u"), ends: only(sandbox.EndExit), says: "regular file\n"})
	})
}

// impostors are pipes in the place of what the guest may want to open. Nobody
// ever answers there.
func impostors(t *testing.T, sb *guest.Sandbox, h *host) {
	for _, name := range []string{"/etc/passwd", "/dev/null", "/sys/fs/cgroup/cpu.stat", "/sys/fs/cgroup/memory.peak"} {
		t.Run(name, func(t *testing.T) {
			res, err := sb.Run(t.Context(), sandbox.Command{Argv: []string{"sh", "-c", `mv "$0" "$0.was" && mkfifo -m 666 "$0" || ! mv "$0.was" "$0"`, name}})
			require.NoError(t, err)
			t.Logf("in its place: %v", res.Succeeded()) // where the sandbox lets its user
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			require.NoError(t, sb.GetTar(ctx, "/etc/hosts", io.Discard))
			_, err = sb.Usage(ctx)
			require.NoError(t, err)
			_, err = sb.Run(ctx, sandbox.Command{Argv: []string{"true"}, User: "nobody"}) // refused, or not
			require.NoError(t, err)
			if name != "/etc/passwd" { // bash itself looks there
				s, err := sb.Shell(ctx, "/tmp")
				require.NoError(t, err)
				require.NoError(t, s.Close())
			}
			h.commit(t, sb, deed{cmd: sandbox.Command{Argv: []string{"sh", "-c", `[ ! -e "$0.was" ] || mv -f "$0.was" "$0"`, name}}})
			h.endure(t, sb)
		})
	}
}

// names are bytes; what goes as JSON is text.
func names(t *testing.T, sb *guest.Sandbox, h *host) {
	h.commit(t, sb, deed{cmd: sh(scene + `cd in; echo one >$'\xff\xfe'; echo two >$'new\nline'; echo three >$'\033[2J'; echo four >-rf`)})
	list, err := sb.List(t.Context(), "/tmp/scene/in")
	require.NoError(t, err)
	var got []string
	for _, f := range list {
		got = append(got, f.Name)
	}
	require.ElementsMatch(t, []string{"\ufffd\ufffd", "new\nline", "\x1b[2J", "-rf"}, got)
	var down bytes.Buffer
	require.NoError(t, sb.GetTar(t.Context(), "/tmp/scene/in", &down))
	whole := down.Bytes()
	require.Equal(t, map[string]string{"in/": "", "in/\xff\xfe": "one\n", "in/new\nline": "two\n", "in/\x1b[2J": "three\n", "in/-rf": "four\n"}, contents(t, bytes.NewReader(whole)))
	require.NoError(t, sb.PutTar(t.Context(), "/tmp/scene/back", bytes.NewReader(whole)))
	h.commit(t, sb, deed{cmd: sh("diff -r /tmp/scene/in /tmp/scene/back/in"), ends: only(sandbox.EndExit), says: "", after: func(t *testing.T, _ *guest.Sandbox, res sandbox.Result) {
		require.True(t, res.Succeeded())
	}})
}
