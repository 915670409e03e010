// Package inside is the guest: the program that does all work inside a
// sandbox. It speaks the protocol of package sandbox/guest/wire.
//
// The guest itself runs nothing. For each command and for each shell session
// it starts itself again as a supervisor, which is the subreaper of everything
// that the command forks. So the end of a command is the end of all its
// descendants, and the guest, which is the init of the sandbox, has only
// supervisors to look after.
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

	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

// LifetimeVariable is the environment variable with the guest's lifetime, as
// time.ParseDuration reads it. The guest takes it out of the environment.
const LifetimeVariable = "APPRENTICE_LIFETIME"

// Serve answers requests until in ends or the lifetime is over.
func Serve(in io.Reader, out io.Writer) error {
	if life, err := time.ParseDuration(os.Getenv(LifetimeVariable)); err == nil && life > 0 {
		time.AfterFunc(life, func() {
			fmt.Fprintln(os.Stderr, DeadlineNotice)
			os.Exit(DeadlineExit)
		})
	}
	_ = os.Unsetenv(LifetimeVariable)

	g := &guest{
		out:      wire.NewWriter(out),
		children: newChildren(),
		open:     make(map[uint32]*request),
		shells:   make(map[uint32]*supervised),
	}
	if err := g.out.JSON(wire.Hello, 0, wire.Greeting{Version: wire.Version}); err != nil {
		return err
	}
	for r := wire.NewReader(in); ; {
		f, err := r.Next()
		if errors.Is(err, io.EOF) {
			return killAll(nil)
		}
		if err != nil {
			return errors.Join(err, killAll(nil))
		}
		if err := g.frame(f); err != nil {
			return errors.Join(err, killAll(nil))
		}
	}
}

// How a guest that outlived its lifetime ends, for drivers to recognise.
const (
	DeadlineExit   = 75
	DeadlineNotice = "apprentice-guest: the lifetime of this sandbox is over"
)

type guest struct {
	out      *wire.Writer
	children *children

	mu        sync.Mutex
	open      map[uint32]*request
	shells    map[uint32]*supervised
	nextShell uint32
}

// A request is open from its Request frame to its Result or Failure.
type request struct {
	data   *io.PipeWriter // what the client sends for it; nil where nothing is expected
	cancel chan struct{}  // closed by a Cancel frame
	once   sync.Once
}

func (g *guest) frame(f wire.Frame) error {
	switch f.Type {
	case wire.Request:
		var call wire.Call
		if err := json.Unmarshal(f.Payload, &call); err != nil {
			return fmt.Errorf("request %d: %w", f.Request, err)
		}
		g.begin(f.Request, call)
	case wire.Data:
		if r := g.find(f.Request); r != nil && r.data != nil {
			if len(f.Payload) == 0 {
				_ = r.data.Close()
			} else {
				// An operation that failed has closed its end; the rest of its
				// data goes nowhere.
				_, _ = r.data.Write(f.Payload)
			}
		}
	case wire.Cancel:
		if r := g.find(f.Request); r != nil {
			r.once.Do(func() { close(r.cancel) })
		}
	default:
		return fmt.Errorf("frame of type %d: the guest does not take it", f.Type)
	}
	return nil
}

func (g *guest) find(id uint32) *request {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open[id]
}

func (g *guest) begin(id uint32, call wire.Call) {
	r := &request{cancel: make(chan struct{})}
	var data *io.PipeReader
	if call.Op == wire.OpWrite || call.Op == wire.OpUntar {
		data, r.data = io.Pipe()
	}
	g.mu.Lock()
	g.open[id] = r
	g.mu.Unlock()
	go func() {
		result, err := g.do(id, call, r, data)
		if data != nil {
			_ = data.Close()
		}
		g.mu.Lock()
		delete(g.open, id)
		g.mu.Unlock()
		switch {
		case err != nil:
			err = g.out.JSON(wire.Failure, id, wire.NewError(err))
		case result != nil:
			err = g.out.Frame(wire.Frame{Type: wire.Result, Request: id, Payload: result})
		default:
			err = g.out.Frame(wire.Frame{Type: wire.Result, Request: id, Payload: []byte("{}")})
		}
		if err != nil { // nobody is listening any more
			_ = killAll(nil)
			os.Exit(1)
		}
	}()
}

func (g *guest) do(id uint32, call wire.Call, r *request, data io.Reader) (json.RawMessage, error) {
	switch call.Op {
	case wire.OpExec:
		s, err := g.supervise("exec", "")
		if err != nil {
			return nil, err
		}
		defer s.close()
		return s.relay(g.out, id, call, r.cancel)
	case wire.OpShell:
		return g.openShell(call.Path)
	case wire.OpScript:
		s, err := g.shell(call.Shell)
		if err != nil {
			return nil, err
		}
		return s.relay(g.out, id, call, r.cancel)
	case wire.OpUnshell:
		s, err := g.shell(call.Shell)
		if err != nil {
			return nil, err
		}
		g.mu.Lock()
		delete(g.shells, call.Shell)
		g.mu.Unlock()
		s.close()
		return nil, nil
	case wire.OpRead:
		return nil, readFile(call.Path, func(f io.Reader) error { return g.out.Copy(id, f) })
	case wire.OpWrite:
		return nil, writeFile(call.Path, call.Mode, data)
	case wire.OpUntar:
		return nil, untar(call.Path, data)
	case wire.OpTar:
		return nil, archive(call.Path, func(f io.Reader) error { return g.out.Copy(id, f) })
	default:
		return nil, fmt.Errorf("unknown operation %q", call.Op)
	}
}

func (g *guest) openShell(dir string) (json.RawMessage, error) {
	if dir == "" {
		dir = "/"
	}
	if st, err := os.Stat(dir); err != nil {
		return nil, err
	} else if !st.IsDir() {
		return nil, fmt.Errorf("%s is not a directory", dir)
	}
	s, err := g.supervise("shell", filepath.Clean(dir))
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	g.nextShell++
	n := g.nextShell
	g.shells[n] = s
	g.mu.Unlock()
	return json.Marshal(wire.ShellOpened{Shell: n})
}

func (g *guest) shell(n uint32) (*supervised, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.shells[n]
	if s == nil {
		return nil, fmt.Errorf("there is no shell session %d", n)
	}
	return s, nil
}

// A supervised is a running supervisor as the guest sees it.
type supervised struct {
	mu       sync.Mutex // held during one exchange
	pid      int
	exit     <-chan unix.WaitStatus
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
	pid, exit, err := g.children.start("/proc/self/exe", []string{"apprentice-guest", mode}, &os.ProcAttr{
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
		pid: pid, exit: exit,
		requests: reqOut, w: wire.NewWriter(reqOut),
		replies: repIn, r: wire.NewReader(repIn),
	}, nil
}

// relay hands a request to the supervisor and its answer to the client, under
// the client's number for it.
func (s *supervised) relay(out *wire.Writer, id uint32, call wire.Call, cancel <-chan struct{}) (json.RawMessage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.w.JSON(wire.Request, id, call); err != nil {
		return nil, lost(err)
	}
	done := make(chan struct{})
	var cancelling sync.WaitGroup
	cancelling.Go(func() {
		select {
		case <-cancel:
			_ = s.w.Frame(wire.Frame{Type: wire.Cancel, Request: id})
		case <-done:
		}
	})
	defer cancelling.Wait()
	defer close(done)
	for {
		f, err := s.r.Next()
		if err != nil {
			return nil, lost(err)
		}
		switch f.Type {
		case wire.Data:
			if err := out.Frame(f); err != nil {
				return nil, err
			}
		case wire.Result:
			return f.Payload, nil
		case wire.Failure:
			var e wire.Error
			if err := json.Unmarshal(f.Payload, &e); err != nil {
				return nil, err
			}
			return nil, e
		}
	}
}

// lost is the error of a supervisor that went away, which only a process
// inside the sandbox can have brought about.
func lost(err error) error {
	return fmt.Errorf("the supervisor of the command was killed (%w): %w", err, sandbox.ErrBroken)
}

// close ends the supervisor, which ends everything under it first.
func (s *supervised) close() {
	_ = s.requests.Close()
	select {
	case <-s.exit:
	case <-time.After(15 * time.Second):
		_ = unix.Kill(s.pid, unix.SIGKILL)
		<-s.exit
	}
	_ = s.replies.Close()
}
