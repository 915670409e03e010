package inside

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

const maxRead = wire.MaxRead

// openRegular opens a regular file and nothing else. Opening it does not wait,
// as it would for the other end of a FIFO.
func openRegular(path string, flags int) (*os.File, error) {
	f, err := os.OpenFile(path, flags|unix.O_NONBLOCK|unix.O_NOCTTY, 0o644)
	if errors.Is(err, unix.ENXIO) { // a socket, or a FIFO that nobody reads
		return nil, irregular(path)
	}
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && (!st.Mode().IsRegular() || flags&(os.O_WRONLY|os.O_RDWR) != 0 && ofKernel(f)) {
		err = irregular(path)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// irregular is the error of a path at which there is no regular file.
type irregular string

func (path irregular) Error() string { return string(path) + " is not a regular file" }

// ofKernel reports whether a file only looks like one: to write to it has the
// kernel do something, and to this very process where it is one of its own in
// /proc. That is not for whoever chooses paths.
func ofKernel(f *os.File) bool {
	var st unix.Statfs_t
	return unix.Fstatfs(int(f.Fd()), &st) == nil && (st.Type == unix.PROC_SUPER_MAGIC || st.Type == unix.SYSFS_MAGIC)
}

func readFile(path string, out io.Writer) error {
	f, err := openRegular(path, os.O_RDONLY)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	tooLarge := func(n int64) error {
		return fmt.Errorf("%s has %d bytes, more than can be read in one piece (%d); GetTar has no such bound", path, n, maxRead)
	}
	if st.Size() > maxRead {
		return tooLarge(st.Size())
	}
	n, err := io.CopyN(out, f, maxRead)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	if more, _ := f.Read(make([]byte, 1)); more > 0 { // it has grown
		return tooLarge(n + 1)
	}
	return nil
}

// writeFile replaces the contents of a file and keeps the mode of one that is
// there.
func writeFile(path string, data io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := openRegular(path, os.O_WRONLY|os.O_CREATE)
	if err != nil {
		return err
	}
	if err := f.Truncate(0); err != nil {
		return errors.Join(err, f.Close())
	}
	_, err = io.Copy(f, data)
	return errors.Join(err, f.Close())
}

func stat(path string) (sandbox.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return sandbox.File{}, err
	}
	return file(path, info), nil
}

func file(path string, info fs.FileInfo) sandbox.File {
	f := sandbox.File{Name: info.Name(), Size: info.Size(), Mode: info.Mode(), ModTime: info.ModTime()}
	if f.Mode&fs.ModeSymlink != 0 {
		f.Target, _ = os.Readlink(path) // gone again: a link without a target
	}
	return f
}

// maxList bounds the files of a folder that are told, because they go in one
// frame.
const maxList = 4000

func list(path string) (wire.Files, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return wire.Files{}, err
	}
	if len(entries) > maxList {
		return wire.Files{}, fmt.Errorf("%s has %d files, more than can be listed at once (%d)", path, len(entries), maxList)
	}
	var l wire.Files
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			continue // it is gone again
		}
		l.Files = append(l.Files, file(filepath.Join(path, e.Name()), info))
	}
	return l, nil
}

// edit replaces text in a file if it occurs as often as is said. Who reads the
// file meanwhile sees the old one or the new one, unless the file has other
// names or another owner, which it keeps.
func edit(path string, e sandbox.Edit) (wire.Edited, error) {
	if len(e.Old) == 0 {
		return wire.Edited{}, errors.New("an edit that replaces nothing")
	}
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return wire.Edited{}, err
	}
	f, err := openRegular(path, os.O_RDWR)
	if err != nil {
		return wire.Edited{}, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return wire.Edited{}, err
	}
	old, err := io.ReadAll(io.LimitReader(f, maxRead+1))
	if err != nil {
		return wire.Edited{}, err
	}
	if len(old) > maxRead {
		return wire.Edited{}, fmt.Errorf("%s has more than %d bytes", path, maxRead)
	}
	n := bytes.Count(old, e.Old)
	if n != e.Count {
		return wire.Edited{Found: n}, nil
	}
	if n > 0 && (len(e.New)-len(e.Old)) > (maxRead-len(old))/n {
		return wire.Edited{}, fmt.Errorf("%s would have more than %d bytes", path, maxRead)
	}
	edited := bytes.ReplaceAll(old, e.Old, e.New)
	// A new file in its place would have one name, and this process's user.
	sys := st.Sys().(*syscall.Stat_t)
	if sys.Nlink == 1 && sys.Uid == uint32(os.Geteuid()) && sys.Gid == uint32(os.Getegid()) {
		err := replace(path, edited, st.Mode().Perm())
		if !errors.Is(err, fs.ErrPermission) { // of the folder
			return wire.Edited{Found: n}, err
		}
	}
	if _, err := f.WriteAt(edited, 0); err != nil {
		return wire.Edited{}, err
	}
	return wire.Edited{Found: n}, f.Truncate(int64(len(edited)))
}

// replace writes a file beside another, and renames it.
func replace(path string, data []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(mode), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
