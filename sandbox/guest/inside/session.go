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
	works   bool // a script has come to its end

	// Under the guest's lock:
	supervised *supervised
	closed     bool
}

func (g *guest) openSession(dir string) (json.RawMessage, error) {
	if dir == "" {
		dir = "/"
	}
	if st, err := os.Stat(dir); err != nil {
		return nil, err
	} else if !st.IsDir() {
		return nil, fmt.Errorf("%s is not a directory", dir)
	}
	dir = filepath.Clean(dir)
	s, err := g.supervise("shell", dir)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lastSession++
	g.sessions[g.lastSession] = &session{dir: dir, supervised: s}
	return json.Marshal(wire.ShellOpened{Shell: g.lastSession})
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
	last := s.supervised
	g.mu.Unlock()
	return g.end(last)
}

// script runs a script in a session. A supervisor that is lost meanwhile ends
// the script, not the session; one that was lost before costs the script
// nothing.
func (g *guest) script(id uint32, call wire.Call, cancel <-chan struct{}) (json.RawMessage, error) {
	s, err := g.session(call.Shell)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	began, oom, restarted := time.Now(), oomKills(), false
	if last := s.supervised.process; last.gone() && (s.works || last.status.Signaled()) {
		if err := g.revive(s); err != nil {
			return nil, err
		}
		restarted = true
	}
	payload, err := s.supervised.relay(g.out, id, call, cancel)
	if errors.Is(err, errLost) {
		res, err := g.bury(s.supervised, began, call.Script.Timeout, oom)
		if err != nil {
			return nil, err
		}
		if !s.works && s.supervised.process.status.Exited() {
			return nil, fmt.Errorf("the shell session did not start (exit code %d; is there a bash?): %w", s.supervised.process.status.ExitStatus(), sandbox.ErrBroken)
		}
		if err := g.revive(s); err != nil {
			return nil, err
		}
		return json.Marshal(sandbox.ShellResult{Result: res, Dir: s.dir, Restarted: true})
	}
	if err != nil {
		return nil, err
	}
	var st state
	if err := json.Unmarshal(payload, &st); err != nil {
		return nil, fmt.Errorf("reading the end of a script: %w", err)
	}
	s.dir, s.exports, s.works = st.Dir, st.Exports, true
	st.Restarted = st.Restarted || restarted
	return json.Marshal(st.ShellResult)
}

// revive gives a session whose supervisor was lost another one, with the
// directory and the exported variables of the old one.
func (g *guest) revive(s *session) error {
	if err := g.end(s.supervised); err != nil {
		return err
	}
	dir := s.dir
	for st, err := os.Stat(dir); err != nil || !st.IsDir(); st, err = os.Stat(dir) {
		dir = filepath.Dir(dir)
	}
	fresh, err := g.supervise("shell", dir)
	if err != nil {
		return err
	}
	g.mu.Lock()
	closed := s.closed
	if !closed {
		s.supervised = fresh
	}
	g.mu.Unlock()
	if closed {
		return errors.Join(errors.New("the session was closed while a script ran"), g.end(fresh))
	}
	s.dir = dir
	if s.exports == "" {
		return nil
	}
	restore := wire.Call{Op: wire.OpScript, Script: &wire.Script{Text: s.exports, Timeout: time.Second}}
	_, err = fresh.relay(wire.NewWriter(io.Discard), 0, restore, nil)
	if errors.Is(err, errLost) {
		return nil // the next script finds that out
	}
	return err
}
