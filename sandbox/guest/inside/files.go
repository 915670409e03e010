package inside

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
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

func readFile(path string, send func(io.Reader) error) error {
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
	counted := &io.LimitedReader{R: f, N: maxRead + 1} // it may grow
	if err := send(counted); err != nil {
		return err
	}
	if counted.N == 0 {
		return tooLarge(maxRead + 1)
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
func archive(path string, send func(io.Reader) error) error {
	if _, err := os.Lstat(path); err != nil {
		return err
	}
	pr, pw := io.Pipe()
	go func() { pw.CloseWithError(writeTar(pw, path)) }()
	err := send(pr)
	_ = pr.Close()
	return err
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
