package serve

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
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

// ListenUnix listens at a path, at which only this user can connect. A socket that
// a server left there which is no more gives way; an error says that there is
// something else, or matches ErrInUse.
func ListenUnix(path string) (net.Listener, error) {
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case info.Mode().Type() != fs.ModeSocket:
		return nil, fmt.Errorf("%s is there, and no socket", path)
	default:
		if c, err := net.Dial("unix", path); err == nil {
			_ = c.Close()
			return nil, fmt.Errorf("%s: %w", path, ErrInUse)
		}
	}
	// In a folder of its own until the mode is right: there is no moment at which
	// others can connect.
	dir, err := os.MkdirTemp(filepath.Dir(path), ".sock")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // it is empty by then, or the error is another one
	hidden := filepath.Join(dir, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: hidden, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(hidden, 0o600), os.Rename(hidden, path)); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &socket{l, path}, nil
}

// A socket goes with its listener.
type socket struct {
	net.Listener
	path string
}

func (s *socket) Close() error {
	// Before it is closed, when the path is still known to be this one's.
	err := os.Remove(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(s.Listener.Close(), err)
}
