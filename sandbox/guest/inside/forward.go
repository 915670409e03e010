package inside

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

// Sockets are opened with system calls: package net would be a third of the
// guest.

// socketAt opens a socket for an address.
func socketAt(a sandbox.Address) (fd int, at unix.Sockaddr, err error) {
	family := unix.AF_UNIX
	switch a.Network {
	case "tcp":
		port, err := strconv.ParseUint(a.Address, 10, 16)
		if err != nil {
			return 0, nil, fmt.Errorf("port %q: not a number up to 65535", a.Address)
		}
		family, at = unix.AF_INET, &unix.SockaddrInet4{Port: int(port), Addr: [4]byte{127, 0, 0, 1}}
	case "unix":
		if a.Address == "" || a.Address[0] != '/' {
			return 0, nil, fmt.Errorf("socket %q: not an absolute path", a.Address)
		}
		at = &unix.SockaddrUnix{Name: a.Address}
	default:
		return 0, nil, fmt.Errorf("network %q: neither tcp nor unix", a.Network)
	}
	fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	return fd, at, os.NewSyscallError("socket", err)
}

// dial connects to something that listens inside, for the client.
func (g *guest) dial(id uint32, a sandbox.Address, r *request) error {
	fd, at, err := socketAt(a)
	if err != nil {
		return err
	}
	s := newSocket(fd)
	defer s.close()
	if err := s.connect(at); err != nil {
		return fmt.Errorf("connecting to %s %s: %w", a.Network, a.Address, err)
	}
	if err := g.out.Frame(wire.Frame{Type: wire.Ready, Request: id}); err != nil {
		return err
	}
	s.join(r)
	return nil
}

// offer listens at an address until the request is cancelled, and opens a
// request to the client for each connection.
func (g *guest) offer(id uint32, a sandbox.Address, r *request) error {
	fd, at, err := socketAt(a)
	if err != nil {
		return err
	}
	l := newSocket(fd)
	defer l.close()
	if a.Network == "tcp" { // a port that was just in use is free
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	}
	if err := unix.Bind(fd, at); err != nil {
		return fmt.Errorf("listening at %s %s: %w", a.Network, a.Address, err)
	}
	if a.Network == "unix" {
		defer os.Remove(a.Address)
	}
	if err := unix.Listen(fd, 128); err != nil {
		return os.NewSyscallError("listen", err)
	}
	if bound, err := unix.Getsockname(fd); err == nil {
		if in, ok := bound.(*unix.SockaddrInet4); ok {
			a.Address = strconv.Itoa(in.Port)
		}
	}
	if err := g.out.JSON(wire.Ready, id, wire.Listening{Address: a}); err != nil {
		return err
	}
	go func() {
		<-r.cancel
		l.close() // ends accept
	}()
	for {
		s, err := l.accept()
		if err != nil {
			r.stop()
			if errors.Is(err, os.ErrClosed) {
				return nil
			}
			return fmt.Errorf("accepting at %s %s: %w", a.Network, a.Address, err)
		}
		go g.handOver(id, s)
	}
}

// handOver passes an accepted connection on to the client.
func (g *guest) handOver(offer uint32, s *socket) {
	defer s.close()
	g.mu.Lock()
	g.lastOwn++
	id := wire.FirstOfGuest + g.lastOwn%wire.FirstOfGuest
	r := g.newRequest(id)
	g.open[id] = r
	g.mu.Unlock()
	defer g.forget(id)
	if g.out.JSON(wire.Accept, id, wire.Accepted{Offer: offer}) != nil {
		return
	}
	s.join(r)
	_ = g.out.Frame(wire.Frame{Type: wire.Cancel, Request: id}) // harmless where both sides are done
}

// A socket is a connected or listening one.
type socket struct {
	f *os.File
}

func newSocket(fd int) *socket { return &socket{os.NewFile(uintptr(fd), "socket")} }

func (s *socket) close() { _ = s.f.Close() }

func (s *socket) connect(at unix.Sockaddr) error {
	rc, err := s.f.SyscallConn()
	if err != nil {
		return err
	}
	begun := false
	werr := rc.Write(func(fd uintptr) bool {
		if !begun {
			begun = true
			err = unix.Connect(int(fd), at)
			return !errors.Is(err, unix.EINPROGRESS)
		}
		var code int
		if code, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR); err == nil && code != 0 {
			err = unix.Errno(code)
		}
		return true
	})
	return errors.Join(werr, err)
}

func (s *socket) accept() (*socket, error) {
	rc, err := s.f.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	rerr := rc.Read(func(l uintptr) bool {
		for {
			fd, _, err = unix.Accept4(int(l), unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
			if !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.ECONNABORTED) {
				return !errors.Is(err, unix.EAGAIN)
			}
		}
	})
	if rerr != nil {
		return nil, rerr
	}
	if err != nil {
		return nil, os.NewSyscallError("accept", err)
	}
	return newSocket(fd), nil
}

// linger is how long a connection that is cancelled may take to pass on what
// has come for it.
const linger = 5 * time.Second

// join copies both ways until both are closed or the request is cancelled. As
// with any connection that is closed, what was sent before arrives.
func (s *socket) join(r *request) {
	flushed, over := make(chan struct{}), make(chan struct{})
	defer close(over)
	go func() {
		select {
		case <-r.cancel:
			r.in.Close(io.EOF)
			select {
			case <-flushed:
			case <-time.After(linger):
			}
			s.close() // ends reads and writes that wait
		case <-over:
		}
	}()
	var up sync.WaitGroup
	up.Go(func() {
		if _, err := io.Copy(r.out, s.f); err != nil {
			r.stop()
			return
		}
		_ = r.out.Close()
	})
	if _, err := io.Copy(s.f, r.in); err != nil {
		r.stop()
	} else if rc, err := s.f.SyscallConn(); err == nil {
		_ = rc.Control(func(fd uintptr) { _ = unix.Shutdown(int(fd), unix.SHUT_WR) })
	}
	close(flushed)
	up.Wait()
}
