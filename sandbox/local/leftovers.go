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
	Guest   string            `json:"guest"` // a sandbox.Owner: the guest's process
	Started time.Time         `json:"started"`
	Labels  map[string]string `json:"labels"`
}

func (d *Driver) stateFile(id string) string {
	return filepath.Join(d.dir, "sandboxes", id+".json")
}

func (d *Driver) remember(in *instance, labels sandbox.Labels) error {
	guest, err := sandbox.OwnerOf(in.cmd.Process.Pid)
	if err != nil {
		return err
	}
	b, err := json.Marshal(state{ID: in.id, Guest: guest.String(), Started: time.Now().UTC(), Labels: labels.Map()})
	if err != nil {
		return err
	}
	return os.WriteFile(d.stateFile(in.id), b, 0o600)
}

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
		var s state
		if err := json.Unmarshal(b, &s); err != nil {
			continue // being written just now
		}
		labels, err := sandbox.ParseLabels(s.Labels)
		if err != nil {
			continue
		}
		guest, err := sandbox.ParseOwner(s.Guest)
		if err != nil {
			continue
		}
		found = append(found, sandbox.Running{ID: s.ID, Labels: labels, Started: s.Started, Remove: func(context.Context) error {
			if !guest.Dead() {
				if err := unix.Kill(guest.PID, unix.SIGKILL); err != nil && err != unix.ESRCH {
					return fmt.Errorf("killing sandbox %s: %w", s.ID, err)
				}
			}
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			return nil
		}})
	}
	return found, nil
}
