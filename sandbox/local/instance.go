//go:build linux

package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/inside"
	"github.com/apprentice-rl/apprentice/sandbox/local/contain"
)

// An instance is one running local sandbox.
type instance struct {
	id          string
	driver      *Driver
	ground      *ground
	written     *written // what it writes, for snapshots
	enforcement map[sandbox.Limit]sandbox.Enforcement
	limits      sandbox.Limits
	group       *group
	cmd         *exec.Cmd
	stream      stream
	notes       sandbox.Notes
	destroyed   atomic.Bool

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

// start makes the process, writes down that it is there, tells it the plan, and
// waits until the walls stand.
func (in *instance) start(ctx context.Context, cmd *exec.Cmd, plan contain.Plan, labels sandbox.Labels) (err error) {
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
	note, err := in.driver.note(in, labels)
	if err != nil {
		return err
	}
	defer note.Close()
	if err := in.group.make(); err != nil {
		return errors.Join(err, note.forget())
	}
	if err := in.group.start(cmd.SysProcAttr, cmd.Start); err != nil {
		// Where only the way back to our own group failed, the process is there.
		if cmd.Process != nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		return errors.Join(unavailable(err), in.group.remove(context.Background()), note.forget())
	}
	in.stream = stream{Reader: outR, in: keep(inW), out: keep(outR)}
	shared := forgetShared(cmd.Process.Pid) // before anybody waits, so that the number stays this process's
	go in.wait()
	_ = failW.Close()
	// All this while the process is starting; it waits for its plan.
	text, err := json.Marshal(plan)
	if err := errors.Join(shared, err, note.complete(cmd.Process.Pid), in.group.limit(in.limits)); err != nil {
		return errors.Join(err, in.Destroy(context.Background()))
	}
	go func() { // the plan may be larger than a pipe
		_, _ = planW.Write(text)
		_ = planW.Close()
	}()
	keep(planW)
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })()
	// Its end says that the walls stand and the guest is there.
	if failure, err := io.ReadAll(failR); err != nil || len(failure) > 0 {
		_ = in.stream.Close()
		<-in.dead
		if err == nil {
			err = wallFailure(failure)
		}
		return unavailable(err)
	}
	switch err := in.written.receive(get); {
	case errors.Is(err, unix.EAGAIN): // it has ended before it could send anything
		_ = in.stream.Close()
		<-in.dead
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if in.death.Cause == sandbox.DeathMemory {
			return fmt.Errorf("Limits.Memory: %s", in.death.Detail)
		}
		return fmt.Errorf("%w: its first process ended: %s", sandbox.ErrBroken, in.death.Detail)
	case err != nil:
		return errors.Join(err, in.Destroy(context.WithoutCancel(ctx)))
	}
	return nil
}

// forgetShared has the kernel remove shared memory of System V that nobody uses,
// in the ipc namespace of a process, where contain may not ask for that. An
// ordinary user may not either.
func forgetShared(pid int) error {
	if os.Geteuid() != 0 {
		return nil
	}
	own, err := os.Open("/proc/thread-self/ns/ipc")
	if err != nil {
		return err
	}
	defer own.Close()
	its, err := os.Open(fmt.Sprintf("/proc/%d/ns/ipc", pid))
	if err != nil {
		return err
	}
	defer its.Close()
	defer runtime.UnlockOSThread()
	runtime.LockOSThread()
	if unix.Setns(int(its.Fd()), unix.CLONE_NEWIPC) != nil {
		return nil // this root's rights do not reach that far
	}
	_ = os.WriteFile("/proc/sys/kernel/shm_rmid_forced", []byte("1"), 0)
	if err := unix.Setns(int(own.Fd()), unix.CLONE_NEWIPC); err != nil {
		runtime.LockOSThread() // better to lose the thread than to let others run on it
		return fmt.Errorf("leaving the ipc namespace of a sandbox: %w", err)
	}
	return nil
}

// A wallFailure is what the first process said when it could not build the
// walls.
type wallFailure string

func (f wallFailure) Error() string { return string(f) }

// Is recognises what the kernel forbade, or had no more of.
func (f wallFailure) Is(target error) bool {
	known := append([]error{unix.EPERM, unix.EACCES}, scarce...)
	return slices.Contains(known, target) && strings.HasSuffix(string(f), target.Error())
}

// scarce is what the kernel says when a machine has no more of something now.
var scarce = []error{unix.EAGAIN, unix.ENOMEM, unix.EMFILE, unix.ENFILE}

// exhausted marks the error of a machine that has no more of something now.
func exhausted(err error) error {
	if errors.Is(err, sandbox.ErrUnavailable) || !slices.ContainsFunc(scarce, func(s error) bool { return errors.Is(err, s) }) {
		return err
	}
	return fmt.Errorf("%w: %w", err, sandbox.ErrUnavailable)
}

// unavailable explains why the first process of a sandbox could not be started,
// or could not build the walls, where that is the machine's fault.
func unavailable(err error) error {
	detail, mend := explain("", err)
	if detail == err.Error() {
		return err
	}
	return fmt.Errorf("%s: %w; %s: %w", detail, err, mend, sandbox.ErrUnavailable)
}

func (in *instance) wait() {
	err := in.cmd.Wait()
	d := sandbox.Death{Cause: sandbox.DeathKilled, Detail: in.notes.String()}
	switch code := in.cmd.ProcessState.ExitCode(); {
	case err == nil, in.destroyed.Load():
		d.Cause = sandbox.DeathClosed
	case code == inside.DeadlineExit:
		d.Cause = sandbox.DeathDeadline
	case code < 0 && in.group.oomKills() > 0:
		// Nothing inside can kill the init of a pid namespace; the kernel can.
		d.Cause = sandbox.DeathMemory
		d.Detail = fmt.Sprintf("the sandbox used all of its %d bytes of memory, and the guest itself was killed for it", in.limits.Memory)
	}
	if d.Detail == "" && err != nil {
		d.Detail = err.Error()
	}
	if err := in.group.remove(context.Background()); err != nil {
		// The note stays, so that a later process tries again.
		d.Detail = errors.Join(errors.New(d.Detail), err).Error()
	} else {
		_ = os.Remove(in.driver.stateFile(in.id))
	}
	in.death = d
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
	if !in.destroyed.Swap(true) {
		_ = in.stream.Close()
		_ = in.cmd.Process.Kill()
	}
	select {
	case <-in.dead:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("destroying sandbox %s: %w", in.id, ctx.Err())
	}
}
