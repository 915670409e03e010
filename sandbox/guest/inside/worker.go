package inside

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

// answerTime is how long a supervisor may take to answer once it has to: after
// the timeout of what it runs, and after a cancellation. It has to kill and
// count processes in that time. The client waits longer than this.
const answerTime = 12 * time.Second

// errLost says that a supervisor went away before it had answered, or does not
// speak the protocol any more. Only a process inside the sandbox can have
// brought that about.
var errLost = errors.New("the supervisor was lost")

// errUntaken is the errLost of a supervisor that had not read the request.
var errUntaken = fmt.Errorf("%w before it had the request", errLost)

// A worker is a running supervisor as the guest sees it. It does one thing at a
// time.
type worker struct {
	process *process
	link    *link
	replies chan wire.Frame // closed when the supervisor is gone
	end     error           // of the link, once replies is closed
}

// newWorker starts a supervisor in a mode of the guest program.
func (g *guest) newWorker(mode, dir string) (*worker, error) {
	w, err := g.startWorker(mode, dir)
	if err != nil {
		return nil, fmt.Errorf("starting a supervisor: %w", err)
	}
	go func() {
		defer close(w.replies)
		for {
			f, _, err := w.link.next()
			if err != nil {
				w.end = err
				return
			}
			w.replies <- f
		}
	}()
	return w, nil
}

func (g *guest) startWorker(mode, dir string) (*worker, error) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	defer unix.Close(ends[1])
	if err := unix.SetNonblock(ends[0], true); err != nil {
		_ = unix.Close(ends[0])
		return nil, os.NewSyscallError("set non-blocking", err)
	}
	near, err := newLink(ends[0], 0)
	if err != nil {
		return nil, err
	}
	p, err := g.children.start(g.program, []string{"apprentice-guest", mode}, &syscall.ProcAttr{
		Dir:   dir,
		Env:   g.environ,
		Files: []uintptr{uintptr(g.null), uintptr(g.null), 2, uintptr(ends[1])},
	})
	if err != nil {
		near.close()
		return nil, err
	}
	return &worker{process: p, link: near, replies: make(chan wire.Frame, 1)}, nil
}

// ask hands the supervisor a request, with descriptors, and returns its answer.
// Data that come before it go to data. When cancel is closed the supervisor is
// told so; it still answers. The error matches errLost when there was no answer,
// and errUntaken when the supervisor was lost before it had taken the request.
func (w *worker) ask(request wire.Frame, fds []int, timeout time.Duration, cancel <-chan struct{}, data io.Writer) ([]byte, error) {
	// Nothing for this request may reach the supervisor with the next one. It
	// does not read if something inside has stopped it; its end ends these.
	var telling sync.WaitGroup
	defer telling.Wait()
	var unsent error
	said := make(chan struct{}) // closed when it has been sent, or could not be
	telling.Go(func() {
		defer close(said)
		unsent = w.link.send(request, fds...)
	})
	var overdue <-chan time.Time
	if timeout > 0 {
		t := time.NewTimer(timeout + answerTime)
		defer t.Stop()
		overdue = t.C
	}
	for {
		select {
		case f, ok := <-w.replies:
			if !ok {
				if <-said; unsent != nil {
					return nil, fmt.Errorf("%w: %w", errUntaken, unsent)
				}
				// So the kernel tells that something was not read.
				if errors.Is(w.end, unix.ECONNRESET) && cancel != nil {
					return nil, errUntaken
				}
				return nil, errLost
			}
			switch f.Type {
			case wire.Data:
				if _, err := data.Write(f.Payload); err != nil && !errors.Is(err, wire.ErrStopped) {
					return nil, err
				}
			case wire.Result, wire.Ended:
				return f.Payload, nil
			case wire.Failure:
				var e wire.Error
				if err := json.Unmarshal(f.Payload, &e); err != nil {
					return nil, fmt.Errorf("%w: %w", errLost, err)
				}
				// Its words, and not its kind: a script may have a hold of the
				// supervisor of its session, and no say in whether the sandbox
				// is broken.
				return nil, errors.New(e.Message)
			default:
				return nil, fmt.Errorf("%w: frame of type %d", errLost, f.Type)
			}
		case <-cancel:
			cancel = nil
			overdue = time.After(answerTime)
			telling.Go(func() {
				<-said
				_ = w.link.w.Frame(wire.Frame{Type: wire.Cancel})
			})
		case <-overdue: // a process inside has stopped it
			w.process.kill()
			overdue = nil
		}
	}
}

// dismiss ends a supervisor, which ends everything under it first. What it
// could not end, because something killed it, ends here.
func (g *guest) dismiss(w *worker) error {
	_ = w.link.rc.Control(func(fd uintptr) { _ = unix.Shutdown(int(fd), unix.SHUT_WR) })
	go func() {
		for range w.replies { // nobody waits for these
		}
	}()
	w.process.within(answerTime)
	w.link.close()
	if w.process.status == 0 {
		return nil
	}
	if err := g.children.sweep(); err != nil {
		return fmt.Errorf("%w: %w", err, sandbox.ErrBroken)
	}
	return nil
}

// bury ends what a lost supervisor has left, and tells how what it ran has
// ended.
func (g *guest) bury(w *worker, began time.Time, timeout time.Duration) (sandbox.Result, error) {
	w.process.kill()
	if err := g.dismiss(w); err != nil {
		return sandbox.Result{}, err
	}
	res := ended(w.process.status)
	res.Duration = time.Since(began)
	switch {
	case timeout > 0 && res.Duration > timeout:
		res.End, res.ExitCode, res.Signal = sandbox.EndTimeout, -1, ""
		res.Reason = "the command stopped its own supervisor"
	case res.End == sandbox.EndExit:
		res.Reason = fmt.Sprintf("the command left its supervisor no way to go on (exit code %d)", res.ExitCode)
		res.End, res.ExitCode, res.Signal = sandbox.EndSignal, -1, "SIGKILL"
	default:
		res.Reason = "the command killed its own supervisor"
	}
	return res, nil
}
