package inside

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

// streams are the standard streams of one command: the guest's ends, and the
// far ends, which are bare descriptors because the guest only hands them on.
type streams struct {
	out *output
	in  *os.File // what the guest writes to; nil where there is no input
	far []int    // input and output, or one of a terminal; empty once closed
}

// openStreams opens the streams that a call asks for. Its input comes from the
// request, its output goes to sink.
func (g *guest) openStreams(call wire.ExecCall, r *request, sink io.Writer) (*streams, error) {
	if t := call.Command.Terminal; t != nil {
		return openTerminal(*t, r, sink)
	}
	out, outFar, err := newPipe(sink)
	if err != nil {
		return nil, err
	}
	s := &streams{out: out, far: []int{-1, outFar}}
	if !call.Stdin {
		if s.far[0], err = unix.FcntlInt(uintptr(g.null), unix.F_DUPFD_CLOEXEC, 0); err != nil {
			s.close()
			return nil, os.NewSyscallError("fcntl", err)
		}
		return s, nil
	}
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		s.close()
		return nil, os.NewSyscallError("pipe", err)
	}
	_ = unix.SetNonblock(p[1], true) // so that closing it ends a write that waits
	s.far[0], s.in = p[0], os.NewFile(uintptr(p[1]), "input")
	go func(in *os.File) {
		_, _ = io.Copy(in, r.in) // ends when the command, or the client, has closed its end
		_ = in.Close()
	}(s.in)
	return s, nil
}

// openTerminal opens a terminal. Its master serves as input and as output.
func openTerminal(t sandbox.Terminal, r *request, sink io.Writer) (*streams, error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: "/dev/ptmx", Err: err}
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	var slave int
	if err == nil {
		slave, err = unix.Open(fmt.Sprintf("/dev/pts/%d", n), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("opening a terminal: %w", err)
	}
	resize(fd, t.Size)
	s := &streams{far: []int{slave}}
	if s.out, err = newOutput(fd, sink); err != nil {
		_ = unix.Close(slave)
		return nil, err
	}
	master := s.out.f
	go func() {
		if _, err := io.Copy(master, r.in); err == nil {
			_, _ = master.Write([]byte{4}) // Ctrl-D: the client has no more to type
		}
	}()
	go func() {
		for {
			select {
			case payload := <-r.resize:
				var size sandbox.Size
				if json.Unmarshal(payload, &size) == nil {
					_ = s.out.rc.Control(func(fd uintptr) { resize(int(fd), size) })
				}
			case <-s.out.closed:
				return
			}
		}
	}()
	return s, nil
}

func resize(fd int, s sandbox.Size) {
	if s.Rows > 0 && s.Columns > 0 {
		_ = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: s.Rows, Col: s.Columns})
	}
}

// closeFar closes the guest's copies of the command's ends.
func (s *streams) closeFar() {
	for _, fd := range s.far {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
	s.far = nil
}

func (s *streams) close() {
	s.closeFar()
	if s.in != nil {
		_ = s.in.Close()
	}
	s.out.close()
}
