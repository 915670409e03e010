//go:build linux

package store

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// An item is one entry of a tar, with its contents.
type item struct {
	tar.Header
	data string
}

func file(name, data string) item {
	return item{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644}, data}
}
func folder(name string, mode int64) item {
	return item{tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: mode}, ""}
}
func symlink(name, target string) item {
	return item{tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target}, ""}
}
func hardlink(name, target string) item {
	return item{tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: target}, ""}
}
func special(name string, kind byte) item {
	return item{tar.Header{Name: name, Typeflag: kind, Mode: 0o600}, ""}
}

func pack(t testing.TB, items ...item) []byte {
	t.Helper()
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	for _, i := range items {
		i.Size = int64(len(i.data))
		require.NoError(t, tw.WriteHeader(&i.Header))
		_, err := io.WriteString(tw, i.data)
		require.NoError(t, err)
	}
	require.NoError(t, tw.Close())
	return b.Bytes()
}

// testStore is a store whose folder others can enter, as root's must be.
func testStore(t testing.TB, opts Options) *Store {
	t.Helper()
	dir := t.TempDir()
	s, err := Open(filepath.Join(dir, "store"), opts)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		require.NoError(t, removeAll(dir)) // some tests make folders that an ordinary user cannot remove
		require.NoError(t, os.Mkdir(dir, 0o755))
	})
	return s
}

// unpacked unpacks a tar into a fresh folder, and lists it.
func unpacked(t testing.TB, s *Store, data []byte, below ...string) (files string, n note, err error) {
	t.Helper()
	files = filepath.Join(t.TempDir(), "files")
	t.Cleanup(func() { _ = removeAll(files) })
	n, err = s.unpackInto(context.Background(), files, bytes.NewReader(data), below)
	return files, n, err
}

// tree describes all that is below a folder, in one line each.
func tree(t testing.TB, dir string) []string {
	t.Helper()
	var lines []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%s %o", path[len(dir)+1:], info.Mode().Perm())
		switch mode := info.Mode(); {
		case mode.IsDir():
			line += " folder"
			var b [1]byte
			if n, err := unix.Lgetxattr(path, opaque, b[:]); err == nil && n == 1 {
				line += " opaque"
			}
		case mode.IsRegular():
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			line += " " + string(b)
		case mode&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			line = path[len(dir)+1:] + " -> " + target
		case mode&fs.ModeCharDevice != 0:
			line = path[len(dir)+1:] + " removed"
		default:
			line = path[len(dir)+1:] + " " + mode.Type().String()
		}
		lines = append(lines, line)
		return nil
	}))
	return lines
}

func TestUnpacking(t *testing.T) {
	tests := []struct {
		name  string
		items []item
		want  []string
	}{
		{"files and folders", []item{folder("a/", 0o750), file("a/b", "x"), {tar.Header{Name: "a/run", Typeflag: tar.TypeReg, Mode: 0o755}, "y"}},
			[]string{"a 750 folder", "a/b 644 x", "a/run 755 y"}},
		{"a dot before the name", []item{folder("./", 0o755), file("./a", "x")}, []string{"a 644 x"}},
		{"an absolute name counts from the root of the layer", []item{file("/a/b", "x")}, []string{"a 755 folder", "a/b 644 x"}},
		{"a folder without an entry", []item{file("a/b/c", "x")}, []string{"a 755 folder", "a/b 755 folder", "a/b/c 644 x"}},
		{"a folder whose entry comes last", []item{file("a/b", "x"), folder("a", 0o700)}, []string{"a 700 folder", "a/b 644 x"}},
		{"an empty file", []item{file("a", "")}, []string{"a 644 "}},
		{"symbolic links stay as they are", []item{symlink("a", "/etc/shadow"), symlink("b", "../../c")}, []string{"a -> /etc/shadow", "b -> ../../c"}},
		{"set-user-ID is dropped", []item{{tar.Header{Name: "su", Typeflag: tar.TypeReg, Mode: 0o6755}, "x"}}, []string{"su 755 x"}},
		{"what an entry says twice", []item{file("a", "one"), file("a", "two")}, []string{"a 644 two"}},
		{"a file, then a folder, then a file", []item{file("a", "one"), folder("a", 0o755), file("a/b", "x"), file("a", "two")}, []string{"a 644 two"}},
		{"a folder, then a link to itself", []item{folder("a", 0o755), file("a/b", "x"), symlink("a", "a")}, []string{"a -> a"}},
		{"a link, then a folder", []item{symlink("a", "/etc"), folder("a", 0o755), file("a/b", "x")}, []string{"a 755 folder", "a/b 644 x"}},
		{"a link, then a file", []item{symlink("a", "/tmp/escaped"), file("a", "x")}, []string{"a 644 x"}},
		{"a hard link", []item{file("a", "x"), hardlink("d/b", "./a")}, []string{"a 644 x", "d 755 folder", "d/b 644 x"}},
		{"a hard link to a symbolic link", []item{symlink("a", "/etc/shadow"), hardlink("b", "a")}, []string{"a -> /etc/shadow", "b -> /etc/shadow"}},
		{"a hard link to itself", []item{file("a", "x"), hardlink("a", "a")}, []string{"a 644 x"}},
		{"something removed", []item{file(".wh.a", ""), file("d/.wh.b", "")}, []string{"a removed", "d 755 folder", "d/b removed"}},
		{"removed, then there again", []item{file(".wh.a", ""), file("a", "x")}, []string{"a 644 x"}},
		{"there, then removed below", []item{file("a", "x"), file(".wh.a", "")}, []string{"a 644 x"}},
		{"a folder in the place of one removed", []item{file(".wh.a", ""), folder("a", 0o755)}, []string{"a 755 folder opaque"}},
		{"a folder, and the one below removed", []item{folder("a", 0o755), file(".wh.a", "")}, []string{"a 755 folder opaque"}},
		{"a path through something removed", []item{file(".wh.a", ""), file("a/b", "x")}, []string{"a 755 folder opaque", "a/b 644 x"}},
		{"a folder that hides those below", []item{folder("a", 0o755), file("a/.wh..wh..opq", "")}, []string{"a 755 folder opaque"}},
		{"what aufs notes for itself", []item{folder(".wh..wh.plnk", 0o755), file(".wh..wh.plnk/1.2", ""), file(".wh..wh.aufs", "")}, nil},
		{"a pipe", []item{special("p", tar.TypeFifo)}, []string{"p p---------"}},
		{"long names", []item{file(strings.Repeat(strings.Repeat("n", 200)+"/", 4)+"f", "x")}, []string{
			strings.Repeat("n", 200) + " 755 folder",
			strings.Repeat(strings.Repeat("n", 200)+"/", 1) + strings.Repeat("n", 200) + " 755 folder",
			strings.Repeat(strings.Repeat("n", 200)+"/", 2) + strings.Repeat("n", 200) + " 755 folder",
			strings.Repeat(strings.Repeat("n", 200)+"/", 3) + strings.Repeat("n", 200) + " 755 folder",
			strings.Repeat(strings.Repeat("n", 200)+"/", 4) + "f 644 x",
		}},
	}
	s := testStore(t, Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files, _, err := unpacked(t, s, pack(t, tt.items...))
			require.NoError(t, err)
			require.Equal(t, tt.want, tree(t, files))
		})
	}
}

func TestLayersThatAreRefused(t *testing.T) {
	tests := []struct {
		name  string
		items []item
		says  string
	}{
		{"dots", []item{file("../a", "x")}, "leads out"},
		{"dots in the middle", []item{file("a/../../b", "x")}, "leads out"},
		{"a link to follow", []item{symlink("a", "/tmp"), file("a/b", "x")}, "symbolic link /a"},
		{"a link inside the layer to follow", []item{folder("d", 0o755), symlink("a", "d"), file("a/b", "x")}, "symbolic link /a"},
		{"a folder below a link", []item{symlink("a", "/tmp"), folder("a/b", 0o755)}, "symbolic link /a"},
		{"removing through a link", []item{symlink("a", "/tmp"), file("a/.wh.b", "")}, "symbolic link /a"},
		{"hiding through a link", []item{symlink("a", "/tmp"), file("a/.wh..wh..opq", "")}, "symbolic link /a"},
		{"a hard link through a link", []item{symlink("a", "/etc"), hardlink("b", "a/passwd")}, "links to /a/passwd: not a directory"},
		{"a hard link out", []item{hardlink("b", "../../etc/passwd")}, "leads out"},
		{"a hard link to a folder", []item{folder("a", 0o755), hardlink("b", "a")}, "links to /a: operation not permitted"},
		{"a hard link to what is removed", []item{file(".wh.a", ""), hardlink("b", "a")}, "removes"},
		{"below a file", []item{file("a", "x"), file("a/b", "x")}, "not a folder"},
		{"a device", []item{special("a", tar.TypeChar)}, "device node"},
		{"a device in another dev", []item{special("x/dev/null", tar.TypeBlock)}, "device node"},
		{"removing the parent", []item{file("a/.wh...", "")}, "from itself"},
		{"removing itself", []item{file("a/.wh..", "")}, "from itself"},
		{"removing nothing", []item{file("a/.wh.", "")}, "from itself"},
		{"inside of what is removed", []item{file(".wh.a/b", "")}, "is removed"},
		{"a root that is a file", []item{file("./.", "x")}, "root"},
		{"a name too long", []item{file(strings.Repeat("n", 300), "x")}, "too long"},
		{"an unknown kind", []item{special("a", 'Z')}, "unknown kind"},
	}
	s := testStore(t, Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := unpacked(t, s, pack(t, tt.items...))
			require.ErrorContains(t, err, tt.says)
		})
	}
}

func TestDevicesBelowDevAreLeftOut(t *testing.T) {
	files, n, err := unpacked(t, testStore(t, Options{}), pack(t, folder("dev", 0o755), special("dev/null", tar.TypeChar), special("./dev/sub/sda", tar.TypeBlock)))
	require.NoError(t, err)
	require.Equal(t, []string{"/dev/null", "/dev/sub/sda"}, n.LeftOut)
	require.Equal(t, []string{"dev 755 folder"}, tree(t, files))
}

func TestModesThatLockTheirOwnerOut(t *testing.T) {
	files, _, err := unpacked(t, testStore(t, Options{}), pack(t, folder("locked", 0), file("locked/in", "x"), folder("locked/deeper", 0o111), file("locked/deeper/in", "y")))
	require.NoError(t, err)
	var st unix.Stat_t
	require.NoError(t, unix.Lstat(filepath.Join(files, "locked"), &st))
	require.Zero(t, st.Mode&0o7777)
	require.NoError(t, os.Chmod(filepath.Join(files, "locked"), 0o700)) // to look into it
	require.NoError(t, unix.Lstat(filepath.Join(files, "locked", "deeper"), &st))
	require.Equal(t, uint32(0o111), st.Mode&0o7777)
}

func TestHardLinksShareTheirFile(t *testing.T) {
	files, _, err := unpacked(t, testStore(t, Options{}), pack(t, file("a", "x"), hardlink("b", "a")))
	require.NoError(t, err)
	a, err := os.Stat(filepath.Join(files, "a"))
	require.NoError(t, err)
	b, err := os.Stat(filepath.Join(files, "b"))
	require.NoError(t, err)
	require.True(t, os.SameFile(a, b))
}

func TestAHardLinkToALayerBelowIsACopy(t *testing.T) {
	s := testStore(t, Options{})
	lowest, _, err := unpacked(t, s, pack(t, folder("d", 0o755), item{tar.Header{Name: "d/a", Typeflag: tar.TypeReg, Mode: 0o751}, "x"}, file("gone", "x"), file("h/hidden", "x")))
	require.NoError(t, err)
	middle, _, err := unpacked(t, s, pack(t, file(".wh.gone", ""), file("h/.wh..wh..opq", ""), symlink("l", "d/a")))
	require.NoError(t, err)

	layer := pack(t, hardlink("b", "d/a"))
	_, _, err = unpacked(t, s, layer)
	require.ErrorIs(t, err, errNeedsBelow)
	files, _, err := unpacked(t, s, layer, middle, lowest)
	require.NoError(t, err)
	require.Equal(t, []string{"b 751 x"}, tree(t, files))
	for _, target := range []string{"gone", "h/hidden", "l", "d", "no"} {
		_, _, err := unpacked(t, s, pack(t, hardlink("b", target)), middle, lowest)
		require.ErrorIs(t, err, fs.ErrNotExist, target)
	}
}

func TestExtendedAttributes(t *testing.T) {
	attrs := map[string]string{"SCHILY.xattr.user.kept": "v\x01", "SCHILY.xattr.user.overlay.redirect": "/etc", "SCHILY.xattr.security.capability": "cap", "SCHILY.xattr.trusted.x": "y"}
	f, d := file("f", "x"), folder("d", 0o755)
	f.PAXRecords, d.PAXRecords = attrs, attrs
	files, _, err := unpacked(t, testStore(t, Options{}), pack(t, f, d))
	require.NoError(t, err)
	for _, name := range []string{"f", "d"} {
		list := make([]byte, 1000)
		n, err := unix.Llistxattr(filepath.Join(files, name), list)
		require.NoError(t, err)
		require.Equal(t, "user.kept\x00", string(list[:n]))
	}
}

func TestFilesOfZerosAreHoles(t *testing.T) {
	zeros := strings.Repeat("\x00", 1<<20)
	files, _, err := unpacked(t, testStore(t, Options{}), pack(t, file("all", zeros), file("middle", "begin"+zeros+"end"), file("short", "\x00\x00")))
	require.NoError(t, err)
	for name, want := range map[string]string{"all": zeros, "middle": "begin" + zeros + "end", "short": "\x00\x00"} {
		b, err := os.ReadFile(filepath.Join(files, name))
		require.NoError(t, err)
		require.Equal(t, want, string(b), name)
	}
	var st unix.Stat_t
	require.NoError(t, unix.Stat(filepath.Join(files, "all"), &st))
	require.Zero(t, st.Blocks)
}

func TestTimesStay(t *testing.T) {
	then := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	f, d, l := file("d/f", "x"), folder("d", 0o755), symlink("l", "d")
	f.ModTime, d.ModTime, l.ModTime = then, then, then
	files, _, err := unpacked(t, testStore(t, Options{}), pack(t, d, f, l))
	require.NoError(t, err)
	for _, name := range []string{"d", "d/f", "l"} {
		st, err := os.Lstat(filepath.Join(files, name))
		require.NoError(t, err)
		require.True(t, then.Equal(st.ModTime()), "%s %v", name, st.ModTime())
	}
}

func TestLayersThatAreTooLarge(t *testing.T) {
	s := testStore(t, Options{LayerBytes: 1000, LayerEntries: 10})
	_, _, err := unpacked(t, s, pack(t, file("a", strings.Repeat("x", 600)), file("b", strings.Repeat("x", 600))))
	require.ErrorContains(t, err, "1000 bytes")
	_, _, err = unpacked(t, s, pack(t, slices.Repeat([]item{file("a", "")}, 11)...))
	require.ErrorContains(t, err, "10 entries")
	// It is refused before it is read.
	var b bytes.Buffer
	require.NoError(t, tar.NewWriter(&b).WriteHeader(&tar.Header{Name: "a", Typeflag: tar.TypeReg, Size: 1 << 50}))
	_, _, err = unpacked(t, s, b.Bytes())
	require.ErrorContains(t, err, "1000 bytes")
}

func TestUnpackingIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := testStore(t, Options{})
	_, err := s.unpackInto(ctx, filepath.Join(t.TempDir(), "files"), bytes.NewReader(pack(t, file("a", "x"))), nil)
	require.ErrorIs(t, err, context.Canceled)
}

// FuzzUnpack unpacks whatever comes, beside a file that must not change and in
// a folder in which nothing else may appear.
func FuzzUnpack(f *testing.F) {
	f.Add(pack(f, folder("a", 0o755), file("a/b", "x"), symlink("l", "../.."), hardlink("h", "a/b"), file(".wh.gone", ""), file("a/.wh..wh..opq", "")))
	f.Add(pack(f, symlink("a", "../outside"), file("a", "y"), hardlink("b", "a"), file("a/c", "z")))
	f.Add(pack(f, symlink("a", ".."), folder("a", 0), symlink("a", "../outside"), hardlink("a/x", "a")))
	f.Add(pack(f, special("dev/null", tar.TypeChar), special("p", tar.TypeFifo), file("../outside", "z")))
	sparse, pax := file("s", strings.Repeat("\x00", 9000)), file("p", "x")
	sparse.Format, pax.PAXRecords = tar.FormatGNU, map[string]string{"SCHILY.xattr.user.a": "b", "mtime": "1.5"}
	f.Add(pack(f, sparse, pax))

	dir := f.TempDir()
	outside := filepath.Join(dir, "outside")
	require.NoError(f, os.WriteFile(outside, []byte("untouched"), 0o644))
	s, err := Open(filepath.Join(f.TempDir(), "store"), Options{LayerBytes: 1 << 20, LayerEntries: 1000})
	require.NoError(f, err)
	below := filepath.Join(f.TempDir(), "below")
	_, err = s.unpackInto(f.Context(), below, bytes.NewReader(pack(f, file("a/b", "below"), file("gone", "below"))), nil)
	require.NoError(f, err)
	before := tree(f, below)
	then, err := os.Stat(outside)
	require.NoError(f, err)

	f.Fuzz(func(t *testing.T, data []byte) {
		files := filepath.Join(dir, "files")
		n, err := s.unpackInto(t.Context(), files, bytes.NewReader(data), []string{below})
		if err == nil {
			require.LessOrEqual(t, n.Bytes, int64(1<<20))
			require.NoError(t, filepath.WalkDir(files, func(path string, d fs.DirEntry, err error) error {
				if os.Geteuid() != 0 && errors.Is(err, fs.ErrPermission) {
					return nil
				}
				if err != nil {
					return err
				}
				info, err := d.Info()
				if err != nil {
					return err
				}
				require.Zero(t, info.Mode()&(fs.ModeSetuid|fs.ModeSetgid), path)
				st := info.Sys().(*syscall.Stat_t)
				require.False(t, info.Mode()&fs.ModeDevice != 0 && st.Rdev != 0, path)
				return nil
			}))
		}
		require.NoError(t, removeAll(files))
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, entries, 1)
		now, err := os.Stat(outside)
		require.NoError(t, err)
		require.Equal(t, then.ModTime(), now.ModTime())
		require.Equal(t, then.Mode(), now.Mode())
		b, err := os.ReadFile(outside)
		require.NoError(t, err)
		require.Equal(t, "untouched", string(b))
		require.Equal(t, before, tree(t, below))
	})
}

func TestNames(t *testing.T) {
	for name, want := range map[string]string{"": "", "/": "", "./": "", "a": "a", "/a//b/./c/": "a/b/c", "...": "...", "a..": "a.."} {
		got, err := clean(name)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, name := range []string{"..", "a/..", "/../a", "a\x00b"} {
		_, err := clean(name)
		require.Error(t, err, "%q", name)
	}
}
