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
	"sync"
	"time"

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
		sessions: make(map[uint32]*session),
	}
	deafen()
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

	mu          sync.Mutex
	open        map[uint32]*request
	sessions    map[uint32]*session
	lastSession uint32
}

// A request is open from its Request frame to its Result or Failure.
type request struct {
	data   *inbox        // what the client sends for it; nil where nothing is expected
	cancel chan struct{} // closed by a Cancel frame
	once   sync.Once
}

// frame takes in one frame. It never waits for a request.
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
			r.data.put(f.Payload)
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
	if call.Op == wire.OpWrite || call.Op == wire.OpUntar {
		r.data = newInbox(r.cancel, func(n int) error { return g.out.Credit(id, n) })
	}
	g.mu.Lock()
	g.open[id] = r
	g.mu.Unlock()
	go func() {
		result, err := g.do(id, call, r)
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

func (g *guest) do(id uint32, call wire.Call, r *request) (json.RawMessage, error) {
	send := func(f io.Reader) error { return g.out.Copy(id, obedient{f, r.cancel}) }
	switch call.Op {
	case wire.OpExec:
		return g.exec(id, call, r.cancel)
	case wire.OpShell:
		return g.openSession(call.Path)
	case wire.OpScript:
		return g.script(id, call, r.cancel)
	case wire.OpUnshell:
		return nil, g.closeSession(call.Shell)
	case wire.OpRead:
		return nil, readFile(call.Path, send)
	case wire.OpWrite:
		return nil, writeFile(call.Path, r.data)
	case wire.OpUntar:
		return nil, untar(call.Path, r.data)
	case wire.OpTar:
		return nil, archive(call.Path, send)
	default:
		return nil, fmt.Errorf("unknown operation %q", call.Op)
	}
}
