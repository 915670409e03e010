package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// runFlags say where a run is on disk and how much of it happens at once.
type runFlags struct {
	dir      string
	parallel int
}

func (f *runFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.dir, "run", "runs/default", "folder of the run; a run that is there goes on where it stopped")
	cmd.Flags().IntVar(&f.parallel, "parallel", runtime.NumCPU(), "how many tasks at once")
}

// open makes the run's folder and holds it until release is called: two
// processes in one folder would take each other's logs for interrupted ones.
func (f *runFlags) open() (release func(), err error) {
	if f.parallel < 1 {
		return nil, userf("--parallel %d: want 1 or more", f.parallel)
	}
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		return nil, fmt.Errorf("run folder: %w; choose another with --run", err)
	}
	// The file stays: removing it would let a third process in beside one that
	// waits for the second.
	lock, err := os.OpenFile(filepath.Join(f.dir, ".lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("run folder %s cannot be written: %w; choose another with --run", f.dir, err)
	}
	// The kernel takes the lock back however this process ends.
	err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return func() { _ = lock.Close() }, nil
	}
	_ = lock.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, userf("run folder %s is in use by another apprentice; wait for its end, or choose another with --run", f.dir)
	}
	return nil, fmt.Errorf("run folder %s cannot be locked: %w; choose another with --run", f.dir, err)
}

// openRun opens a run's folder; from then on an interruption loses nothing.
func (a *app) openRun(f *runFlags) (release func(), err error) {
	release, err = f.open()
	if err == nil {
		a.kept = "; what was finished is kept, and the same command goes on from there"
	}
	return release, err
}

func (f *runFlags) name() string { return filepath.Base(filepath.Clean(f.dir)) }

// lifetime is how long a sandbox may live for work that may take so long. The
// rest of its life is for what comes before and after that work.
func lifetime(work time.Duration) time.Duration {
	const unbounded = 24 * time.Hour
	if work == 0 {
		return unbounded
	}
	return work + sandbox.DefaultLifetime
}

// runInfo is run.json: what was asked for, without secrets.
type runInfo struct {
	Name     string            `json:"name"`
	Started  time.Time         `json:"started"`
	Command  string            `json:"command"`
	Suite    string            `json:"suite"`
	Sandbox  string            `json:"sandbox"`
	Image    string            `json:"image"`
	Versions map[string]string `json:"versions"`
	Options  any               `json:"options,omitempty"`
}

// versions says what was running.
func versions() map[string]string {
	v := map[string]string{"go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH, "apprentice": "unknown"}
	if info, ok := debug.ReadBuildInfo(); ok {
		v["apprentice"] = info.Main.Version
	}
	return v
}

// writeRunInfo writes run.json unless it is there: a run that goes on keeps
// the one it began with.
func writeRunInfo(ctx context.Context, rf runFlags, d sandbox.Driver, info runInfo) error {
	path := filepath.Join(rf.dir, "run.json")
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	info.Name, info.Started, info.Sandbox, info.Versions = rf.name(), time.Now().UTC(), d.Name(), versions()
	info.Image, _ = d.Resolve(ctx, "") // a driver without a base has no image to name
	b, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		return err
	}
	return renameio.WriteFile(path, append(b, '\n'), 0o644)
}
