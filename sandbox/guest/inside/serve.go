// Package inside is the guest: the program that does all work inside a
// sandbox. It speaks the protocol of package sandbox/guest/wire.
//
// The guest itself runs nothing. Each command and each shell session has a
// supervisor, a second process of this program, which is the subreaper of
// everything that the command forks. So the end of a command is the end of all
// its descendants, and the guest, which is the init of the sandbox, has only
// supervisors to look after.
//
// The supervisor of a session lives as long as the session. That of a command
// goes on to the next command once the kernel has said that it has no children
// left, because starting it takes longer than starting most commands. The
// streams of a command are the guest's: it opens them and hands the command's
// ends to the supervisor, so that output takes one way and survives a
// supervisor that is killed.
package inside

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/seccomp"
	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

// The environment variables with which a driver sets up the guest. Commands do
// not get them.
const (
	// LifetimeVariable is the guest's lifetime, as time.ParseDuration reads it.
	LifetimeVariable = "APPRENTICE_LIFETIME"
	// DiskVariable is set to 1 where the root of the sandbox is a disk of its
	// own, so that how full it is says something about the sandbox.
	DiskVariable = "APPRENTICE_DISK"
	// LineVariable names a socket on which the guest calls; what it would read
	// and write on its standard streams takes that way then. Where nobody
	// answers it stays with the streams.
	LineVariable = "APPRENTICE_LINE"
)

// Serve answers requests, on the socket that [LineVariable] names or else on the
// standard streams, until their input ends or the lifetime is over.
func Serve() error {
	deafen()
	out := os.Stdout
	line, err := call(os.Getenv(LineVariable))
	if err == nil {
		out = line
	}
	g, err := newGuest(out)
	if err != nil {
		return err
	}
	stdin := os.NewFile(0, "stdin")
	in := stdin
	if line != nil {
		in = line
		go func() { // the end of the streams is the end of the guest all the same
			_, _ = io.Copy(io.Discard, stdin)
			_ = g.children.killAll()
			os.Exit(0)
		}()
	}
	filterSyscalls()
	// While the greeting travels, the rest is made ready.
	if err := g.greet(); err != nil {
		return err
	}
	g.prepare()
	go g.stock()
	return g.serve(in)
}

// filterSyscalls adds our filter of system calls to what the engine has. The
// filters of engines differ, and let a process set the limits of another one
// of its user, which could end the guest. Where there is none to be had, as
// under an emulator, that of the engine has to do.
func filterSyscalls() {
	if program, err := seccomp.Program(); err == nil {
		_ = seccomp.Install(program)
	}
}

// call connects to a socket.
func call(path string) (*os.File, error) {
	if path == "" {
		return nil, errors.New("there is no socket to call on")
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err = unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		return nil, errors.Join(&os.PathError{Op: "connect", Path: path, Err: err}, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), path), nil
}

// ServeContained is Serve where only what the calling goroutine starts is
// inside the walls: it has a thread to itself, and forks for all the others.
func ServeContained() error {
	deafen()
	g, err := newGuest(os.Stdout)
	if err != nil {
		return err
	}
	g.prepare() // first, because a command waits for it longer than for the greeting
	if err := g.greet(); err != nil {
		return err
	}
	go g.stock()
	forks := make(chan func())
	g.children.fork = func(path string, argv []string, attr *syscall.ProcAttr) (pid int, err error) {
		done := make(chan struct{})
		forks <- func() {
			defer close(done)
			pid, err = forkExec(path, argv, attr)
		}
		<-done
		return pid, err
	}
	served := make(chan error, 1)
	go func() { served <- g.serve(os.NewFile(0, "stdin")) }()
	for {
		select {
		case fork := <-forks:
			fork()
		case err := <-served:
			return err
		}
	}
}

// stock makes the guest's threads, beside the first requests.
func (g *guest) stock() {
	stock(guestThreads)
	close(g.stocked)
}

// environ is the environment for commands: that of this process without what
// is meant for the guest.
func environ() []string {
	return slices.DeleteFunc(os.Environ(), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return name == LifetimeVariable || name == DiskVariable || name == LineVariable
	})
}

// newGuest makes this process the guest.
func newGuest(out io.Writer) (*guest, error) {
	// So that waiting for input takes no thread, and no time to give it back.
	if err := unix.SetNonblock(0, true); err != nil {
		return nil, os.NewSyscallError("set non-blocking", err)
	}
	if life, err := time.ParseDuration(os.Getenv(LifetimeVariable)); err == nil && life > 0 {
		time.AfterFunc(life, func() {
			fmt.Fprintln(os.Stderr, DeadlineNotice)
			os.Exit(DeadlineExit)
		})
	}
	ownDisk, _ := strconv.ParseBool(os.Getenv(DiskVariable))
	beModest()
	conceal()
	exe, err := openProgram()
	if err != nil {
		return nil, fmt.Errorf("opening this program: %w", err)
	}
	null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: os.DevNull, Err: err}
	}
	return &guest{
		out:      wire.NewWriter(out),
		children: newChildren(unix.WUNTRACED),
		environ:  environ(),
		program:  fmt.Sprintf("/proc/self/fd/%d", exe),
		ownDisk:  ownDisk,
		group:    openGroup(),
		null:     null,
		stocked:  make(chan struct{}),
		open:     make(map[uint32]*request),
		sessions: make(map[uint32]*session),
	}, nil
}

// openProgram opens this program, beyond the descriptors that what it starts
// gets: the program is executed by this one when those are in place. It need
// not be readable for that.
func openProgram() (int, error) {
	fd, err := unix.Open("/proc/self/exe", unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(fd)
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, linkFD+1)
}

func (g *guest) greet() error {
	return g.out.JSON(wire.Hello, 0, wire.Greeting{Version: wire.Version})
}

// serve takes in what the client says until that ends.
func (g *guest) serve(in io.Reader) error {
	go func() {
		g.untilSilence()
		fmt.Fprintf(os.Stderr, "apprentice-guest: nothing was heard for %v\n", wire.LongSilence)
		_ = g.children.killAll()
		os.Exit(1)
	}()
	for r := wire.NewReader(in); ; {
		f, err := r.Next()
		if errors.Is(err, io.EOF) {
			return g.children.killAll()
		}
		if err != nil {
			return errors.Join(err, g.children.killAll())
		}
		g.heard.Store(true)
		if err := g.frame(f); err != nil {
			return errors.Join(err, g.children.killAll())
		}
	}
}

// How a guest that outlived its lifetime ends, for drivers to recognise.
const (
	DeadlineExit   = 75
	DeadlineNotice = "apprentice-guest: the lifetime of this sandbox is over"
)

// conceal keeps processes of the same user from tracing this one, and from
// reading its memory and its descriptors.
func conceal() { _ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }

type guest struct {
	out      *wire.Writer
	children *children
	program  string // this one, whatever becomes of its file
	environ  []string
	ownDisk  bool
	heard    atomic.Bool // something of the client, since untilSilence last looked
	spent    spent
	group    group
	null     int           // /dev/null, whatever becomes of its name
	stocked  chan struct{} // closed when the threads are there that bombs leave no room for

	mu          sync.Mutex
	open        map[uint32]*request
	lastOwn     uint32 // request of the guest
	idle        []*worker
	sessions    map[uint32]*session
	lastSession uint32
}

// untilSilence returns when the client has been silent for too long: its
// machine may have gone, and the stream may not tell.
func (g *guest) untilSilence() {
	for time.Sleep(wire.LongSilence); g.heard.Swap(false); time.Sleep(wire.LongSilence) {
	}
}

// A request is open from its Request frame to its Result or Failure, or from
// its Accept frame until both directions are closed.
type request struct {
	in     *wire.Inbox
	out    *wire.Outbox
	resize chan []byte   // the payloads of Resize frames; the newest counts
	cancel chan struct{} // closed by a Cancel frame
	once   sync.Once
}

func (r *request) stop() { r.once.Do(func() { close(r.cancel) }) }

func (g *guest) newRequest(id uint32) *request {
	cancel := make(chan struct{})
	return &request{
		in:     wire.NewInbox(g.out, id),
		out:    wire.NewOutbox(g.out, id, cancel),
		resize: make(chan []byte, 1),
		cancel: cancel,
	}
}

// frame takes in one frame. It never waits for a request.
func (g *guest) frame(f wire.Frame) error {
	switch f.Type {
	case wire.Exec:
		g.begin(f.Request, func(r *request) (any, error) { return g.exec(f.Payload, r) })
		return nil
	case wire.Request:
		var call wire.Call
		if err := json.Unmarshal(f.Payload, &call); err != nil {
			return fmt.Errorf("request %d: %w", f.Request, err)
		}
		g.begin(f.Request, func(r *request) (any, error) { return g.do(f.Request, call, r) })
		return nil
	case wire.Ping:
		return g.out.Frame(wire.Frame{Type: wire.Pong})
	}
	r := g.find(f.Request)
	if r == nil {
		return nil // the rest of a request that is over
	}
	switch f.Type {
	case wire.Data:
		r.in.Put(f.Payload)
	case wire.Credit:
		n, err := f.Credit()
		if err != nil {
			return err
		}
		r.out.Grant(n)
	case wire.Resize:
		select {
		case <-r.resize:
		default:
		}
		r.resize <- f.Payload
	case wire.Cancel:
		r.stop()
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

func (g *guest) forget(id uint32) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.open, id)
}

func (g *guest) begin(id uint32, do func(*request) (result any, err error)) {
	r := g.newRequest(id)
	g.mu.Lock()
	g.open[id] = r
	g.mu.Unlock()
	go func() {
		result, err := do(r)
		r.in.Close(wire.ErrStopped)
		g.forget(id)
		if err := g.answer(id, result, err); err != nil { // nobody is listening any more
			_ = g.children.killAll()
			os.Exit(1)
		}
	}()
}

// answer ends a request. What files are called decides how large some answers
// are, so one that is too large must not be the end of the guest.
func (g *guest) answer(id uint32, result any, err error) error {
	if res, ok := result.(sandbox.Result); ok && err == nil {
		return g.out.Frame(wire.Frame{Type: wire.Ended, Request: id, Payload: wire.AppendResult(nil, res)})
	}
	payload := []byte("{}")
	if err == nil && result != nil {
		payload, err = json.Marshal(result)
	}
	if err == nil && len(payload) > wire.MaxPayload {
		err = fmt.Errorf("the answer has %d bytes, more than one frame holds (%d)", len(payload), wire.MaxPayload)
	}
	if err != nil {
		return g.out.JSON(wire.Failure, id, wire.NewError(err))
	}
	return g.out.Frame(wire.Frame{Type: wire.Result, Request: id, Payload: payload})
}

// do performs a request; its result is what becomes JSON.
func (g *guest) do(id uint32, call wire.Call, r *request) (result any, err error) {
	if err := call.Check(); err != nil {
		return nil, err
	}
	in := cancellable{r.in, r.cancel}
	switch call.Op {
	case wire.OpShell:
		return g.openSession(call.Path)
	case wire.OpScript:
		return g.script(call, r)
	case wire.OpUnshell:
		return nil, g.closeSession(call.Shell)
	case wire.OpRead:
		return nil, readFile(call.Path, r.out)
	case wire.OpWrite:
		return nil, writeFile(call.Path, in)
	case wire.OpStat:
		return stat(call.Path)
	case wire.OpList:
		return list(call.Path)
	case wire.OpEdit:
		return edit(call.Path, *call.Edit)
	case wire.OpSearch:
		return search(call.Path, *call.Search, r.cancel)
	case wire.OpUntar:
		return nil, untar(call.Path, in)
	case wire.OpTar:
		return nil, archive(call.Path, r.out)
	case wire.OpUsage:
		return g.usage()
	case wire.OpDial:
		return nil, g.dial(id, *call.Address, r)
	case wire.OpOffer:
		return nil, g.offer(id, *call.Address, r)
	default:
		return nil, fmt.Errorf("unknown operation %q", call.Op)
	}
}

// A cancellable reads what the client sends until the request is cancelled.
type cancellable struct {
	in     *wire.Inbox
	cancel <-chan struct{}
}

func (c cancellable) Read(p []byte) (int, error) {
	select {
	case <-c.cancel:
		return 0, wire.ErrStopped
	default:
		return c.in.ReadUntil(c.cancel, p)
	}
}
