package inside

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

// untar unpacks a tar stream below dir. No name and no link in it can lead
// outside: the folder is opened as an os.Root.
func untar(dir string, data io.Reader) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := openRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	u := &unpacker{root: root}
	defer u.leave()
	for tr := tar.NewReader(data); ; {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("unpacking: %w", err)
		}
		if err := u.unpack(h, tr); err != nil {
			return err
		}
	}
	if err := u.lock(); err != nil {
		return err
	}
	// What follows the end of the archive is padding; the sender wants to get
	// rid of it all the same.
	_, err = io.Copy(io.Discard, data)
	return err
}

// openRoot opens a folder, and waits for nothing that has come to stand in its
// place.
func openRoot(dir string) (*os.Root, error) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	defer unix.Close(fd)
	return os.OpenRoot(fmt.Sprintf("/proc/self/fd/%d", fd))
}

// An unpacker makes the files of an archive below a folder.
type unpacker struct {
	root *os.Root
	// The folder of the last file, and its name below root. To go there from
	// root each time takes a system call for every folder on the way.
	parent *os.Root
	at     string
	// Folders without write permission get their modes last, so that they can
	// still be filled.
	locked []folder
}

type folder struct {
	name string
	mode fs.FileMode
}

func (u *unpacker) unpack(h *tar.Header, data io.Reader) error {
	name := strings.Trim(filepath.Clean("/"+h.Name), "/")
	if name == "" {
		return nil
	}
	mode := h.FileInfo().Mode().Perm()
	if h.Typeflag == tar.TypeDir {
		if err := u.enter(name); err != nil {
			return err
		}
		if mode&0o300 == 0o300 {
			return u.parent.Chmod(".", mode)
		}
		u.locked = append(u.locked, folder{name, mode})
		return nil
	}
	if err := u.enter(filepath.Dir(name)); err != nil {
		return err
	}
	base := filepath.Base(name)
	switch h.Typeflag {
	case tar.TypeReg:
		return unpackFile(u.parent, base, mode, data)
	case tar.TypeSymlink:
		_ = u.parent.Remove(base)
		return u.parent.Symlink(h.Linkname, base)
	case tar.TypeLink:
		_ = u.parent.Remove(base)
		return u.root.Link(strings.Trim(filepath.Clean("/"+h.Linkname), "/"), name)
	default:
		return fmt.Errorf("unpacking %s: type %q is not allowed here", h.Name, h.Typeflag)
	}
}

// enter goes to a folder, which it makes as needed.
func (u *unpacker) enter(name string) error {
	if u.parent != nil && u.at == name {
		return nil
	}
	var next *os.Root
	if u.parent != nil && filepath.Dir(name) == u.at {
		base := filepath.Base(name)
		if err := u.parent.Mkdir(base, 0o755); err == nil || errors.Is(err, fs.ErrExist) {
			next, _ = u.parent.OpenRoot(base) // a link may lead elsewhere below root
		}
	}
	if next == nil {
		err := u.root.MkdirAll(name, 0o755)
		if err != nil {
			return err
		}
		if next, err = u.root.OpenRoot(name); err != nil {
			return err
		}
	}
	u.leave()
	u.parent, u.at = next, name
	return nil
}

func (u *unpacker) leave() {
	if u.parent != nil {
		_ = u.parent.Close()
		u.parent = nil
	}
}

// lock gives the folders that were left writable their modes.
func (u *unpacker) lock() error {
	for i := len(u.locked) - 1; i >= 0; i-- {
		if err := u.root.Chmod(u.locked[i].name, u.locked[i].mode); err != nil {
			return err
		}
	}
	return nil
}

func unpackFile(folder *os.Root, name string, mode fs.FileMode, r io.Reader) error {
	_ = folder.Remove(name) // never write through a link that stood here
	f, err := folder.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
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
// relative to the parent of path. Files may change meanwhile: what is gone, or
// has become something else, is left out, and what has become shorter ends in
// zeros.
func archive(path string, out io.Writer) error {
	if _, err := os.Lstat(path); err != nil {
		return err
	}
	w := bufio.NewWriterSize(out, wire.Chunk) // not a frame for every header
	tw := tar.NewWriter(w)
	parent := filepath.Dir(filepath.Clean(path))
	err := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err == nil {
			err = pack(tw, parent, p, d)
		}
		var other irregular
		if p != path && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ELOOP) || errors.As(err, &other)) {
			return nil
		}
		return err
	})
	return errors.Join(err, tw.Close(), w.Flush())
}

// pack adds one file to an archive.
func pack(tw *tar.Writer, parent, path string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	if info.Mode()&(fs.ModeSocket|fs.ModeDevice|fs.ModeNamedPipe) != 0 {
		return nil
	}
	var f *os.File
	if info.Mode().IsRegular() {
		if f, err = openRegular(path, os.O_RDONLY|unix.O_NOFOLLOW); err != nil {
			return err
		}
		defer f.Close()
		if info, err = f.Stat(); err != nil {
			return err
		}
	}
	var link string
	if info.Mode()&fs.ModeSymlink != 0 {
		if link, err = os.Readlink(path); err != nil {
			return err
		}
	}
	h, err := tar.FileInfoHeader(nameless{info}, link)
	if err != nil {
		return err
	}
	if h.Name, err = filepath.Rel(parent, path); err != nil {
		return err
	}
	if d.IsDir() {
		h.Name += "/"
	}
	if err := tw.WriteHeader(h); err != nil || f == nil {
		return err
	}
	n, err := io.CopyN(tw, f, h.Size)
	if errors.Is(err, io.EOF) {
		_, err = io.CopyN(tw, zeros{}, h.Size-n)
	}
	return err
}

// nameless has a file's owners go by number. Looking for their names would mean
// opening whatever stands at /etc/passwd.
type nameless struct{ fs.FileInfo }

func (nameless) Uname() (string, error) { return "", nil }
func (nameless) Gname() (string, error) { return "", nil }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
