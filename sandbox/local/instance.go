//go:build linux

package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/inside"
)

// An instance is one running local sandbox.
type instance struct {
	id          string
	driver      *Driver
	ground      *ground
	written     *written // what it writes, for snapshots
	enforcement map[sandbox.Limit]sandbox.Enforcement
	cmd         *exec.Cmd
	stream      stream
	notes       sandbox.Notes
	destroyed   sync.Once

	dead  chan struct{} // closed when the guest has ended
	death sandbox.Death
}

// stream joins the guest's standard input and output.
type stream struct {
	io.Reader
	in, out *os.File
}

func (s stream) Write(p []byte) (int, error) { return s.in.Write(p) }
func (s stream) Close() error                { return errors.Join(s.in.Close(), s.out.Close()) }

func (in *instance) start(cmd *exec.Cmd, plan []byte) error {
	var files []*os.File
	pipe := func() (r, w *os.File, err error) {
		if r, w, err = os.Pipe(); err == nil {
			files = append(files, r, w)
		}
		return r, w, err
	}
	defer func() {
		for _, f := range files {
			if f != nil {
				_ = f.Close()
			}
		}
	}()
	keep := func(f *os.File) *os.File {
		for i := range files {
			if files[i] == f {
				files[i] = nil
			}
		}
		return f
	}
	inR, inW, err := pipe()
	if err != nil {
		return err
	}
	outR, outW, err := pipe()
	if err != nil {
		return err
	}
	planR, planW, err := pipe()
	if err != nil {
		return err
	}
	failR, failW, err := pipe()
	if err != nil {
		return err
	}
	give, get, err := socketPair()
	if err != nil {
		return err
	}
	files = append(files, give, get)
	in.cmd = cmd
	cmd.Stdin, cmd.Stdout, cmd.Stderr = inR, outW, &in.notes
	cmd.ExtraFiles = []*os.File{planR, failW, give} // contain.PlanFD, contain.FailureFD, contain.WrittenFD
	if err := cmd.Start(); err != nil {
		return unavailable(err)
	}
	go func() { // the plan may be larger than a pipe
		_, _ = planW.Write(plan)
		_ = planW.Close()
	}()
	keep(planW)
	in.stream = stream{Reader: outR, in: keep(inW), out: keep(outR)}
	go in.wait()
	_ = failW.Close()
	// Its end says that the walls stand and the guest is there.
	if failure, err := io.ReadAll(failR); err != nil || len(failure) > 0 {
		_ = in.stream.Close()
		<-in.dead
		return unavailable(errors.Join(err, errors.New(string(failure))))
	}
	return in.written.receive(get)
}

// unavailable explains why namespaces could not be made.
func unavailable(err error) error {
	hint := "; 'apprentice doctor' says more, and --sandbox docker does without namespaces of our own"
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		hint = "; this kernel forbids user namespaces to this user (see kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns)"
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EUSERS):
		hint = "; the limit on user namespaces is used up (user.max_user_namespaces)"
	}
	return fmt.Errorf("%w%s: %w", err, hint, sandbox.ErrUnavailable)
}

func (in *instance) wait() {
	err := in.cmd.Wait()
	d := sandbox.Death{Cause: sandbox.DeathKilled, Detail: in.notes.String()}
	switch code := in.cmd.ProcessState.ExitCode(); {
	case err == nil:
		d.Cause = sandbox.DeathClosed
	case code == inside.DeadlineExit:
		d.Cause = sandbox.DeathDeadline
	}
	if d.Detail == "" && err != nil {
		d.Detail = err.Error()
	}
	in.death = d
	_ = os.Remove(in.driver.stateFile(in.id))
	in.written.close()
	in.ground.release()
	close(in.dead)
}

func (in *instance) ID() string                 { return in.id }
func (in *instance) Stream() io.ReadWriteCloser { return in.stream }

func (in *instance) Enforcement() map[sandbox.Limit]sandbox.Enforcement { return in.enforcement }

func (in *instance) Wait(ctx context.Context) (sandbox.Death, error) {
	select {
	case <-in.dead:
		return in.death, nil
	case <-ctx.Done():
		return sandbox.Death{}, ctx.Err()
	}
}

// Destroy kills the guest, which is the init of its pid namespace; the kernel
// then kills all the rest, and the mounts go with the last process.
func (in *instance) Destroy(ctx context.Context) error {
	in.destroyed.Do(func() {
		_ = in.stream.Close()
		_ = in.cmd.Process.Kill()
	})
	select {
	case <-in.dead:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("destroying sandbox %s: %w", in.id, ctx.Err())
	}
}
