//go:build linux

package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// state is what is written down of a running sandbox, for whoever has to clean
// up after a process that was killed.
type state struct {
	ID      string            `json:"id"`
	Started time.Time         `json:"started"`
	Labels  map[string]string `json:"labels"`
	Groups  []string          `json:"groups,omitempty"` // folders of control groups
	Guest   string            `json:"guest,omitempty"`  // a sandbox.Owner: the guest's process, once it is there

	guest sandbox.Owner // the same, of a note that was read
}

func (d *Driver) stateFile(id string) string {
	return filepath.Join(d.dir, "sandboxes", id+".json")
}

// A note is the state of a sandbox on disk. It is there before anything else
// of the sandbox is, and completed when there is a process.
type note struct {
	*os.File
	path  string
	state state
}

func (d *Driver) note(in *instance, labels sandbox.Labels) (*note, error) {
	n := &note{
		path:  d.stateFile(in.id),
		state: state{ID: in.id, Started: time.Now().UTC(), Labels: labels.Map(), Groups: in.group.dirs},
	}
	if err := n.create(); err != nil {
		return nil, fmt.Errorf("writing down the sandbox: %w", err)
	}
	return n, nil
}

// create writes the note. It gets its name when it is whole, so that none is
// ever seen, or left by a process that is killed, in part; but not every file
// system has files without a name.
func (n *note) create() (err error) {
	const flags = os.O_WRONLY | unix.O_CLOEXEC
	n.File, err = os.OpenFile(filepath.Dir(n.path), flags|unix.O_TMPFILE, 0o600)
	named := errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EISDIR)
	if named {
		n.File, err = os.OpenFile(n.path, flags|os.O_CREATE|os.O_EXCL, 0o600)
	}
	if err != nil {
		return err
	}
	err = n.write()
	switch {
	case err == nil && !named:
		err = unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", n.Fd()), unix.AT_FDCWD, n.path, unix.AT_SYMLINK_FOLLOW)
		err = os.NewSyscallError("linkat", err)
	case err != nil && named:
		err = errors.Join(err, n.forget())
	}
	if err != nil {
		return errors.Join(err, n.Close())
	}
	return nil
}

// complete adds the guest. The text only grows, so that it covers what was
// there.
func (n *note) complete(pid int) error {
	guest, err := sandbox.OwnerOf(pid)
	if err != nil {
		return err
	}
	n.state.Guest = guest.String()
	if err := n.write(); err != nil {
		return fmt.Errorf("writing down the sandbox: %w", err)
	}
	return nil
}

func (n *note) write() error {
	b, err := json.Marshal(n.state)
	if err == nil {
		_, err = n.WriteAt(b, 0)
	}
	return err
}

// forget removes the note of a sandbox that never came to be.
func (n *note) forget() error { return os.Remove(n.path) }

// List implements sandbox.Driver.
func (d *Driver) List(context.Context) ([]sandbox.Running, error) {
	entries, err := os.ReadDir(filepath.Join(d.dir, "sandboxes"))
	if err != nil {
		return nil, fmt.Errorf("listing local sandboxes: %w", err)
	}
	var found []sandbox.Running
	for _, e := range entries {
		path := filepath.Join(d.dir, "sandboxes", e.Name())
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it ended just now
		}
		s, labels, err := parseNote(b)
		if err != nil {
			// It is being written just now, or whoever wrote it was killed just
			// then (see create), when nothing else of the sandbox was there.
			if st, err := e.Info(); err == nil && time.Since(st.ModTime()) > time.Minute {
				_ = os.Remove(path)
			}
			continue
		}
		if s.elsewhere() && time.Now().After(labels.Deadline) {
			continue // it has ended itself, and its note is for those who can see that
		}
		found = append(found, sandbox.Running{ID: s.ID, Labels: labels, Started: s.Started, Remove: func(ctx context.Context) error {
			if err := s.end(ctx); err != nil {
				return fmt.Errorf("removing sandbox %s: %w", s.ID, err)
			}
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			return nil
		}})
	}
	return found, nil
}

// parseNote reads a note, with all that is needed to end its sandbox.
func parseNote(b []byte) (s state, labels sandbox.Labels, err error) {
	if err := json.Unmarshal(b, &s); err != nil {
		return s, labels, err
	}
	if s.Guest != "" {
		if s.guest, err = sandbox.ParseOwner(s.Guest); err != nil {
			return s, labels, err
		}
	}
	labels, err = sandbox.ParseLabels(s.Labels)
	return s, labels, err
}

// elsewhere reports whether nothing is known here of a sandbox's guest: the
// folder is shared with another machine, or with a container.
func (s *state) elsewhere() bool {
	return s.Guest != "" && !isSeen(s.guest) && !s.guest.Dead()
}

// isSeen reports whether a guest runs here, for certain: its number alone says
// nothing, which elsewhere and later is that of a stranger.
func isSeen(guest sandbox.Owner) bool {
	seen, err := sandbox.OwnerOf(guest.PID)
	return err == nil && seen == guest
}

// end ends what is left of a sandbox. A guest that is not named either was
// never started, or has found the pipe with its plan to end without one.
func (s *state) end(ctx context.Context) error {
	if s.Guest != "" {
		if err := kill(ctx, s.guest); err != nil {
			return err
		}
	}
	return removeGroups(ctx, s.Groups)
}

// kill kills a guest and waits for its end, and so for that of all others in
// its pid namespace. Nothing else is ever killed.
func kill(ctx context.Context, guest sandbox.Owner) error {
	fd, err := unix.PidfdOpen(guest.PID, 0)
	if err == nil {
		defer unix.Close(fd)
	}
	// A guest that is there now was there when its number was opened.
	if !isSeen(guest) {
		if guest.Dead() {
			return nil
		}
		return errors.New("its guest is of another machine, boot or pid namespace, and can only be ended there")
	}
	if err != nil {
		return os.NewSyscallError("pidfd_open", err)
	}
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return os.NewSyscallError("pidfd_send_signal", err)
	}
	const step = 100 // milliseconds
	for ctx.Err() == nil {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, step)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("poll", err)
		}
		if n > 0 {
			return nil
		}
	}
	return ctx.Err()
}
