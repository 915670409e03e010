package inside

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// output is the pipe that commands write to, and what was kept of it.
//
// Reads never block while the lock is held, and there is no other reader, so
// that drain can promise: what was in the pipe when it was called is in the
// capture when it returns.
type output struct {
	mu     sync.Mutex
	read   int
	closed bool
	kept   *capture
	write  *os.File // for the commands
}

func newOutput(limit int) (*output, error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("pipe", err)
	}
	if err := unix.SetNonblock(p[0], true); err != nil {
		return nil, os.NewSyscallError("set pipe non-blocking", err)
	}
	o := &output{read: p[0], write: os.NewFile(uintptr(p[1]), "output"), kept: newCapture(limit)}
	go o.pump()
	return o, nil
}

// pump moves bytes as they come, so that no command waits for a reader.
func (o *output) pump() {
	for {
		fds := []unix.PollFd{{Fd: int32(o.read), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); err != nil && err != unix.EINTR {
			return
		}
		o.drain()
		o.mu.Lock()
		closed := o.closed
		o.mu.Unlock()
		if closed {
			return
		}
	}
}

// drain moves what the pipe holds now into the capture. A writer that never
// stops cannot keep it: it takes one pipeful at most.
func (o *output) drain() {
	o.mu.Lock()
	defer o.mu.Unlock()
	buf := make([]byte, 64<<10)
	for range 16 {
		if o.closed {
			return
		}
		n, err := unix.Read(o.read, buf)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return
		case err != nil || n == 0:
			o.closed = true
			_ = unix.Close(o.read)
			return
		}
		_, _ = o.kept.Write(buf[:n])
	}
}

// take returns what was kept since the last take, and starts anew with limit.
func (o *output) take(limit int) (b []byte, dropped int64) {
	o.drain()
	o.mu.Lock()
	defer o.mu.Unlock()
	b, dropped = o.kept.bytes(), o.kept.dropped()
	o.kept = newCapture(limit)
	return b, dropped
}
