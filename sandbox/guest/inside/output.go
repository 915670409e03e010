package inside

import (
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// output is what commands write, read as it comes: from a pipe, or from the
// master of a terminal.
//
// Reads never wait while the lock is held, and there is no other reader, so
// that drain can promise: what was written before it was called has gone to
// the sink when it returns.
type output struct {
	f      *os.File
	rc     syscall.RawConn
	closed chan struct{}
	once   sync.Once

	mu   sync.Mutex
	sink io.Writer
	over bool // the other end is closed, or the sink takes no more
	buf  []byte
}

// newPipe returns an output and the descriptor of its pipe's other end, for the
// commands.
func newPipe(sink io.Writer) (*output, int, error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return nil, 0, os.NewSyscallError("pipe", err)
	}
	o, err := newOutput(p[0], sink)
	if err != nil {
		_ = unix.Close(p[1])
		return nil, 0, err
	}
	return o, p[1], nil
}

// newOutput reads from fd, which it owns from then on.
func newOutput(fd int, sink io.Writer) (*output, error) {
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("set non-blocking", err)
	}
	o := &output{f: os.NewFile(uintptr(fd), "output"), closed: make(chan struct{}), sink: sink, buf: make([]byte, 512)}
	var err error
	if o.rc, err = o.f.SyscallConn(); err != nil {
		_ = o.f.Close()
		return nil, err
	}
	go o.pump()
	return o, nil
}

// pump moves bytes as they come, so that no command waits for a reader. It
// ends with close.
func (o *output) pump() {
	for {
		over := false
		err := o.rc.Read(func(fd uintptr) bool {
			o.mu.Lock()
			defer o.mu.Unlock()
			moved := o.move(int(fd))
			over = o.over
			return moved || over
		})
		if err != nil || over {
			return
		}
	}
}

// bufferful is how much is read at once where there is much.
const bufferful = 32 << 10

// move moves one bufferful to the sink, if there is anything.
func (o *output) move(fd int) bool {
	for !o.over {
		n, err := unix.Read(fd, o.buf)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return false
		case err != nil || n == 0: // EIO from a terminal that nobody has open
			o.over = true
			return false
		}
		if _, err := o.sink.Write(o.buf[:n]); err != nil {
			o.over = true
		}
		if n == len(o.buf) && n < bufferful { // most commands print little
			o.buf = make([]byte, bufferful)
		}
		return true
	}
	return false
}

// drain moves what is there now. A writer that never stops cannot keep it: it
// takes as much as a pipe may hold, at most.
func (o *output) drain() {
	const pipeful = 1 << 20 // what an ordinary user may make of one
	_ = o.rc.Control(func(fd uintptr) {
		o.mu.Lock()
		defer o.mu.Unlock()
		for moved := 0; moved < pipeful && o.move(int(fd)); moved += bufferful / 8 {
		}
	})
}

// redirect moves what is there to the old sink, and all that comes to another.
func (o *output) redirect(sink io.Writer) {
	o.drain()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sink = sink
}

// close ends the reading.
func (o *output) close() {
	o.once.Do(func() {
		close(o.closed)
		_ = o.f.Close()
	})
}
