//go:build linux

package local

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Snapshot implements sandbox.Instance: it copies the sandbox's own files, and
// not what is mounted over them, into a folder that later sandboxes have as the
// lower layer of an overlay.
func (in *instance) Snapshot(ctx context.Context, image string) (err error) {
	target := in.driver.snapshotDir(image)
	if _, err := os.Stat(target); err == nil {
		return nil // somebody else was first
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("snapshot of sandbox %s: %w", in.id, err)
		}
	}()
	pid := in.cmd.Process.Pid
	mounts, err := mountPoints(pid)
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(target), ".new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp) // renamed away when all went well
	c := copier{from: fmt.Sprintf("/proc/%d/root", pid), to: temp, skip: mounts, asRoot: os.Geteuid() == 0}
	if err := c.copy(ctx); err != nil {
		return err
	}
	if err := os.Rename(temp, target); err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, unix.ENOTEMPTY) {
		return err
	}
	return nil
}

// removeUnfinished removes what snapshots that were killed have left.
func removeUnfinished(dir string) error {
	const long = time.Hour // no snapshot takes that
	left, err := filepath.Glob(filepath.Join(dir, ".new-*"))
	for _, path := range left {
		if st, serr := os.Stat(path); serr == nil && time.Since(st.ModTime()) > long {
			err = errors.Join(err, os.RemoveAll(path))
		}
	}
	return err
}

// mountPoints lists what is mounted in a process's root, the root itself
// excepted.
func mountPoints(pid int) (map[string]bool, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/mountinfo", pid))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	points := make(map[string]bool)
	for s := bufio.NewScanner(f); s.Scan(); {
		fields := strings.Fields(s.Text())
		if len(fields) > 4 && fields[4] != "/" {
			points[unescape(fields[4])] = true
		}
	}
	return points, nil
}

// unescape undoes the octal escapes of mountinfo.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

type copier struct {
	from   string
	to     string
	skip   map[string]bool
	asRoot bool // this process is root, the files are not root's
}

func (c *copier) copy(ctx context.Context) error {
	type folder struct {
		path string
		info fs.FileInfo
	}
	var folders []folder
	err := filepath.WalkDir(c.from+"/", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		rel := "/" + strings.Trim(strings.TrimPrefix(p, c.from), "/")
		if c.skip[rel] {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		target := filepath.Join(c.to, rel)
		switch mode := info.Mode(); {
		case mode.IsDir():
			folders = append(folders, folder{target, info})
			if err := os.MkdirAll(target, 0o755); err != nil {
				return err
			}
		case mode.IsRegular():
			if err := copyFile(p, target, info); err != nil {
				return err
			}
		case mode&fs.ModeSymlink != 0:
			link, err := os.Readlink(p)
			if err != nil {
				return err
			}
			if err := os.Symlink(link, target); err != nil {
				return err
			}
		default:
			return nil // sockets and pipes mean nothing without their processes
		}
		return c.chown(target)
	})
	if err != nil {
		return err
	}
	for i := len(folders) - 1; i >= 0; i-- { // inside out, so that times stay
		f := folders[i]
		if err := errors.Join(os.Chmod(f.path, f.info.Mode()), os.Chtimes(f.path, f.info.ModTime(), f.info.ModTime())); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string, info fs.FileInfo) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return errors.Join(err, w.Chmod(info.Mode().Perm()), w.Close(), os.Chtimes(to, info.ModTime(), info.ModTime()))
}

// chown gives the copy to the user that all files of a sandbox belong to.
func (c *copier) chown(path string) error {
	if !c.asRoot {
		return nil
	}
	return os.Lchown(path, hostUser, hostUser)
}
