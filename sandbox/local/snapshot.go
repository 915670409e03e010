//go:build linux

package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// written is the folder that holds what a sandbox has written, handed over when
// its walls stood. What the sandbox mounts or what is mounted over it does not
// show in it.
type written struct {
	mu     sync.Mutex
	dir    *os.File // nil before, and after the end
	closed bool
}

// receive takes the folder from the socket that contain has sent it through.
func (w *written) receive(socket *os.File) error {
	oob := make([]byte, unix.CmsgSpace(4))
	_, n, flags, _, err := unix.Recvmsg(int(socket.Fd()), make([]byte, 1), oob, unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
	if err == nil && flags&unix.MSG_CTRUNC != 0 {
		err = unix.EMFILE // the kernel does not say it in any other way
	}
	if err != nil {
		return os.NewSyscallError("recvmsg", err)
	}
	messages, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil || len(messages) != 1 {
		return errors.Join(errors.New("the folder with what the sandbox writes did not arrive"), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return unix.Close(fds[0])
	}
	w.dir = os.NewFile(uintptr(fds[0]), "written")
	return nil
}

// open opens the folder for one reader.
func (w *written) open() (*os.File, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dir == nil {
		return nil, fmt.Errorf("it has ended: %w", sandbox.ErrBroken)
	}
	fd, err := unix.Openat(int(w.dir.Fd()), ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "written"), nil
}

func (w *written) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.dir != nil {
		_ = w.dir.Close()
		w.dir = nil
	}
}

// socketPair are the two ends that contain.WrittenFD is one of.
func socketPair() (give, get *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(fds[0]), "give"), os.NewFile(uintptr(fds[1]), "get"), nil
}

// Snapshot implements sandbox.Instance. What the sandbox has written becomes a
// layer on top of those that it stands on.
func (in *instance) Snapshot(ctx context.Context, image string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("snapshot of sandbox %s: %w", in.id, err)
		}
	}()
	if !isSnapshotName(image) {
		return fmt.Errorf("%q is no name for a snapshot", image)
	}
	from, err := in.written.open()
	if err != nil {
		return err
	}
	defer from.Close()
	img := in.ground.image
	img.Name, img.Digest, img.Base = image, in.ground.identity+"+"+image, in.ground.base
	return in.driver.store.Add(ctx, image, img, func(ctx context.Context, files string) (int64, error) {
		to, err := os.Open(files)
		if err != nil {
			return 0, err
		}
		defer to.Close()
		c := copier{to: int(to.Fd()), links: map[uint64]string{}}
		if os.Geteuid() == 0 {
			c.owner = hostUser
		}
		err = c.all(ctx, int(from.Fd()), int(to.Fd()))
		return c.bytes, err
	})
}
