//go:build linux

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// opaque is the attribute of a folder that hides the folders below it, in the
// form that overlayfs reads when an ordinary user mounts it.
const opaque = "user.overlay.opaque"

// openFolder opens a folder below another one. No symbolic link is followed.
func openFolder(dir int, name string) (int, error) {
	return open(dir, name, unix.O_RDONLY|unix.O_DIRECTORY)
}

// open opens what is below a folder. No symbolic link is followed: the kernel
// says ELOOP.
func open(dir int, name string, flags uint64) (int, error) {
	if name == "" {
		name = "."
	}
	return unix.Openat2(dir, name, &unix.OpenHow{
		Flags:   flags | unix.O_CLOEXEC | unix.O_NOFOLLOW,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	})
}

// isWhiteout reports whether a file stands for something that was removed.
func isWhiteout(st *unix.Stat_t) bool {
	return st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == 0
}

// isOpaque reports whether an open folder hides those below it.
func isOpaque(dir int) bool {
	var b [1]byte
	n, err := unix.Fgetxattr(dir, opaque, b[:])
	return err == nil && n == 1 && b[0] == 'y'
}

// clean turns a name in a tar into a path relative to the root, "" for the
// root itself.
func clean(name string) (string, error) {
	var parts []string
	for part := range strings.SplitSeq(name, "/") {
		switch part {
		case "", ".":
		case "..":
			return "", errors.New(`".." leads out of its folder`)
		default:
			parts = append(parts, part)
		}
	}
	if strings.IndexByte(name, 0) >= 0 {
		return "", errors.New("a NUL in the name")
	}
	return strings.Join(parts, "/"), nil
}

// split cuts a clean path into folder and name.
func split(path string) (dir, base string) {
	i := strings.LastIndexByte(path, '/')
	return path[:max(i, 0)], path[i+1:]
}

// removeAll removes a tree, also one with folders that its owner may not write.
func removeAll(dir string) error {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chmod(path, workMode) // before it is read
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	return errors.Join(err, os.RemoveAll(dir))
}

// temporary makes a folder for what is not finished. It is locked until done,
// which removes what is still there, so that others know it is not abandoned.
func (s *Store) temporary() (dir string, done func() error, err error) {
	dir, err = os.MkdirTemp(filepath.Join(s.dir, "layers"), ".new-")
	if err != nil {
		return "", nil, err
	}
	held, err := hold(dir)
	if err != nil {
		return "", nil, errors.Join(err, os.Remove(dir))
	}
	return dir, func() error { defer held.Close(); return removeAll(dir) }, os.Chmod(dir, 0o755)
}

// removeUnfinished removes the temporary folders of processes that are dead.
func (s *Store) removeUnfinished() error {
	left, err := filepath.Glob(filepath.Join(s.dir, "layers", ".new-*"))
	for _, dir := range left {
		st, serr := os.Stat(dir)
		if serr != nil || time.Since(st.ModTime()) < time.Minute {
			continue // it may be about to be locked
		}
		f, oerr := os.Open(dir)
		if oerr != nil {
			continue
		}
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			err = errors.Join(err, removeAll(dir))
		}
		_ = f.Close()
	}
	return err
}

// lookup opens a file, for reading, in a stack of layers, the uppermost first,
// as an overlay of them would show it. A symbolic link is not followed, and
// one in the middle of the path counts as nothing there.
func lookup(folders []string, path string) (*os.File, error) {
	missing := fmt.Errorf("/%s: %w", path, fs.ErrNotExist)
	parts := strings.Split(path, "/")
	for _, folder := range folders {
		dir, err := unix.Open(folder, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", folder, err)
		}
		hides := false
		for i, part := range parts {
			var st unix.Stat_t
			err := unix.Fstatat(dir, part, &st, unix.AT_SYMLINK_NOFOLLOW)
			if errors.Is(err, unix.ENOENT) {
				break // perhaps in a layer below
			}
			last := i == len(parts)-1
			kind := uint32(unix.S_IFDIR)
			if last {
				kind = unix.S_IFREG
			}
			if err == nil && st.Mode&unix.S_IFMT != kind {
				err = missing
			}
			next := -1
			if err == nil {
				next, err = open(dir, part, unix.O_RDONLY|unix.O_NONBLOCK)
			}
			if err == nil && last {
				_ = unix.Close(dir)
				return os.NewFile(uintptr(next), path), nil
			}
			if err != nil {
				_ = unix.Close(dir)
				return nil, err
			}
			_ = unix.Close(dir)
			dir = next
			hides = hides || isOpaque(dir)
		}
		_ = unix.Close(dir)
		if hides {
			break
		}
	}
	return nil, missing
}
