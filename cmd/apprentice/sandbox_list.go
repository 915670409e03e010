package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/docker"
	"github.com/apprentice-rl/apprentice/sandbox/local"
)

func (a *app) sandboxListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the sandboxes of this user on this machine, alive and left over",
		Long: `List the sandboxes that apprentice has started, of all runs and both drivers, the
newest last. A sandbox belongs to the process that started it. One whose owner is
gone or whose deadline has passed is left over; 'apprentice sandbox gc' removes
those. Of an owner on another machine or in another container nothing is known.`,
		Example: `  apprentice sandbox list
  apprentice sandbox list --json | jq '.[] | select(.leftover) | .id'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found := []listed{}
			err := eachDriver(cmd.Context(), func(d sandbox.Driver) error {
				all, err := d.List(cmd.Context())
				for _, r := range all {
					found = append(found, list(d, r))
				}
				return err
			})
			slices.SortStableFunc(found, func(x, y listed) int { return x.Started.Compare(y.Started) })
			switch {
			case a.json:
				return errors.Join(a.printJSON(found), err)
			case err != nil && len(found) == 0:
				return err // that there are none is not known
			}
			return errors.Join(a.printList(found), err)
		},
	}
}

// listed is a sandbox in the list.
type listed struct {
	ID       string    `json:"id"`
	Driver   string    `json:"driver"`
	Run      string    `json:"run"`
	Owner    int       `json:"owner_pid"`
	State    string    `json:"owner"` // alive, gone, unknown
	Started  time.Time `json:"started"`
	Deadline time.Time `json:"deadline"`
	Leftover bool      `json:"leftover"`
}

func list(d sandbox.Driver, r sandbox.Running) listed {
	l := listed{
		ID: r.ID, Driver: d.Name(), Run: r.Labels.Run, Owner: r.Labels.Owner.PID, State: "unknown",
		Started: r.Started.UTC(), Deadline: r.Labels.Deadline.UTC(), Leftover: r.Labels.Stale(time.Now()),
	}
	switch {
	case r.Labels.Owner.Alive():
		l.State = "alive"
	case r.Labels.Owner.Dead():
		l.State = "gone"
	}
	return l
}

func (a *app) printList(found []listed) error {
	if len(found) == 0 {
		fmt.Fprintln(a.stdout, "no sandboxes")
		return nil
	}
	now := time.Now()
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tDRIVER\tRUN\tOWNER\tAGE\tDEADLINE\t")
	leftovers := 0
	for _, l := range found {
		run, deadline, note := l.Run, "in "+span(l.Deadline.Sub(now)), ""
		if run == "" {
			run = "-"
		}
		if now.After(l.Deadline) {
			deadline = span(now.Sub(l.Deadline)) + " ago"
		}
		if l.Leftover {
			note = "left over"
			leftovers++
		}
		id := l.ID
		if l.Driver == "docker" {
			id = fmt.Sprintf("%.12s", id) // as the docker command shows it
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d %s\t%s\t%s\t%s\n", id, l.Driver, run, l.Owner, l.State, span(now.Sub(l.Started)), deadline, note)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if leftovers > 0 {
		a.say("%s left over; remove with '%s sandbox gc'", count(leftovers, "sandbox", "sandboxes"), a.program)
	}
	return nil
}

// span renders a time span in its two largest units at most.
func span(d time.Duration) string {
	if d < time.Minute {
		return d.Round(time.Second).String()
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}

func (a *app) sandboxGCCommand() *cobra.Command {
	keep := -1.0 // gigabytes of images
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Remove sandboxes whose owner is gone or whose time is over",
		Long: `Remove sandboxes whose owner is gone or whose time is over, and no others. Every
command that starts sandboxes does the same first. With --keep-images, remove
images and snapshots of the local driver too, those first that were not used for
the longest time; what a sandbox stands on stays.`,
		Example: "  apprentice sandbox gc\n  apprentice sandbox gc --keep-images 20",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c := cleared{Removed: []string{}, Images: []string{}}
			err := eachDriver(cmd.Context(), func(d sandbox.Driver) error { return a.clear(cmd.Context(), d, keep, &c) })
			if a.json {
				return errors.Join(a.printJSON(c), err)
			}
			fmt.Fprintf(a.stdout, "%s removed\n", count(len(c.Removed), "sandbox", "sandboxes"))
			if keep >= 0 {
				fmt.Fprintf(a.stdout, "%s removed\n", count(len(c.Images), "image", "images"))
			}
			return err
		},
	}
	cmd.Flags().Float64Var(&keep, "keep-images", keep, "how many gigabytes of the local driver's images and snapshots to keep (default: all)")
	return cmd
}

// cleared is what a clean-up has removed.
type cleared struct {
	Removed []string `json:"removed"` // ids of sandboxes
	Images  []string `json:"images"`  // names
}

// clear removes what a driver has left over and, unless keep is negative, its
// images beyond so many gigabytes.
func (a *app) clear(ctx context.Context, d sandbox.Driver, keep float64, c *cleared) error {
	ids, err := a.collect(ctx, d)
	c.Removed = append(c.Removed, ids...)
	store, ok := d.(interface {
		GC(ctx context.Context, budget int64) ([]string, error)
	})
	if !ok || keep < 0 {
		return err
	}
	names, gerr := store.GC(ctx, int64(keep*1e9))
	c.Images = append(c.Images, names...)
	return errors.Join(err, gerr)
}

// eachDriver does something with every driver that works on this machine. What
// is wrong with one does not keep the other from it. That there is no engine is
// nothing wrong, unless the user says that there is one.
func eachDriver(ctx context.Context, do func(sandbox.Driver) error) error {
	var errs []error
	named := os.Getenv("DOCKER_HOST") != ""
	d, err := docker.New(ctx, docker.Options{})
	switch {
	case err == nil:
		errs = append(errs, do(d), d.Close())
	case named && errors.Is(err, sandbox.ErrUnavailable):
		errs = append(errs, fmt.Errorf("%w; its sandboxes are left out: correct DOCKER_HOST, or unset it", err))
	case !errors.Is(err, docker.ErrNoEngine):
		errs = append(errs, err)
	}
	l, err := local.New(local.Options{})
	switch {
	case err == nil:
		errs = append(errs, do(l), l.Close())
	case !errors.Is(err, sandbox.ErrUnavailable):
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
