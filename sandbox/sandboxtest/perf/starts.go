//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
)

const cliRunDetached = "`docker run -d`, CLI"

// starts measures what it takes until a sandbox has done its first action, and
// until it is gone again.
func (b *bench) starts(ctx context.Context) error {
	quick := []contender{sixNamespaces(), startOf(b.local, b.spec())}
	if c, ok := bwrap(); ok {
		quick = append(quick, c)
	} else {
		b.say("bwrap is left out: it is not installed")
	}
	s, err := rounds(ctx, b.n, quick)
	if err != nil {
		return err
	}
	b.table("From nothing to the first action done, without a daemon", s, []string{namespacesTrue}, "")
	if b.docker == nil {
		return nil
	}
	s, err = rounds(ctx, b.n, []contender{startOf(b.docker, b.spec()), b.dockerRunDetached(), b.dockerRun()})
	if err != nil {
		return err
	}
	b.table("From nothing to the first action done, on Docker", s, []string{cliRunDetached}, "")
	return nil
}

func startOf(d sandbox.Driver, spec sandbox.Spec) contender {
	return contender{do: func(ctx context.Context, s *samples) error {
		var sb *guest.Sandbox
		if err := s.time(d.Name()+": start to first action", func() (err error) {
			if sb, err = guest.Open(ctx, d, spec); err != nil {
				return err
			}
			return runTrue(ctx, sb)
		}); err != nil {
			if sb != nil {
				_ = sb.Close()
			}
			return err
		}
		return s.time(d.Name()+": Close", sb.Close)
	}}
}

// bwrap builds walls like those of the local driver, for one command.
func bwrap() (c contender, ok bool) {
	path, err := exec.LookPath("bwrap")
	if err != nil {
		return contender{}, false
	}
	argv := []string{path, "--unshare-user", "--uid", "1000", "--gid", "1000", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts",
		"--unshare-cgroup-try", "--hostname", "sandbox", "--cap-drop", "ALL", "--new-session", "--die-with-parent", "--clearenv",
		"--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--dir", "/testbed"}
	for _, dir := range []string{"/bin", "/sbin", "/lib", "/lib64"} {
		if target, err := os.Readlink(dir); err == nil {
			argv = append(argv, "--symlink", target, dir)
		} else if _, err := os.Stat(dir); err == nil {
			argv = append(argv, "--ro-bind", dir, dir)
		}
	}
	argv = append(argv, "/usr/bin/true")
	return contender{do: func(ctx context.Context, s *samples) error {
		return s.time("bwrap: `true`, to its end", func() error { return cli(ctx, nil, argv...) })
	}}, true
}

// likeOurs are the flags that give a container what the driver gives it.
func (b *bench) likeOurs() []string {
	l := sandbox.DefaultLimits()
	return []string{"--label", peerLabel, "--network", "none", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--log-driver", "none",
		"--no-healthcheck", "--memory", fmt.Sprint(l.Memory), "--memory-swap", fmt.Sprint(l.Memory), "--pids-limit", fmt.Sprint(l.Processes), "--cpus", fmt.Sprint(l.CPUs)}
}

// dockerRunDetached is how peers start: a container that sleeps, and an exec.
func (b *bench) dockerRunDetached() contender {
	return contender{do: func(ctx context.Context, s *samples) error {
		name := "apprentice-perf-" + fmt.Sprint(os.Getpid())
		run := append([]string{"docker", "run", "--detach", "--name", name}, b.likeOurs()...)
		if err := s.time(cliRunDetached, func() error {
			return cli(ctx, nil, append(run, b.image, "sleep", "600")...)
		}); err != nil {
			return err
		}
		if err := s.time("`docker exec` of `true` after it, CLI", func() error {
			return cli(ctx, nil, "docker", "exec", name, "true")
		}); err != nil {
			return err
		}
		return s.time("`docker rm -f`, CLI", func() error {
			return cli(ctx, nil, "docker", "rm", "--force", "--volumes", name)
		})
	}}
}

func (b *bench) dockerRun() contender {
	run := append([]string{"docker", "run", "--rm"}, b.likeOurs()...)
	return contender{do: func(ctx context.Context, s *samples) error {
		return s.time("`docker run --rm` of `true`, to its end, CLI", func() error { return cli(ctx, nil, append(run, b.image, "true")...) })
	}}
}
