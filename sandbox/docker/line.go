package docker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/docker/docker/api/types/mount"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// linePath is where a guest finds the socket of its line. Its mount point is a
// file of the guest's volume.
const linePath = guestDir + "/line"

// Lines are direct connections to guests. On the way through the engine each
// message passes through two more processes, the engine and the container's
// monitor, which takes as long as all the rest of an action. Where the engine
// is on this machine, a container gets a socket of ours bound into it; the
// guest calls there before anything else runs in the sandbox, and nobody ever
// can again. The attached streams stay, for what the guest has to say about
// itself, and because their end is the end of the guest.
//
// That an engine is reached by a socket does not mean that it sees our files.
// One that does not says so, and is not asked again; a guest that gets no
// answer speaks on its standard streams.
type lines struct {
	dir  *os.File // of this process, for its sockets; nil where there are none
	none atomic.Bool
}

// newLines keeps its sockets in a folder of dir.
func newLines(dir, engine string) (*lines, error) {
	if dir == "" || !strings.HasPrefix(engine, "unix://") {
		return &lines{}, nil
	}
	dir = filepath.Join(dir, "lines")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("docker: making a folder for sockets: %w", err)
	}
	sweepLines(dir)
	self, err := sandbox.Self()
	if err != nil {
		return nil, err
	}
	own := filepath.Join(dir, strings.ReplaceAll(self.String(), "/", "_")+"."+rand.Text()[:8])
	if err := os.Mkdir(own, 0o700); err != nil {
		return nil, fmt.Errorf("docker: making a folder for sockets: %w", err)
	}
	f, err := os.Open(own)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("docker: opening a folder for sockets: %w", err), os.Remove(own))
	}
	return &lines{dir: f}, nil
}

// sweepLines removes the folders of processes that were killed.
func sweepLines(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // making a folder in it says why
	}
	for _, e := range entries {
		name, _, _ := strings.Cut(e.Name(), ".")
		owner, err := sandbox.ParseOwner(strings.ReplaceAll(name, "_", "/"))
		if err == nil && owner.Dead() {
			_ = os.RemoveAll(filepath.Join(dir, e.Name())) // the next one tries again
		}
	}
}

// close removes the folder. No container may be starting.
func (l *lines) close() error {
	if l.dir == nil {
		return nil
	}
	return errors.Join(l.dir.Close(), os.RemoveAll(l.dir.Name()))
}

// A line is the socket of one container. Its file is there as long as the
// container is: the engine binds it again to copy files (docker cp). A nil line
// is none.
type line struct {
	*net.UnixListener
	path string
}

// open makes a line for one container, or none where there can be none.
func (l *lines) open() (*line, error) {
	if l.dir == nil || l.none.Load() {
		return nil, nil
	}
	name := rand.Text()[:8]
	// By this path, because that of the folder may be longer than a socket's
	// can be.
	short := fmt.Sprintf("/proc/self/fd/%d/%s", l.dir.Fd(), name)
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("docker: opening a line to the guest: %w", err)
	}
	// For every user of the container; on this side the folder is closed.
	if err := os.Chmod(short, 0o666); err != nil {
		return nil, errors.Join(fmt.Errorf("docker: opening a line to the guest: %w", err), listener.Close())
	}
	listener.SetUnlinkOnClose(false)
	return &line{listener, filepath.Join(l.dir.Name(), name)}, nil
}

// unseen tells whether a container could not be created or started because
// the engine does not see the socket. No more lines are opened then.
func (l *lines) unseen(ln *line, err error) bool {
	if ln == nil || err == nil || !strings.Contains(err.Error(), ln.path) {
		return false
	}
	l.none.Store(true)
	return true
}

func (ln *line) mount() mount.Mount {
	return mount.Mount{Type: mount.TypeBind, Source: ln.path, Target: linePath, ReadOnly: true}
}

// close makes the socket one on which nobody can call.
func (ln *line) close() {
	if ln != nil {
		_ = ln.Close()
	}
}

// remove removes the file, when there is no container any more.
func (ln *line) remove() {
	if ln != nil {
		_ = os.Remove(ln.path) // else the folder goes with the process
	}
}

// call waits until the guest has called, and returns nil when it will not:
// when it has spoken elsewhere, or is dead. Nobody can call afterwards.
func (ln *line) call(ctx context.Context, spoken, dead <-chan struct{}) (net.Conn, error) {
	called := make(chan net.Conn, 1)
	go func() {
		defer close(called)
		if c, err := ln.Accept(); err == nil {
			called <- c
		}
	}()
	select {
	case c := <-called:
		ln.close()
		return c, nil
	case <-spoken:
	case <-dead:
	case <-ctx.Done():
	}
	ln.close()
	if c := <-called; c != nil {
		_ = c.Close()
	}
	return nil, ctx.Err()
}
