package inside

import (
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

// maxIdle is how many supervisors without a command are kept.
const maxIdle = 4

// prepare starts a supervisor before the first command comes.
func (g *guest) prepare() {
	if w, err := g.newWorker("exec", ""); err == nil { // else the first command tells
		g.release(w)
	}
}

// acquire returns a supervisor without a command.
func (g *guest) acquire() (*worker, error) {
	<-g.stocked
	for {
		g.mu.Lock()
		var w *worker
		if n := len(g.idle); n > 0 {
			w, g.idle = g.idle[n-1], g.idle[:n-1]
		}
		g.mu.Unlock()
		if w == nil {
			return g.newWorker("exec", "")
		}
		if !w.process.gone() {
			return w, nil
		}
		_ = g.dismiss(w) // killed by a command; nothing was under it
	}
}

// release takes back a supervisor that has nothing left to look after.
func (g *guest) release(w *worker) {
	g.mu.Lock()
	if len(g.idle) < maxIdle {
		g.idle = append(g.idle, w)
		w = nil
	}
	g.mu.Unlock()
	if w != nil {
		_ = g.dismiss(w) // it has no children
	}
}

// exec runs a command under a supervisor and sends its output.
func (g *guest) exec(payload []byte, r *request) (any, error) {
	call, err := wire.ParseExecCall(payload)
	if err != nil {
		return nil, err
	}
	c := call.Command
	began, oom := time.Now(), g.killedForMemory()
	limit := c.OutputCap
	if limit == 0 {
		limit = sandbox.DefaultOutputCap
	}
	var kept *capture
	var sink io.Writer = r.out
	if !call.Stream {
		kept = newCapture(limit)
		sink = kept
	}
	s, err := g.openStreams(call, r, sink)
	if err != nil {
		return nil, err
	}
	defer s.close()
	res, err := g.run(payload, c.Timeout, s.far, r.cancel)
	if exhausted(err) {
		res, err = refused(err), nil
	}
	if err != nil {
		return nil, err
	}
	res.Duration = time.Since(began)
	g.explain(&res, c.Dir, oom)
	g.spent.add(res)
	s.closeFar()
	s.out.drain()
	if kept != nil {
		res.Dropped = kept.dropped()
		if _, err := r.out.Write(kept.bytes()); err != nil && !errors.Is(err, wire.ErrStopped) {
			return nil, err
		}
	}
	return res, nil
}

// run has a supervisor run the command in the payload of an Exec frame, on
// these descriptors.
func (g *guest) run(payload []byte, timeout time.Duration, fds []int, cancel <-chan struct{}) (sandbox.Result, error) {
	for began := time.Now(); ; {
		w, err := g.acquire()
		if err != nil {
			return sandbox.Result{}, err
		}
		answer, err := w.ask(wire.Frame{Type: wire.Exec, Payload: payload}, fds, timeout, cancel, io.Discard)
		switch {
		case err == nil:
			g.release(w)
			return wire.ParseResult(answer)
		case !errors.Is(err, errLost):
			return sandbox.Result{}, errors.Join(err, g.dismiss(w))
		}
		untaken := errors.Is(err, errUntaken)
		res, err := g.bury(w, began, timeout)
		if err != nil || !untaken {
			return res, err
		}
		// Another command has killed the supervisor before it had this one.
		// That must not go on for ever.
		if time.Since(began) > answerTime {
			return res, fmt.Errorf("finding a supervisor for a command: %w", errLost)
		}
	}
}

// exhausted tells whether an error says that what a sandbox may have of
// processes, memory or open files is used up, by what runs in it.
func exhausted(err error) bool {
	for _, errno := range []unix.Errno{unix.EAGAIN, unix.ENOMEM, unix.EMFILE, unix.ENFILE} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// explain looks for the limit behind the end of a command that failed; oom is
// how often the kernel had killed for memory before it began.
func (g *guest) explain(res *sandbox.Result, dir string, oom int64) {
	if res.Succeeded() || res.End == sandbox.EndTimeout || res.End == sandbox.EndRefused {
		return
	}
	switch {
	case g.killedForMemory() > oom:
		res.End, res.ExitCode, res.Signal = sandbox.EndMemory, -1, ""
	case res.Signal == "SIGXFSZ", g.ownDisk && full(dir):
		res.End, res.Signal = sandbox.EndQuota, ""
	}
}
