package inside

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

// maxRead bounds the bytes of a file that is read in one piece, because the
// client holds it in memory.
const maxRead = 256 << 20

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
	if err == nil && !st.Mode().IsRegular() {
		err = irregular(path)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func irregular(path string) error { return fmt.Errorf("%s is not a regular file", path) }

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
	n, err := io.Copy(out, io.LimitReader(f, maxRead+1)) // it may grow
	if err == nil && n > maxRead {
		err = tooLarge(n)
	}
	return err
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

// untar unpacks a tar stream below dir. No name and no link in it can lead
// outside: the folder is opened as an os.Root.
func untar(dir string, data io.Reader) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	// Folders get their modes last, so that one without write permission can
	// still be filled.
	type folder struct {
		name string
		mode fs.FileMode
	}
	var folders []folder
	for tr := tar.NewReader(data); ; {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("unpacking: %w", err)
		}
		name := strings.Trim(filepath.Clean("/"+h.Name), "/")
		if name == "" {
			continue
		}
		if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		mode := h.FileInfo().Mode().Perm()
		switch h.Typeflag {
		case tar.TypeDir:
			if err := root.MkdirAll(name, 0o755); err != nil {
				return err
			}
			folders = append(folders, folder{name, mode})
		case tar.TypeReg:
			if err := unpackFile(root, name, mode, tr); err != nil {
				return err
			}
		case tar.TypeSymlink:
			_ = root.Remove(name)
			if err := root.Symlink(h.Linkname, name); err != nil {
				return err
			}
		case tar.TypeLink:
			_ = root.Remove(name)
			if err := root.Link(strings.Trim(filepath.Clean("/"+h.Linkname), "/"), name); err != nil {
				return err
			}
		default:
			return fmt.Errorf("unpacking %s: type %q is not allowed here", h.Name, h.Typeflag)
		}
	}
	for i := len(folders) - 1; i >= 0; i-- {
		if err := root.Chmod(folders[i].name, folders[i].mode); err != nil {
			return err
		}
	}
	// What follows the end of the archive is padding; the sender wants to get
	// rid of it all the same.
	_, err = io.Copy(io.Discard, data)
	return err
}

func unpackFile(root *os.Root, name string, mode fs.FileMode, r io.Reader) error {
	_ = root.Remove(name) // never write through a link that stood here
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, r); err != nil {
		_ = f.Close()
		return err
	}
	if err := f.Chmod(mode); err != nil { // whatever the umask took
		_ = f.Close()
		return err
	}
	return f.Close()
}

// archive sends the file or folder at path as a tar stream, with names
// relative to the parent of path.
func archive(path string, out io.Writer) error {
	if _, err := os.Lstat(path); err != nil {
		return err
	}
	w := bufio.NewWriterSize(out, wire.Chunk) // not a frame for every header
	return errors.Join(writeTar(w, path), w.Flush())
}

func writeTar(w io.Writer, path string) error {
	tw := tar.NewWriter(w)
	parent := filepath.Dir(filepath.Clean(path))
	err := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode()&(fs.ModeSocket|fs.ModeDevice|fs.ModeNamedPipe) != 0 {
			return nil
		}
		var link string
		if info.Mode()&fs.ModeSymlink != 0 {
			if link, err = os.Readlink(p); err != nil {
				return err
			}
		}
		h, err := tar.FileInfoHeader(info, link)
		if err != nil {
			return err
		}
		if h.Name, err = filepath.Rel(parent, p); err != nil {
			return err
		}
		if d.IsDir() {
			h.Name += "/"
		}
		if !info.Mode().IsRegular() {
			return tw.WriteHeader(h)
		}
		f, err := openRegular(p, os.O_RDONLY)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := tw.WriteHeader(h); err != nil {
			return err
		}
		_, err = io.CopyN(tw, f, h.Size)
		return err
	})
	return errors.Join(err, tw.Close())
}

func stat(path string) (sandbox.File, error) {
	info, err := os.Lstat(path)
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
// file meanwhile sees the old one or the new one. A file that has other names
// keeps them, and loses that.
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
	edited := bytes.ReplaceAll(old, e.Old, e.New)
	if st.Sys().(*syscall.Stat_t).Nlink > 1 {
		if _, err := f.WriteAt(edited, 0); err != nil {
			return wire.Edited{}, err
		}
		return wire.Edited{Found: n}, f.Truncate(int64(len(edited)))
	}
	return wire.Edited{Found: n}, replace(path, edited, st.Mode().Perm())
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
