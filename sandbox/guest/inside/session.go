package inside

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

// A session is a shell session as the guest sees it. It outlives its
// supervisor, and then gets another one.
type session struct {
	mu  sync.Mutex // held while a script runs
	dir string     // as the last script left it
	// exports are declare -x lines, as the last script left them.
	exports string

	// Under the guest's lock:
	worker *worker
	closed bool
}

func (g *guest) openSession(dir string) (any, error) {
	if dir == "" {
		dir = "/"
	}
	if st, err := os.Stat(dir); err != nil {
		return nil, err
	} else if !st.IsDir() {
		return nil, fmt.Errorf("%s is not a directory", dir)
	}
	dir = filepath.Clean(dir)
	s, err := g.newShell(dir)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lastSession++
	g.sessions[g.lastSession] = &session{dir: dir, worker: s}
	return wire.ShellOpened{Shell: g.lastSession}, nil
}

func (g *guest) session(n uint32) (*session, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.sessions[n]
	if s == nil {
		return nil, fmt.Errorf("there is no shell session %d", n)
	}
	return s, nil
}

func (g *guest) closeSession(n uint32) error {
	s, err := g.session(n)
	if err != nil {
		return err
	}
	g.mu.Lock()
	delete(g.sessions, n)
	s.closed = true
	last := s.worker
	g.mu.Unlock()
	return g.dismiss(last)
}

// script runs a script in a session. A supervisor that is lost meanwhile ends
// the script, not the session; one that was lost before costs the script
// nothing.
func (g *guest) script(call wire.Call, r *request) (any, error) {
	s, err := g.session(call.Shell)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	began, oom, restarted := time.Now(), g.killedForMemory(), false
	if s.worker.process.gone() {
		if err := g.revive(s); err != nil {
			return s.unable(began, err)
		}
		restarted = true
	}
	script, err := json.Marshal(call.Script)
	if err != nil {
		return nil, err
	}
	payload, err := s.worker.ask(wire.Frame{Type: wire.Request, Payload: script}, nil, call.Script.Timeout, r.cancel, r.out)
	if errors.Is(err, errLost) {
		res, err := g.bury(s.worker, began, call.Script.Timeout)
		if err != nil {
			return nil, err
		}
		res.Reason += "; its output is lost"
		if err := g.revive(s); errors.Is(err, sandbox.ErrBroken) {
			return nil, err
		} // the next script tries again
		g.explain(&res, s.dir, oom)
		return sandbox.ShellResult{Result: res, Dir: s.dir, Restarted: true}, nil
	}
	if err != nil {
		return nil, err
	}
	var st state
	if err := json.Unmarshal(payload, &st); err != nil {
		return nil, fmt.Errorf("reading the end of a script: %w", err)
	}
	s.dir, s.exports = st.Dir, st.Exports
	st.Restarted = st.Restarted || restarted
	g.explain(&st.Result, s.dir, oom)
	g.spent.add(st.Result)
	return st.ShellResult, nil
}

// unable is the end of a script for which there was no shell: what runs in the
// sandbox has left nothing to start one with.
func (s *session) unable(began time.Time, err error) (any, error) {
	if errors.Is(err, sandbox.ErrBroken) {
		return nil, err
	}
	res := refused(err)
	res.Duration = time.Since(began)
	return sandbox.ShellResult{Result: res, Dir: s.dir}, nil
}

// newShell starts the supervisor of a session and returns when bash is ready.
func (g *guest) newShell(dir string) (*worker, error) {
	<-g.stocked
	w, err := g.newWorker("shell", dir)
	if err != nil {
		return nil, err
	}
	late := time.NewTimer(answerTime)
	defer late.Stop()
	select {
	case f, ok := <-w.replies:
		if ok && f.Type == wire.Ready {
			return w, nil
		}
	case <-late.C:
		w.process.kill()
	}
	if err := g.dismiss(w); err != nil {
		return nil, err
	}
	return nil, errors.New("the shell session did not start; is there a bash, and room for one more process?")
}

// revive gives a session whose supervisor was lost another one, with the
// directory and the exported variables of the old one.
func (g *guest) revive(s *session) error {
	if err := g.dismiss(s.worker); err != nil {
		return err
	}
	dir := s.dir
	for st, err := os.Stat(dir); err != nil || !st.IsDir(); st, err = os.Stat(dir) {
		dir = filepath.Dir(dir)
	}
	fresh, err := g.newShell(dir)
	if err != nil {
		return err
	}
	g.mu.Lock()
	closed := s.closed
	if !closed {
		s.worker = fresh
	}
	g.mu.Unlock()
	if closed {
		return errors.Join(errors.New("the session was closed while a script ran"), g.dismiss(fresh))
	}
	s.dir = dir
	if s.exports == "" {
		return nil
	}
	script, err := json.Marshal(wire.Script{Text: s.exports})
	if err != nil {
		return err
	}
	_, _ = fresh.ask(wire.Frame{Type: wire.Request, Payload: script}, nil, time.Second, nil, io.Discard) // the next script finds out
	return nil
}
