package serve

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Loopback reports whether only programs on this machine reach an address
// host:port. An error says that it is none.
func Loopback(address string) (bool, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false, err
	}
	if host == "localhost" {
		return true, nil
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback(), nil // names and no host at all may be reached from anywhere
}

// ErrInUse says that another server answers at the path of a socket.
var ErrInUse = errors.New("another server is listening there")

// longestPath is how many bytes the path of a socket may have for clients to connect
// to it; see unix(7).
const longestPath = 107

// ListenUnix listens at a path, at which only this user can connect. A socket that
// a server left there which is no more gives way; an error says that there is
// something else, or matches ErrInUse. The path goes with the listener, unless
// another one has taken it meanwhile.
func ListenUnix(path string) (net.Listener, error) {
	if len(path) > longestPath {
		return nil, fmt.Errorf("%s: the path of a socket may have %d bytes, and this one has %d", path, longestPath, len(path))
	}
	unlock, err := lock(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := free(path); err != nil {
		return nil, err
	}
	// In a folder of its own until the mode is right: there is no moment at which
	// others can connect.
	dir, err := os.MkdirTemp(filepath.Dir(path), ".sock")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // it is empty by then, or the error is another one
	folder, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = folder.Close() }()
	// By a short name: its own may be too long, when path is not.
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: fmt.Sprintf("/proc/self/fd/%d/s", folder.Fd()), Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	hidden := filepath.Join(dir, "s")
	if err := errors.Join(os.Chmod(hidden, 0o600), os.Rename(hidden, path)); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	own, err := os.Lstat(path)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &socket{l, path, own}, nil
}

// lock has others wait who take or leave a path in a folder.
func lock(dir string) (unlock func(), err error) {
	folder, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(folder.Fd()), unix.LOCK_EX); err != nil {
		return nil, errors.Join(&fs.PathError{Op: "lock", Path: dir, Err: err}, folder.Close())
	}
	return func() { _ = folder.Close() }, nil // which gives the lock back
}

// free reports whether a path may be taken, by an error if not.
func free(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s is there, and no socket", path)
	}
	c, err := net.Dial("unix", path)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED): // nobody has it open
		return nil
	case err == nil:
		_ = c.Close()
	}
	return fmt.Errorf("%s: %w", path, ErrInUse) // or it is too busy to answer
}

// A socket goes with its listener.
type socket struct {
	net.Listener
	path string
	own  fs.FileInfo
}

func (s *socket) Close() error {
	unlock, err := lock(filepath.Dir(s.path))
	if err != nil {
		return errors.Join(s.Listener.Close(), err)
	}
	defer unlock()
	// Before it is closed, when nobody takes the path for a dead server's.
	if there, err := os.Lstat(s.path); err == nil && os.SameFile(there, s.own) {
		return errors.Join(os.Remove(s.path), s.Listener.Close())
	}
	return s.Listener.Close()
}
