//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
)

const cliExec = "`docker exec`, CLI"

// actions measures one action in a sandbox that runs: first beside the floors
// alone, then in turns with the peers, which keep the machine busy for a while
// after they have answered.
func (b *bench) actions(ctx context.Context) (err error) {
	ours := []contender{forkExec(), sixNamespaces()}
	var peers []contender
	for _, d := range b.drivers() {
		sb, err := guest.Open(ctx, d, b.spec())
		if err != nil {
			return err
		}
		defer sb.Close()
		sh, err := sb.Shell(ctx, "/")
		if err != nil {
			return err
		}
		ours = append(ours, guestExec(d.Name(), sb), shellAction(d.Name(), sh, "true"), shellAction(d.Name(), sh, "/bin/true"))
		if d != b.docker {
			continue
		}
		id := sb.Instance().ID()
		bash, err := startBash(id)
		if err != nil {
			return err
		}
		defer bash.close()
		peers = append(peers, bash.contender())
		if e := newEngine(); e != nil {
			defer e.close()
			peers = append(peers, contender{do: func(ctx context.Context, s *samples) error {
				return s.time("`docker exec`, API", func() error { return e.exec(ctx, id, "true") })
			}})
		}
		peers = append(peers, contender{do: func(ctx context.Context, s *samples) error {
			return s.time(cliExec, func() error { return cli(ctx, nil, "docker", "exec", id, "true") })
		}})
	}
	s, err := rounds(ctx, 5*b.n, ours)
	if err != nil {
		return err
	}
	b.table("One action beside the floors", s, []string{hostTrue}, "")
	if len(peers) == 0 {
		return nil
	}
	if s, err = rounds(ctx, b.n, append(ours, peers...)); err != nil {
		return err
	}
	b.table("One action in turns with the peers", s, []string{hostTrue}, cliExec)
	return nil
}

// drivers are those that work here.
func (b *bench) drivers() []sandbox.Driver {
	all := []sandbox.Driver{b.local}
	if b.docker != nil {
		all = append(all, b.docker)
	}
	return all
}

func (b *bench) spec() sandbox.Spec { return sandbox.Spec{Run: "perf"} }

func guestExec(driver string, sb *guest.Sandbox) contender {
	return contender{do: func(ctx context.Context, s *samples) error {
		return s.time("guest, "+driver+": exec of `true`", func() error { return runTrue(ctx, sb) })
	}}
}

func runTrue(ctx context.Context, sb *guest.Sandbox) error {
	res, err := sb.Run(ctx, sandbox.Command{Argv: []string{"true"}})
	if err == nil && !res.Succeeded() {
		err = fmt.Errorf("true: %+v", res)
	}
	return err
}

func shellAction(driver string, sh sandbox.Shell, script string) contender {
	return contender{do: func(ctx context.Context, s *samples) error {
		return s.time("guest, "+driver+": `"+script+"` in a session", func() error {
			res, err := sh.Run(ctx, script, 0)
			if err == nil && !res.Succeeded() {
				err = fmt.Errorf("%s: %+v", script, res)
			}
			return err
		})
	}}
}

// A bash is the usual way around the price of `docker exec`: one that stays,
// with scripts written to its input and a marker awaited on its output.
type bash struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startBash(container string) (*bash, error) {
	cmd := exec.Command("docker", "exec", "--interactive", container, "bash")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &bash{cmd, in, bufio.NewReader(out)}, cmd.Start()
}

func (b *bash) contender() contender {
	return contender{do: func(_ context.Context, s *samples) error {
		return s.time("bash over `docker exec -i`: `/bin/true`", func() error {
			if _, err := fmt.Fprintf(b.in, "/bin/true\necho marker $?\n"); err != nil {
				return err
			}
			line, err := b.out.ReadString('\n')
			if err == nil && line != "marker 0\n" {
				err = errors.New("the persistent bash said " + line)
			}
			return err
		})
	}}
}

func (b *bash) close() {
	_ = b.in.Close()
	_ = b.cmd.Wait() // its container may be gone already
}
