//go:build linux

package contain

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// base mounts what the sandbox writes to, and hands that folder to the driver.
func (p *Plan) base() error {
	if len(p.Lowers) == 0 {
		if err := tmpfs(newRoot, unix.MS_NODEV, 0o755, p.DiskBytes, p.DiskFiles); err != nil {
			return err
		}
		return handOver(newRoot)
	}
	if err := tmpfs(scratch, unix.MS_NODEV, 0o755, p.DiskBytes, p.DiskFiles); err != nil {
		return err
	}
	for _, d := range []string{"/upper", "/work"} {
		if err := os.Mkdir(scratch+d, 0o755); err != nil {
			return err
		}
	}
	lower, err := shortNames(p.Lowers)
	if err != nil {
		return err
	}
	err = mount("overlay", newRoot, "overlay", unix.MS_NOSUID|unix.MS_NODEV,
		fmt.Sprintf("lowerdir=%s,upperdir=%s/upper,workdir=%s/work,userxattr", lower, scratch, scratch))
	return errors.Join(err, os.Chdir("/"), handOver(scratch+"/upper"))
}

// shortNames gives the lower folders names that are short and hold no colon,
// for there is one page for all options of a mount, which images of a hundred
// layers would outgrow. They count from the working directory.
func shortNames(lowers []string) (string, error) {
	const dir = "/lower"
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	if err := os.Chdir(dir); err != nil {
		return "", err
	}
	names := make([]string, len(lowers))
	for i, folder := range lowers {
		names[i] = strconv.Itoa(i)
		if err := os.Symlink(oldRoot+folder, names[i]); err != nil {
			return "", err
		}
	}
	return strings.Join(names, ":"), nil
}

// handOver sends the driver a folder: on a mount of its own, so that what is
// mounted over parts of it does not matter.
func handOver(dir string) error {
	fd, err := unix.OpenTree(unix.AT_FDCWD, dir, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("open_tree", err)
	}
	defer unix.Close(fd)
	return errors.Join(os.NewSyscallError("sendmsg", unix.Sendmsg(WrittenFD, []byte{0}, unix.UnixRights(fd), nil, 0)), unix.Close(WrittenFD))
}

// fill makes what the plan wants to be there.
func (p *Plan) fill() error {
	root, err := openTree(newRoot)
	if err != nil {
		return err
	}
	defer root.close()
	for _, d := range []string{"proc", "dev", "etc"} {
		if err := root.real(d); err != nil {
			return fmt.Errorf("making /%s: %w", d, err)
		}
	}
	for _, d := range p.Folders {
		if err := root.mkdir(d, 0o755); err != nil {
			return fmt.Errorf("making %s: %w", d, err)
		}
	}
	for _, d := range p.ForAll {
		if err := root.mkdir(d, 0o1777); err != nil {
			return fmt.Errorf("making %s: %w", d, err)
		}
	}
	for name, target := range p.Links {
		if err := root.symlink(target, name); err != nil {
			return fmt.Errorf("making %s: %w", name, err)
		}
	}
	for name, text := range p.Files {
		if err := root.write(name, text); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return nil
}

// bind shows a file or folder of the host, with all that is mounted below it.
func bind(b Bind) error {
	source, err := unix.OpenTree(unix.AT_FDCWD, oldRoot+b.Source, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return fmt.Errorf("showing %s: %w", b.Source, err)
	}
	defer unix.Close(source)
	root, err := openTree(newRoot)
	if err != nil {
		return err
	}
	defer root.close()
	target, err := root.mountPoint(source, b.Target)
	if err != nil {
		return fmt.Errorf("showing %s: a place for it: %w", b.Source, err)
	}
	defer unix.Close(target)
	if err := unix.MoveMount(source, "", target, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH); err != nil {
		return fmt.Errorf("showing %s at %s: %w", b.Source, b.Target, err)
	}
	return nil
}

// protect makes all that is bound read-only, at once: a call for each mount
// would take longer than the mounts do. Only the root itself stays writable.
func (p *Plan) protect() error {
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV}
	if err := unix.MountSetattr(unix.AT_FDCWD, newRoot, unix.AT_RECURSIVE, &attr); err != nil {
		return fmt.Errorf("making what is shown of the host read-only: %w", err)
	}
	attr = unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY}
	if err := unix.MountSetattr(unix.AT_FDCWD, newRoot, 0, &attr); err != nil {
		return fmt.Errorf("making the root writable: %w", err)
	}
	for _, b := range p.Binds {
		if b.Source != os.DevNull {
			continue
		}
		// It covers a file that is to look empty.
		attr := unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_NODEV}
		if err := unix.MountSetattr(unix.AT_FDCWD, newRoot+b.Target, 0, &attr); err != nil {
			return fmt.Errorf("covering %s: %w", b.Target, err)
		}
	}
	return nil
}

// A tree is the new root, seen from outside as it will be seen from inside: the
// symbolic links in it, which an image or a snapshot of something hostile has
// made, lead nowhere else.
type tree struct{ fd int }

func openTree(path string) (tree, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	return tree{fd}, err
}

func (t tree) close() { _ = unix.Close(t.fd) }

func (t tree) open(path string) (int, error) { return t.resolve(path, 0) }

func (t tree) resolve(path string, also uint64) (int, error) {
	how := unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS | also,
	}
	// Where a path has "..", the kernel says EAGAIN if anything at all was
	// mounted or renamed on the machine meanwhile, for it cannot know then that
	// it stayed below the root (openat2(2)). On a busy machine that happens
	// many times in a row; it ends when there is a moment of quiet.
	for wait := time.Microsecond; ; wait *= 2 {
		fd, err := unix.Openat2(t.fd, path, &how)
		if !errors.Is(err, unix.EAGAIN) || wait > time.Second {
			return fd, err
		}
		time.Sleep(wait)
	}
}

// parent opens the folder in which something is to be made, which is made
// itself if need be. It is never one that the host shows.
func (t tree) parent(path string) (dir int, base string, err error) {
	if err := t.mkdir(filepath.Dir(path), 0o755); err != nil {
		return -1, "", err
	}
	dir, err = t.resolve(filepath.Dir(path), unix.RESOLVE_NO_XDEV)
	return dir, filepath.Base(path), err
}

// mkdir makes a folder where there is none, with those above it.
func (t tree) mkdir(path string, mode uint32) error {
	fd, err := t.open(path)
	if err == nil {
		return unix.Close(fd)
	}
	if !errors.Is(err, unix.ENOENT) || filepath.Dir(path) == path {
		return err
	}
	dir, base, err := t.parent(path)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	if err := unix.Mkdirat(dir, base, mode); err != nil {
		return err
	}
	return unix.Fchmodat(dir, base, mode, 0) // whatever the umask
}

// real makes a folder at the top, in the place of a link or file of that name.
func (t tree) real(name string) error {
	var st unix.Stat_t
	err := unix.Fstatat(t.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return nil
	}
	if err == nil {
		err = unix.Unlinkat(t.fd, name, 0)
	}
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	return unix.Mkdirat(t.fd, name, 0o755)
}

// symlink makes a link, where nothing of that name is there.
func (t tree) symlink(target, path string) error {
	dir, base, err := t.parent(path)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	if err := unix.Symlinkat(target, dir, base); !errors.Is(err, unix.EEXIST) {
		return err
	}
	return nil
}

// write makes a file, in the place of what is there.
func (t tree) write(path, text string) error {
	dir, base, err := t.parent(path)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	if err := unix.Unlinkat(dir, base, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	fd, err := unix.Openat(dir, base, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), path)
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// mountPoint opens a file or folder, made if need be, that source can be
// mounted on.
func (t tree) mountPoint(source int, path string) (int, error) {
	if fd, err := t.open(path); !errors.Is(err, unix.ENOENT) {
		return fd, err
	}
	var st unix.Stat_t
	if err := unix.Fstatat(source, "", &st, unix.AT_EMPTY_PATH); err != nil {
		return -1, err
	}
	var err error
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		err = t.mkdir(path, 0o755)
	} else {
		err = t.write(path, "")
	}
	if err != nil {
		return -1, err
	}
	return t.open(path)
}
