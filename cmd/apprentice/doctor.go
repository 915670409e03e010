package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/docker"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
	"github.com/apprentice-rl/apprentice/sandbox/local"
)

// A checkup is what doctor found about one driver.
type checkup struct {
	Driver   string                                `json:"driver"`
	OK       bool                                  `json:"ok"`
	Detail   string                                `json:"detail"`
	Start    float64                               `json:"start_ms,omitempty"` // from nothing to the first command done
	Programs map[string]string                     `json:"programs,omitempty"` // name to version, "" for missing
	Limits   map[sandbox.Limit]sandbox.Enforcement `json:"limits,omitempty"`
	Findings []local.Finding                       `json:"findings,omitempty"` // part by part, of the local driver
}

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Say what this machine can run, and how to mend what it cannot",
		Long: `Start a sandbox with each driver, and say what is in it, which limits are in
force, and what to do where that does not work.`,
		Example: "  apprentice doctor\n  apprentice doctor --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			checks := []checkup{a.checkLocal(cmd.Context()), a.checkDocker(cmd.Context())}
			if a.json {
				if err := a.printJSON(map[string]any{"drivers": checks}); err != nil {
					return err
				}
			}
			usable := false
			for _, c := range checks {
				usable = usable || c.OK
				if !a.json {
					a.printCheckup(c)
				}
			}
			if !usable {
				a.say("no driver works here")
				return fmt.Errorf("%w: %w", sandbox.ErrUnavailable, errSaid)
			}
			return nil
		},
	}
}

func (a *app) printCheckup(c checkup) {
	mark := "ok     "
	if !c.OK {
		mark = "not ok "
	}
	fmt.Fprintf(a.stdout, "%s%s: %s\n", mark, c.Driver, c.Detail)
	for _, f := range c.Findings {
		if !f.OK {
			fmt.Fprintf(a.stdout, "       %s: %s", f.What, f.Detail)
			if f.Mend != "" {
				fmt.Fprintf(a.stdout, "\n         to mend it: %s", f.Mend)
			}
			fmt.Fprintln(a.stdout)
		}
	}
	if !c.OK {
		return
	}
	for _, p := range checkedPrograms {
		version := c.Programs[p]
		if version == "" {
			version = "missing: tasks that need it are skipped"
		}
		fmt.Fprintf(a.stdout, "       %-8s %s\n", p, version)
	}
	var open []string
	for _, l := range []sandbox.Limit{
		sandbox.LimitMemory, sandbox.LimitCPU, sandbox.LimitProcesses, sandbox.LimitDisk,
		sandbox.LimitNetwork, sandbox.LimitCapabilities, sandbox.LimitNewPrivileges, sandbox.LimitSyscalls,
	} {
		if c.Limits[l] != sandbox.Enforced {
			open = append(open, string(l))
		}
	}
	if len(open) > 0 {
		fmt.Fprintf(a.stdout, "       not enforced here: %s\n", strings.Join(open, ", "))
	}
}

func (a *app) checkLocal(ctx context.Context) checkup {
	d, err := local.New(local.Options{})
	if err != nil {
		return checkup{Driver: "local", Detail: err.Error()}
	}
	defer d.Close()
	c := check(ctx, d)
	c.Findings = d.Diagnose()
	return c
}

func (a *app) checkDocker(ctx context.Context) checkup {
	img := starterImage().Ref()
	d, err := docker.New(ctx, docker.Options{BaseImage: img})
	if err != nil {
		return checkup{Driver: "docker", Detail: strings.TrimPrefix(err.Error(), "docker: ") + "; start one, or point DOCKER_HOST at one"}
	}
	defer d.Close()
	has, err := d.HasImage(ctx, img)
	if err != nil {
		return checkup{Driver: "docker", Detail: err.Error()}
	}
	if !has {
		return checkup{Driver: "docker", Detail: "an engine answers, but it has no image for the starter suite; 'apprentice tasks images --build' makes one"}
	}
	return check(ctx, d)
}

var checkedPrograms = []string{"bash", "git", "go", "python3"}

// check starts a sandbox and looks around in it.
func check(ctx context.Context, d sandbox.Driver) checkup {
	c := checkup{Driver: d.Name(), Programs: map[string]string{}}
	began := time.Now()
	sb, err := guest.Open(ctx, d, sandbox.Spec{Run: "doctor"})
	if err != nil {
		c.Detail = err.Error()
		return c
	}
	defer sb.Close()
	if _, err := sb.Run(ctx, sandbox.Command{Argv: []string{"true"}}); err != nil {
		c.Detail = err.Error()
		return c
	}
	took := time.Since(began)
	c.OK = true
	c.Start = float64(took.Microseconds()) / 1000
	c.Detail = fmt.Sprintf("works; %.0f ms from nothing to the first command done", c.Start)
	c.Limits = sb.Instance().Enforcement()
	for _, p := range checkedPrograms {
		flag := "--version"
		if p == "go" {
			flag = "version"
		}
		res, err := sb.Run(ctx, sandbox.Command{Argv: []string{p, flag}})
		if err == nil && res.Succeeded() {
			first, _, _ := strings.Cut(string(res.Output), "\n")
			c.Programs[p] = first
		}
	}
	return c
}
