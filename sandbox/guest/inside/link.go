package inside

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

// A link is one end of the socket between the guest and a supervisor. It carries
// frames, and descriptors beside them.
type link struct {
	f  *os.File
	rc syscall.RawConn
	r  *wire.Reader
	w  *wire.Writer

	sending []int // descriptors that go with the next write
	takes   int   // how many descriptors may come with one frame
	came    []int // descriptors that came and were not taken yet
}

// newLink makes a link of a socket, which it owns from then on. More
// descriptors than it takes with one frame are closed: a policy that has got
// hold of the other end must not fill this process with them.
func newLink(fd, takes int) (*link, error) {
	l := &link{f: os.NewFile(uintptr(fd), "link"), takes: takes}
	var err error
	if l.rc, err = l.f.SyscallConn(); err != nil {
		_ = l.f.Close()
		return nil, err
	}
	l.r, l.w = wire.NewReader(l), wire.NewWriter(l)
	return l, nil
}

func (l *link) close() { _ = l.f.Close() }

// send sends a frame and, with its first byte, descriptors.
func (l *link) send(f wire.Frame, fds ...int) error {
	l.sending = fds
	return l.w.Frame(f)
}

// next returns the next frame and the descriptors that came with it, which are
// the caller's. Only Exec frames carry any: what has come by the time that
// another frame is read came with one that is still to be.
func (l *link) next() (f wire.Frame, fds []int, err error) {
	f, err = l.r.Next()
	if f.Type == wire.Exec {
		fds, l.came = l.came, nil
	}
	return f, fds, err
}

// maxFDs is how many descriptors one frame may carry.
const maxFDs = 2

// Read implements io.Reader for the frames.
func (l *link) Read(p []byte) (n int, err error) {
	rights := make([]byte, unix.CmsgSpace(4*maxFDs))
	var oob int
	rerr := l.rc.Read(func(fd uintptr) bool {
		for {
			n, oob, _, _, err = unix.Recvmsg(int(fd), p, rights, unix.MSG_CMSG_CLOEXEC)
			if err != unix.EINTR {
				return err != unix.EAGAIN
			}
		}
	})
	if rerr != nil {
		return 0, rerr
	}
	if err != nil {
		return 0, os.NewSyscallError("recvmsg", err)
	}
	if oob > 0 {
		messages, err := unix.ParseSocketControlMessage(rights[:oob])
		if err != nil {
			return 0, err
		}
		for _, m := range messages {
			fds, err := unix.ParseUnixRights(&m)
			if err != nil {
				return 0, err
			}
			for _, fd := range fds {
				if len(l.came) >= l.takes {
					_ = unix.Close(fd)
					continue
				}
				l.came = append(l.came, fd)
			}
		}
	}
	if n == 0 {
		return 0, errLost
	}
	return n, nil
}

// Write implements io.Writer for the frames.
func (l *link) Write(p []byte) (int, error) {
	var rights []byte
	if len(l.sending) > 0 {
		rights = unix.UnixRights(l.sending...)
		l.sending = nil
	}
	sent := 0
	for sent < len(p) {
		var n int
		var err error
		werr := l.rc.Write(func(fd uintptr) bool {
			for {
				n, err = unix.SendmsgN(int(fd), p[sent:], rights, nil, unix.MSG_NOSIGNAL)
				if err != unix.EINTR {
					return err != unix.EAGAIN
				}
			}
		})
		if werr != nil {
			return sent, werr
		}
		if err != nil {
			return sent, os.NewSyscallError("sendmsg", err)
		}
		sent += n
		rights = nil
	}
	return sent, nil
}
