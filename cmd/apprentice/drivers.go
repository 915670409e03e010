package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sourcegraph/conc/pool"
	"github.com/spf13/cobra"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/docker"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
	"github.com/apprentice-rl/apprentice/sandbox/local"
)

// starterImage is the image for tasks that name none, on Docker.
func starterImage() docker.DebianImage {
	return docker.DebianImage{
		Name:     "apprentice/starter",
		Release:  "bookworm",
		Packages: []string{"bash", "ca-certificates", "git", "golang-go", "patch", "python3"},
	}
}

// sandboxFlags choose the sandbox driver.
type sandboxFlags struct {
	driver    string
	image     string
	budget    float64 // gigabytes
	needsBase bool    // not a flag; see openDriver
}

func (f *sandboxFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.driver, "sandbox", "auto", "sandbox driver: docker, local, or auto (docker where an engine answers and has or can build an image, else local)")
	cmd.Flags().StringVar(&f.image, "image", "", "image for tasks that name none (default: built from Debian packages on docker, this machine's own programs on local); local reads oci:FOLDER[:TAG] and docker-archive:FILE[:NAME] too")
	cmd.Flags().Float64Var(&f.budget, "image-budget", 0, "gigabytes of disk for the images that apprentice itself pulled, built or froze on docker; what was not used for the longest time is removed (0: no bound)")
	_ = cmd.RegisterFlagCompletionFunc("sandbox", cobra.FixedCompletions([]string{"auto", "docker", "local"}, cobra.ShellCompDirectiveNoFileComp))
}

// A closingDriver is a driver that holds resources.
type closingDriver interface {
	sandbox.Driver
	Close() error
}

// openDriver opens the driver that the flags ask for, for these tasks, and
// removes what earlier runs that were killed have left.
func (a *app) openDriver(ctx context.Context, f sandboxFlags, tasks ...env.Task) (closingDriver, error) {
	// An image for tasks that name none is needed only where there are such.
	f.needsBase = slices.ContainsFunc(tasks, func(t env.Task) bool { return t.Image == "" })
	d, err := a.chooseDriver(ctx, f)
	if err != nil {
		return nil, err
	}
	if err := a.tidy(ctx, d); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// tidy removes leftovers before other work. What cannot be removed keeps nobody
// from it.
func (a *app) tidy(ctx context.Context, d sandbox.Driver) error {
	_, err := a.collect(ctx, d)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		a.say("not all that earlier runs left behind could be removed; going on: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return nil
}

func (a *app) chooseDriver(ctx context.Context, f sandboxFlags) (closingDriver, error) {
	switch f.driver {
	case "docker":
		return a.openDocker(ctx, f)
	case "local":
		return a.openLocal(ctx, f.image)
	case "auto":
		d, err := a.openDocker(ctx, f)
		if err == nil {
			return d, nil
		}
		if f.image != "" || ctx.Err() != nil {
			return nil, err
		}
		if !errors.Is(err, errNoEngine) { // an engine without an image is worth a word
			a.say("not using docker: %v", err)
		}
		return a.openLocal(ctx, "")
	}
	return nil, userf("--sandbox %s: there is no such driver; use auto, docker or local", f.driver)
}

func (a *app) openLocal(ctx context.Context, image string) (closingDriver, error) {
	opts := local.Options{BaseImage: image, Progress: a.imageProgress()}
	// A checkout of this program, below a folder that is shown, has the gold
	// patches in it.
	if dir, err := os.Getwd(); err == nil && isDir(filepath.Join(dir, ".git")) {
		opts.Hide = append(opts.Hide, dir)
	}
	if home, err := os.UserHomeDir(); err == nil && home != "/" {
		opts.Hide = append(opts.Hide, home)
	}
	d, err := local.New(opts)
	if err != nil {
		return nil, err
	}
	// Once here, and not task by task: whether this kernel lets us at all.
	sb, err := guest.Open(ctx, d, sandbox.Spec{Run: "probe"})
	if err == nil {
		err = sb.Close()
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// imageProgress tells of images that are being fetched: when that begins, and
// every few seconds.
func (a *app) imageProgress() func(sandbox.Progress) {
	const pause = 5 * time.Second
	var mu sync.Mutex
	said := map[string]time.Time{}
	return func(p sandbox.Progress) {
		mu.Lock()
		defer mu.Unlock()
		if time.Since(said[p.Image]) < pause {
			return
		}
		said[p.Image] = time.Now()
		const mb = 1_000_000
		if p.Total > 0 {
			a.say("image %s: %s, %d of %d MB", p.Image, p.Doing, p.Done/mb, p.Total/mb)
			return
		}
		a.say("image %s: %s, %d MB", p.Image, p.Doing, p.Done/mb)
	}
}

// errNoEngine: Docker is not there at all, which is nothing to talk about when
// nobody asked for it.
var errNoEngine = errors.New("start a Docker Engine, point DOCKER_HOST at one, or use --sandbox local")

func (a *app) openDocker(ctx context.Context, f sandboxFlags) (closingDriver, error) {
	img := starterImage()
	base := f.image
	if base == "" {
		base = img.Ref()
	}
	d, err := docker.New(ctx, docker.Options{
		BaseImage:   base,
		Progress:    a.imageProgress(),
		ImageBudget: int64(f.budget * 1e9),
		Dir:         dockerDir(),
	})
	if errors.Is(err, sandbox.ErrUnavailable) {
		return nil, fmt.Errorf("%w; %w", err, errNoEngine)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case f.image != "":
		_, err = d.Resolve(ctx, f.image)
	case f.needsBase:
		err = a.ensureImage(ctx, d, img)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// dockerDir is where the driver remembers the images that it pulled; empty,
// for not at all, where there is no place for that.
func dockerDir() string {
	cache, err := "/var/cache", error(nil)
	if os.Geteuid() != 0 {
		cache, err = os.UserCacheDir()
	}
	dir := filepath.Join(cache, "apprentice", "docker")
	if err != nil || os.MkdirAll(dir, 0o755) != nil {
		return ""
	}
	return dir
}

// ensureImage builds the image if the engine has not got it.
func (a *app) ensureImage(ctx context.Context, d *docker.Driver, img docker.DebianImage) error {
	has, err := d.HasImage(ctx, img.Ref())
	if err != nil || has {
		return err
	}
	a.say("building image %s from Debian packages, once; this takes a minute or two", img.Ref())
	var log bytes.Buffer
	if err := d.BuildDebian(ctx, img, &log); err != nil {
		return fmt.Errorf("%w%s", err, lastLines(log.String(), 3))
	}
	return nil
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	if s == "" {
		return ""
	}
	return "\n  " + strings.Join(lines[max(0, len(lines)-n):], "\n  ")
}

// collect removes sandboxes whose owner is gone or whose time is over. An engine
// may be stuck with one for good, so each has its time, and they do not wait
// for each other.
func (a *app) collect(ctx context.Context, d sandbox.Driver) (removed []string, err error) {
	const patience, atOnce = 10 * time.Second, 8
	left, err := sandbox.Leftovers(ctx, d)
	if err != nil {
		return nil, err
	}
	errs := make([]error, len(left))
	removals := pool.New().WithMaxGoroutines(atOnce)
	for i, l := range left {
		removals.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			errs[i] = l.Remove(ctx)
		})
	}
	removals.Wait()
	for i, l := range left {
		if errs[i] == nil {
			removed = append(removed, l.ID)
		}
	}
	if len(removed) > 0 {
		a.say("removed what an earlier run left behind: %s", count(len(removed), "sandbox", "sandboxes"))
	}
	return removed, errors.Join(errs...)
}

// count names a number of things.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}
