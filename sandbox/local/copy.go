//go:build linux

package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// A copier copies the files of a sandbox that runs, and may be hostile: it goes
// by open folders, follows no symbolic link, and waits for nothing that has a
// file's name and is none.
type copier struct {
	to    int               // the folder that all is copied into, open
	owner int               // who gets the copies; 0 for the user of this process
	links map[uint64]string // inodes with several names: the path of the first copy
	bytes int64
}

// deepest bounds how deep folders are copied: each level holds two descriptors,
// and no path of more than 4096 bytes can be used anyhow.
const deepest = 2048

// modeBits are what is kept of a mode: set-user-ID means nothing inside, and
// would be a danger on the host.
const modeBits = 0o1777

// folder copies what is in one folder into another.
func (c *copier) folder(ctx context.Context, from, to int, path string, depth int) error {
	if depth > deepest {
		return errors.New("folders deeper than paths can be")
	}
	names, err := list(from)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := c.entry(ctx, from, to, path+"/"+name, name, depth); err != nil {
			return err
		}
	}
	return nil
}

// all copies what is in one open folder into another.
func (c *copier) all(ctx context.Context, from, to int) error {
	var st unix.Stat_t
	if err := unix.Fstat(from, &st); err != nil {
		return err
	}
	if err := c.folder(ctx, from, to, "", 0); err != nil {
		return err
	}
	return c.finish(from, to, &st)
}

// list reads the names in an open folder.
func list(dir int) ([]string, error) {
	fd, err := unix.Openat(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "folder")
	defer f.Close()
	return f.Readdirnames(-1)
}

func (c *copier) entry(ctx context.Context, from, to int, path, name string, depth int) (err error) {
	defer func() {
		if err != nil && !strings.HasPrefix(err.Error(), "copying ") {
			err = fmt.Errorf("copying %s: %w", path, err)
		}
	}()
	var st unix.Stat_t
	err = unix.Fstatat(from, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) {
		return nil // removed just now
	}
	if err != nil {
		return err
	}
	kind := st.Mode & unix.S_IFMT
	if kind != unix.S_IFDIR && st.Nlink > 1 {
		if first, ok := c.links[st.Ino]; ok {
			return unix.Linkat(c.to, first, to, name, 0)
		}
		defer func() {
			if err == nil && (kind == unix.S_IFREG || kind == unix.S_IFLNK) {
				c.links[st.Ino] = strings.TrimPrefix(path, "/")
			}
		}()
	}
	switch kind {
	case unix.S_IFDIR, unix.S_IFREG:
		return c.opened(ctx, from, to, path, name, &st, depth)
	case unix.S_IFLNK:
		return c.symlink(from, to, name, &st)
	case unix.S_IFCHR:
		if st.Rdev == 0 { // something of the layers below was removed
			return unix.Mknodat(to, name, unix.S_IFCHR, 0)
		}
	}
	return nil // sockets and pipes mean nothing without their processes
}

// opened copies a folder or a regular file.
func (c *copier) opened(ctx context.Context, from, to int, path, name string, st *unix.Stat_t, depth int) error {
	fd, restore, err := openReadable(from, name, st)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	defer restore()
	source := os.NewFile(uintptr(fd), path)
	defer source.Close()
	var now unix.Stat_t
	if err := unix.Fstat(fd, &now); err != nil {
		return err
	}
	if now.Ino != st.Ino {
		return errors.New("it was replaced meanwhile")
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		if err := unix.Mkdirat(to, name, 0o700); err != nil {
			return err
		}
		target, err := unix.Openat(to, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(target)
		if err := c.folder(ctx, fd, target, path, depth+1); err != nil {
			return err
		}
		return c.finish(fd, target, st)
	}
	out, err := unix.Openat(to, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	target := os.NewFile(uintptr(out), path)
	defer target.Close()
	if err := c.data(ctx, source, target, now.Size); err != nil {
		return err
	}
	return c.finish(fd, out, st)
}

// openReadable opens a file or folder. The sandbox's user may have taken the
// right to read from itself, and an ordinary user outside is the same one; it
// is given back until restore.
func openReadable(dir int, name string, st *unix.Stat_t) (fd int, restore func(), err error) {
	const flags = unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC
	kept := func() {}
	need := uint32(unix.S_IRUSR)
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		need |= unix.S_IXUSR
	}
	if os.Geteuid() == 0 || st.Mode&need == need {
		fd, err = unix.Openat(dir, name, flags, 0)
		return fd, kept, err
	}
	path, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, kept, err
	}
	var now unix.Stat_t
	if err := unix.Fstat(path, &now); err != nil || now.Ino != st.Ino {
		_ = unix.Close(path)
		return -1, kept, errors.Join(errors.New("it was replaced meanwhile"), err)
	}
	proc := fmt.Sprintf("/proc/self/fd/%d", path)
	restore = func() {
		_ = unix.Chmod(proc, st.Mode&0o7777)
		_ = unix.Close(path)
	}
	if err = unix.Chmod(proc, st.Mode&0o7777|need); err == nil {
		fd, err = unix.Openat(dir, name, flags, 0)
	}
	if err != nil {
		restore()
		return -1, kept, err
	}
	return fd, restore, nil
}

// data copies the parts of a file that are no holes.
func (c *copier) data(ctx context.Context, from, to *os.File, size int64) error {
	for at := int64(0); at < size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		start, err := from.Seek(at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break // a hole to the end
		}
		if err != nil {
			return err
		}
		end, err := from.Seek(start, unix.SEEK_HOLE)
		if err != nil {
			return err
		}
		end = min(end, size, start+64<<20) // so that a cancelled copy ends soon
		if _, err := from.Seek(start, io.SeekStart); err != nil {
			return err
		}
		if _, err := to.Seek(start, io.SeekStart); err != nil {
			return err
		}
		n, err := io.CopyN(to, from, end-start)
		c.bytes += n
		if errors.Is(err, io.EOF) {
			break // it became shorter
		}
		if err != nil {
			return err
		}
		at = end
	}
	return to.Truncate(size)
}

func (c *copier) symlink(from, to int, name string, st *unix.Stat_t) error {
	b := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(from, name, b)
	if err != nil {
		return err
	}
	if err := unix.Symlinkat(string(b[:n]), to, name); err != nil {
		return err
	}
	if c.owner != 0 {
		if err := unix.Fchownat(to, name, c.owner, c.owner, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
	}
	return unix.UtimesNanoAt(to, name, []unix.Timespec{{Nsec: unix.UTIME_OMIT}, st.Mtim}, unix.AT_SYMLINK_NOFOLLOW)
}

// finish gives an open copy the attributes, owner, time and mode.
func (c *copier) finish(from, to int, st *unix.Stat_t) error {
	if err := copyAttributes(from, to); err != nil {
		return err
	}
	if c.owner != 0 {
		if err := unix.Fchown(to, c.owner, c.owner); err != nil {
			return err
		}
	}
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, st.Mtim}
	if err := unix.UtimesNanoAt(to, "", times, unix.AT_EMPTY_PATH); err != nil {
		return err
	}
	return unix.Fchmod(to, st.Mode&modeBits)
}

// copyAttributes copies the extended attributes of the user namespace; of those
// that overlayfs has for itself only the one that says that a folder hides
// those below.
func copyAttributes(from, to int) error {
	names := make([]byte, 64<<10)
	n, err := unix.Flistxattr(from, names)
	if errors.Is(err, unix.ENOTSUP) {
		return nil
	}
	if err != nil {
		return err
	}
	for name := range bytes.SplitSeq(bytes.TrimRight(names[:n], "\x00"), []byte{0}) {
		name := string(name)
		if !strings.HasPrefix(name, "user.") || strings.HasPrefix(name, "user.overlay.") && name != "user.overlay.opaque" {
			continue
		}
		value := make([]byte, 64<<10)
		n, err := unix.Fgetxattr(from, name, value)
		if err == nil {
			err = unix.Fsetxattr(to, name, value[:n], 0)
		}
		if err != nil && !errors.Is(err, unix.ENOTSUP) && !errors.Is(err, unix.ENODATA) {
			return fmt.Errorf("extended attribute %q: %w", name, err)
		}
	}
	return nil
}
