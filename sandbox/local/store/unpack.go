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
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// An unpacker writes the entries of one layer's tar into a folder.
type unpacker struct {
	root   int // the folder, open
	owner  int
	limits struct {
		bytes   int64
		entries int
	}
	below   []string // the folders of the layers below, the uppermost first; nil where they are not known
	folders map[string]*tar.Header
	parent  struct { // the folder of the last entry, open; most entries are in the same one
		path string
		fd   int
	}
	bytes   int64
	entries int
	opaque  bool // the whole layer hides those below
	leftOut []string
	buf     []byte
}

// errNeedsBelow says that a layer refers to files of the layers below it.
var errNeedsBelow = errors.New("refers to the layers below it")

// Modes while a layer is unpacked, and of folders that have no entry.
const (
	workMode    = 0o700
	defaultMode = 0o755
	modeBits    = 0o1777 // without set-user-ID and set-group-ID
)

const whiteoutPrefix, opaqueMark, metadataPrefix = ".wh.", ".wh..wh..opq", ".wh..wh."

// unpack reads a tar to its end.
func (u *unpacker) unpack(ctx context.Context, r io.Reader) error {
	u.folders = map[string]*tar.Header{"": nil}
	u.parent.fd = -1
	defer u.leave()
	u.buf = make([]byte, 256<<10)
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("reading the tar: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if u.entries++; u.entries > u.limits.entries {
			return fmt.Errorf("more than %d entries", u.limits.entries)
		}
		if err := u.entry(ctx, h, tr); err != nil {
			return fmt.Errorf("entry %q: %w", h.Name, err)
		}
	}
	u.leave()
	return u.finish()
}

func (u *unpacker) entry(ctx context.Context, h *tar.Header, r io.Reader) error {
	path, err := clean(h.Name)
	if err != nil {
		return err
	}
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	dir, base := split(path)
	if strings.HasPrefix(path, metadataPrefix) && path != opaqueMark || strings.Contains(path, "/"+metadataPrefix) && base != opaqueMark {
		return nil // what aufs noted for itself
	}
	if strings.HasPrefix(dir, whiteoutPrefix) || strings.Contains(dir, "/"+whiteoutPrefix) {
		return errors.New("inside of something that is removed")
	}
	switch h.Typeflag {
	case tar.TypeChar, tar.TypeBlock:
		if strings.HasPrefix(path, "dev/") {
			u.leftOut = append(u.leftOut, "/"+path)
			return nil
		}
		return errors.New("a device node outside of /dev")
	}
	if path == "" {
		if h.Typeflag != tar.TypeDir {
			return errors.New("the root is not a folder")
		}
		u.folders[""] = h
		return nil
	}
	parent, err := u.enter(dir)
	if err != nil {
		return err
	}
	if base == opaqueMark {
		u.opaque = u.opaque || dir == ""
		return setOpaque(parent)
	}
	if name, ok := strings.CutPrefix(base, whiteoutPrefix); ok {
		return u.whiteout(parent, name)
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return u.folder(parent, path, base, h)
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		return u.file(ctx, parent, path, base, h, r)
	case tar.TypeLink:
		return u.link(ctx, parent, path, base, h)
	case tar.TypeSymlink:
		return u.replace(parent, path, base, func() error {
			if err := unix.Symlinkat(h.Linkname, parent, base); err != nil {
				return err
			}
			return u.dress(parent, base, h)
		})
	case tar.TypeFifo:
		return u.replace(parent, path, base, func() error {
			if err := unix.Mknodat(parent, base, unix.S_IFIFO|workMode, 0); err != nil {
				return err
			}
			return errors.Join(unix.Fchmodat(parent, base, uint32(h.Mode)&modeBits, 0), u.dress(parent, base, h))
		})
	}
	return fmt.Errorf("of the unknown kind %q", h.Typeflag)
}

// enter opens the folder at path, and makes what of it is missing.
func (u *unpacker) enter(path string) (int, error) {
	if u.parent.fd >= 0 && u.parent.path == path {
		return u.parent.fd, nil
	}
	u.leave()
	fd, err := openFolder(u.root, path)
	if err != nil {
		fd, err = u.make(path)
	}
	if err != nil {
		return -1, err
	}
	u.parent.path, u.parent.fd = path, fd
	return fd, nil
}

// leave closes the folder of the last entry.
func (u *unpacker) leave() {
	if u.parent.fd >= 0 {
		_ = unix.Close(u.parent.fd)
		u.parent.fd = -1
	}
}

func (u *unpacker) make(path string) (int, error) {
	at, err := openFolder(u.root, "")
	if err != nil {
		return -1, err
	}
	for i, part := range strings.Split(path, "/") {
		var st unix.Stat_t
		err := unix.Fstatat(at, part, &st, unix.AT_SYMLINK_NOFOLLOW)
		missing, gone := errors.Is(err, unix.ENOENT), err == nil && isWhiteout(&st)
		upTo := strings.Join(strings.Split(path, "/")[:i+1], "/")
		switch {
		case missing, gone:
			err = u.mkdir(at, part, gone)
			u.folders[upTo] = nil
		case err == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK:
			err = fmt.Errorf("its path leads through the symbolic link /%s", upTo)
		case err == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR:
			err = fmt.Errorf("its path leads through /%s, which is not a folder", upTo)
		}
		next := -1
		if err == nil {
			next, err = openFolder(at, part)
		}
		_ = unix.Close(at)
		if err != nil {
			return -1, err
		}
		at = next
	}
	return at, nil
}

// mkdir makes a folder; one in the place of something removed hides it.
func (u *unpacker) mkdir(parent int, base string, hide bool) error {
	if hide {
		if err := unix.Unlinkat(parent, base, 0); err != nil {
			return err
		}
	}
	if err := unix.Mkdirat(parent, base, workMode); err != nil || !hide {
		return err
	}
	fd, err := openFolder(parent, base)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return setOpaque(fd)
}

func setOpaque(dir int) error { return unix.Fsetxattr(dir, opaque, []byte("y"), 0) }

// whiteout notes that name is removed from the layers below. What this layer
// itself has under that name stays.
func (u *unpacker) whiteout(parent int, name string) error {
	if name == "" || name == "." || name == ".." {
		return errors.New("removes a folder from itself")
	}
	var st unix.Stat_t
	err := unix.Fstatat(parent, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	switch {
	case errors.Is(err, unix.ENOENT):
		return unix.Mknodat(parent, name, unix.S_IFCHR, 0)
	case err != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return err
	}
	fd, err := openFolder(parent, name)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return setOpaque(fd)
}

func (u *unpacker) folder(parent int, path, base string, h *tar.Header) error {
	var st unix.Stat_t
	err := unix.Fstatat(parent, base, &st, unix.AT_SYMLINK_NOFOLLOW)
	switch {
	case errors.Is(err, unix.ENOENT):
		err = u.mkdir(parent, base, false)
	case err != nil:
	case isWhiteout(&st):
		err = u.mkdir(parent, base, true)
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		err = u.replace(parent, path, base, func() error { return unix.Mkdirat(parent, base, workMode) })
	}
	if err == nil {
		u.folders[path] = h
	}
	return err
}

// replace makes something, in the place of what an earlier entry has made.
func (u *unpacker) replace(parent int, path, base string, do func() error) error {
	err := do()
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	err = unix.Unlinkat(parent, base, 0)
	if errors.Is(err, unix.EISDIR) {
		maps.DeleteFunc(u.folders, func(p string, _ *tar.Header) bool { return p == path || strings.HasPrefix(p, path+"/") })
		// It goes by descriptors, and follows no symbolic link.
		err = os.RemoveAll(fmt.Sprintf("/proc/self/fd/%d/%s", parent, base))
	}
	if err != nil {
		return err
	}
	return do()
}

func (u *unpacker) file(ctx context.Context, parent int, path, base string, h *tar.Header, r io.Reader) error {
	if h.Size < 0 || h.Size > u.limits.bytes-u.bytes {
		return fmt.Errorf("the layer has more than %d bytes", u.limits.bytes)
	}
	u.bytes += h.Size
	fd := -1
	err := u.replace(parent, path, base, func() (err error) {
		fd, err = unix.Openat(parent, base, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		return err
	})
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := u.write(ctx, fd, r, h.Size); err != nil {
		return err
	}
	if err := u.attributes(fd, h); err != nil {
		return err
	}
	if u.owner != 0 {
		if err := unix.Fchown(fd, u.owner, u.owner); err != nil {
			return err
		}
	}
	if err := unix.Fchmod(fd, uint32(h.Mode)&modeBits); err != nil {
		return err
	}
	return touch(parent, base, h.ModTime)
}

// write copies a file, with a hole wherever it has nothing but zeros.
func (u *unpacker) write(ctx context.Context, fd int, r io.Reader, size int64) error {
	const block = 4096
	var zeros [block]byte
	hole := false
	for left := size; left > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := u.buf[:min(left, int64(len(u.buf)))]
		if _, err := io.ReadFull(r, b); err != nil {
			return err
		}
		left -= int64(len(b))
		for len(b) > 0 {
			n := 0 // how far the zeros, or the data, go on
			isZero := func() bool { k := min(len(b)-n, block); return bytes.Equal(b[n:n+k], zeros[:k]) }
			for hole = isZero(); n < len(b) && isZero() == hole; {
				n += min(len(b)-n, block)
			}
			if hole {
				if _, err := unix.Seek(fd, int64(n), io.SeekCurrent); err != nil {
					return err
				}
			}
			for part := b[:n]; !hole && len(part) > 0; {
				k, err := unix.Write(fd, part)
				if err != nil {
					return err
				}
				part = part[k:]
			}
			b = b[n:]
		}
	}
	if hole {
		return unix.Ftruncate(fd, size)
	}
	return nil
}

// link makes a hard link to an earlier entry. What is in a layer below cannot
// be linked to; it is copied.
func (u *unpacker) link(ctx context.Context, parent int, path, base string, h *tar.Header) error {
	target, err := clean(h.Linkname)
	if err != nil {
		return err
	}
	if target == path {
		return nil
	}
	dir, name := split(target)
	from, err := openFolder(u.root, dir)
	if err == nil {
		defer unix.Close(from)
		var st unix.Stat_t
		if err = unix.Fstatat(from, name, &st, unix.AT_SYMLINK_NOFOLLOW); err == nil && isWhiteout(&st) {
			return fmt.Errorf("links to /%s, which this layer removes", target)
		}
	}
	if err == nil {
		err = u.replace(parent, path, base, func() error { return unix.Linkat(from, name, parent, base, 0) })
		if err == nil {
			return nil
		}
	}
	if !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("links to /%s: %w", target, err)
	}
	if u.below == nil {
		return errNeedsBelow
	}
	source, err := lookup(u.below, target)
	if err != nil {
		return fmt.Errorf("links to what is not there: %w", err)
	}
	defer source.Close()
	st, err := source.Stat()
	if err != nil {
		return err
	}
	return u.file(ctx, parent, path, base, &tar.Header{Mode: int64(st.Mode().Perm()), Size: st.Size(), ModTime: st.ModTime()}, source)
}

// finish gives folders what they are to have in the end. Before that they had
// to be open to this process.
func (u *unpacker) finish() error {
	for _, path := range slices.Backward(slices.Sorted(maps.Keys(u.folders))) {
		h := u.folders[path]
		if h == nil {
			h = &tar.Header{Mode: defaultMode, ModTime: time.Unix(0, 0)}
		}
		if err := u.finishFolder(path, h); err != nil {
			return fmt.Errorf("folder /%s: %w", path, err)
		}
	}
	return nil
}

func (u *unpacker) finishFolder(path string, h *tar.Header) error {
	fd, err := openFolder(u.root, path)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := u.attributes(fd, h); err != nil {
		return err
	}
	if u.owner != 0 {
		if err := unix.Fchown(fd, u.owner, u.owner); err != nil {
			return err
		}
	}
	if err := touch(fd, "", h.ModTime); err != nil {
		return err
	}
	return unix.Fchmod(fd, uint32(h.Mode)&modeBits)
}

// attributes sets the extended attributes that are kept.
func (u *unpacker) attributes(fd int, h *tar.Header) error {
	for key, value := range h.PAXRecords {
		name, ok := strings.CutPrefix(key, "SCHILY.xattr.")
		if !ok || !strings.HasPrefix(name, "user.") || strings.HasPrefix(name, "user.overlay.") {
			continue
		}
		err := unix.Fsetxattr(fd, name, []byte(value), 0)
		if err != nil && !errors.Is(err, unix.ENOTSUP) {
			return fmt.Errorf("extended attribute %q: %w", name, err)
		}
	}
	return nil
}

// dress gives what has no descriptor its owner and time.
func (u *unpacker) dress(parent int, base string, h *tar.Header) error {
	if u.owner != 0 {
		if err := unix.Fchownat(parent, base, u.owner, u.owner, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
	}
	return touch(parent, base, h.ModTime)
}

// touch sets the time of a file in a folder, or of the folder itself.
func touch(dir int, base string, t time.Time) error {
	flags := unix.AT_SYMLINK_NOFOLLOW
	if base == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	ts := unix.Timespec{Sec: t.Unix(), Nsec: int64(t.Nanosecond())}
	return os.NewSyscallError("utimensat", unix.UtimesNanoAt(dir, base, []unix.Timespec{{Nsec: unix.UTIME_OMIT}, ts}, flags))
}
