package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/apprentice-rl/apprentice/trajectories"
)

// A Result is what became of one episode.
type Result struct {
	TaskID  string
	Attempt int    // from 1
	Path    string // of the log
	// Trajectory sums the episode up when it came to its end.
	Trajectory *Summary
	// Kept says that an earlier run had finished it.
	Kept bool
	// Skipped is why the episode could not be run here at all, such as a
	// program that the sandbox lacks.
	Skipped string
	// Err is why the episode has no end: the infrastructure broke it, or the
	// run was stopped. It says nothing about the policy. Next to a Trajectory
	// it says that the sandbox could not be destroyed.
	Err error
}

// A Summary is a trajectory without its events.
type Summary struct {
	Header trajectories.Header
	Status trajectories.ExitStatus
	Detail string
	Turns  int
	Steps  int // turns with at least one action
	Usage  trajectories.Usage
	Patch  string
}

// Summarize sums up a trajectory that has an end.
func Summarize(t *trajectories.Trajectory) *Summary {
	return &Summary{
		Header: t.Header,
		Status: t.End.Status,
		Detail: t.End.Detail,
		Turns:  len(t.Turns),
		Steps:  len(t.Steps()),
		Usage:  t.Usage(),
		Patch:  t.End.Patch,
	}
}

// finished returns the summary of the job's episode when its log is there and
// has an end, and nil when it has to be run. A log that cannot be read is the user's to look at:
// it may come from a newer version.
func (r *Recorder) finished(j job) (*Summary, error) {
	t, err := trajectories.Read(j.path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, trajectories.ErrNoHeader):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("an earlier trajectory is broken, move it away to record it anew: %w", err)
	case t.End == nil || t.End.Status == trajectories.ExitInfrastructure:
		return nil, nil
	}
	policy, err := r.NewPolicy(j.task)
	if err != nil {
		return nil, fmt.Errorf("making the policy: %w", err)
	}
	defer closePolicy(policy)
	if got := policy.Describe(); got != t.Header.Policy {
		return nil, inputf("%s is a trajectory of policy %s, not of %s: record into another folder",
			j.path, name(t.Header.Policy), name(got))
	}
	return Summarize(t), nil
}

// same says whether the episode would be the same one now: not of a task that
// has changed, nor in another sandbox. An image that cannot be asked for (it was
// removed, say) speaks against nothing that was recorded in it.
func (r *Recorder) same(ctx context.Context, j job, found *Summary) (bool, error) {
	was, is := found.Header, r.logged(trajectories.Header{Task: headerTask(j.task)})
	was.Task.Image = is.Task.Image // its contents count, not its name
	if was.Task != is.Task {
		return false, nil
	}
	driver, image, err := r.Launcher.Locate(ctx, j.task)
	if cause := context.Cause(ctx); cause != nil {
		return false, cause
	}
	return err != nil || driver == was.Sandbox.Driver && image == was.Sandbox.Image, nil
}

func name(p trajectories.Policy) string {
	if p.Model == "" {
		return p.Name
	}
	return p.Name + " " + p.Model
}

// setAside renames a log to the first free name of the form path.why-N, so
// that the episode can be recorded anew.
func setAside(path, why string) error {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for n := 1; ; n++ {
		aside := fmt.Sprintf("%s.%s-%d", path, why, n)
		if _, err := os.Lstat(aside); err == nil {
			continue
		}
		if err := os.Rename(path, aside); err != nil {
			return &trajectories.WriteError{Path: path, Op: "new name of a log to be set aside", Err: err}
		}
		return nil
	}
}
