package inside

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

// answerTime is how long a supervisor may take to answer once it has to: after
// the timeout of what it runs, and after a cancellation. It has to kill and
// count processes in that time. The client waits longer than this.
const answerTime = 12 * time.Second

// A supervised is a running supervisor as the guest sees it.
type supervised struct {
	process  *process
	requests *os.File
	w        *wire.Writer
	replies  *os.File
	r        *wire.Reader
}

func (g *guest) supervise(mode, dir string) (*supervised, error) {
	reqIn, reqOut, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	repIn, repOut, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	p, err := g.children.start("/proc/self/exe", []string{"apprentice-guest", mode}, &os.ProcAttr{
		Dir:   dir,
		Env:   os.Environ(),
		Files: []*os.File{null, null, os.Stderr, reqIn, repOut},
	})
	for _, f := range []*os.File{null, reqIn, repOut} {
		_ = f.Close()
	}
	if err != nil {
		_ = reqOut.Close()
		_ = repIn.Close()
		return nil, fmt.Errorf("starting a supervisor: %w", err)
	}
	return &supervised{
		process:  p,
		requests: reqOut, w: wire.NewWriter(reqOut),
		replies: repIn, r: wire.NewReader(repIn),
	}, nil
}

// errLost says that a supervisor went away before it had answered, or does not
// speak the protocol any more. Only a process inside the sandbox can have
// brought that about.
var errLost = errors.New("the supervisor was lost")

// relay hands a request to the supervisor and its answer to the client, under
// the client's number for it. The error matches errLost when there was none.
func (s *supervised) relay(out *wire.Writer, id uint32, call wire.Call, cancel <-chan struct{}) (json.RawMessage, error) {
	var timeout time.Duration
	switch {
	case call.Command != nil:
		timeout = call.Command.Timeout
	case call.Script != nil:
		timeout = call.Script.Timeout
	}
	answered := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { s.watch(id, timeout, cancel, answered) })
	defer watching.Wait()
	defer close(answered)
	if err := s.w.JSON(wire.Request, id, call); err != nil {
		return nil, fmt.Errorf("%w: %w", errLost, err)
	}
	for {
		f, err := s.r.Next()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errLost, err)
		}
		switch f.Type {
		case wire.Data:
			if err := out.Frame(wire.Frame{Type: wire.Data, Request: id, Payload: f.Payload}); err != nil {
				return nil, err
			}
		case wire.Result:
			return f.Payload, nil
		case wire.Failure:
			var e wire.Error
			if err := json.Unmarshal(f.Payload, &e); err != nil {
				return nil, fmt.Errorf("%w: %w", errLost, err)
			}
			return nil, e
		default:
			return nil, fmt.Errorf("%w: frame of type %d", errLost, f.Type)
		}
	}
}

// watch passes a cancellation on, and kills a supervisor that is overdue: a
// process inside may have stopped it.
func (s *supervised) watch(id uint32, timeout time.Duration, cancel, answered <-chan struct{}) {
	var overdue <-chan time.Time
	if timeout > 0 {
		overdue = time.After(timeout + answerTime)
	}
	for {
		select {
		case <-cancel:
			cancel = nil
			overdue = time.After(answerTime)
			// It does not read if it was stopped.
			go func() { _ = s.w.Frame(wire.Frame{Type: wire.Cancel, Request: id}) }()
		case <-overdue:
			s.process.kill()
			return
		case <-answered:
			return
		}
	}
}

// end ends the supervisor, which ends everything under it first. What it could
// not end, because something killed it, ends here.
func (g *guest) end(s *supervised) error {
	_ = s.requests.Close()
	s.process.within(answerTime)
	_ = s.replies.Close()
	if s.process.status == 0 {
		return nil
	}
	if err := g.children.sweep(); err != nil {
		return fmt.Errorf("%w: %w", err, sandbox.ErrBroken)
	}
	return nil
}

// bury ends what a lost supervisor has left, and tells how what it ran has
// ended; oom is oomKills before that began.
func (g *guest) bury(s *supervised, began time.Time, timeout time.Duration, oom int64) (sandbox.Result, error) {
	s.process.kill()
	if err := g.end(s); err != nil {
		return sandbox.Result{}, err
	}
	res := ended(s.process.status, oom)
	res.Duration = time.Since(began)
	switch {
	case timeout > 0 && res.Duration > timeout:
		res.End, res.Signal = sandbox.EndTimeout, ""
		res.Reason = "the command stopped its own supervisor; its output is lost"
	case res.End == sandbox.EndExit:
		res.Reason = fmt.Sprintf("the command ended its own supervisor (exit code %d); its output is lost", res.ExitCode)
		res.End, res.ExitCode, res.Signal = sandbox.EndSignal, -1, "SIGKILL"
	default:
		res.Reason = "the command killed its own supervisor; its output is lost"
	}
	return res, nil
}

func (g *guest) exec(id uint32, call wire.Call, cancel <-chan struct{}) (json.RawMessage, error) {
	began, oom := time.Now(), oomKills()
	s, err := g.supervise("exec", "")
	if err != nil {
		return nil, err
	}
	payload, err := s.relay(g.out, id, call, cancel)
	if errors.Is(err, errLost) {
		res, err := g.bury(s, began, call.Command.Timeout, oom)
		if err != nil {
			return nil, err
		}
		return json.Marshal(res)
	}
	return payload, errors.Join(err, g.end(s))
}
