package guest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

// grace is how long the guest may take to end what was cancelled. It is more
// than the guest gives its own helpers.
const grace = 20 * time.Second

var errClosed = errors.New("the sandbox was closed")

// A Client speaks to one guest. Its methods may be called from many
// goroutines at once. After an error that matches sandbox.ErrBroken all calls
// fail with such an error.
type Client struct {
	stream  io.Closer
	w       *wire.Writer
	explain func(error) error // says why the stream broke

	mu     sync.Mutex
	open   map[uint32]*request
	offers map[uint32]*Offer
	unsaid int // refusals of connections that are not written yet
	last   uint32
	heard  bool          // anything, since the last ping
	broken error         // set once; then gone is closed
	gone   chan struct{} // closed when the stream is over
}

// A request is one that the guest has not answered yet, or a connection that
// it has opened.
type request struct {
	client *Client
	id     uint32
	in     *wire.Inbox  // the guest's data
	out    *wire.Outbox // ours
	ready  chan []byte  // gets the payload of a Ready frame
	over   chan struct{}
	end    wire.Frame // once over is closed; no type where the stream broke
	once   sync.Once
}

// NewClient waits for the guest's greeting and returns its client, which owns
// stream from then on.
func NewClient(ctx context.Context, stream io.ReadWriteCloser) (*Client, error) {
	c := &Client{
		stream:  stream,
		w:       wire.NewWriter(stream),
		explain: func(err error) error { return err },
		open:    make(map[uint32]*request),
		offers:  make(map[uint32]*Offer),
		gone:    make(chan struct{}),
	}
	r := wire.NewReader(stream)
	greeted := make(chan error, 1)
	go func() {
		err := greet(r)
		greeted <- err
		if err == nil {
			c.read(r)
		}
	}()
	select {
	case err := <-greeted:
		if err != nil {
			_ = stream.Close()
			return nil, fmt.Errorf("%w: %w", err, sandbox.ErrBroken)
		}
		go c.ping()
		return c, nil
	case <-ctx.Done():
		_ = stream.Close()
		if err := <-greeted; err == nil { // at the very same moment
			c.close(errClosed)
		}
		return nil, ctx.Err()
	}
}

func greet(r *wire.Reader) error {
	f, err := r.Next()
	if err != nil {
		return err
	}
	var g wire.Greeting
	if err := json.Unmarshal(f.Payload, &g); f.Type != wire.Hello || err != nil {
		return errors.New("the guest did not say hello")
	}
	if g.Version != wire.Version {
		return fmt.Errorf("the guest speaks version %d of the protocol, not %d", g.Version, wire.Version)
	}
	return nil
}

// read hands each frame to the request that it belongs to. It waits for no
// request.
func (c *Client) read(r *wire.Reader) {
	for {
		f, err := r.Next()
		if err == nil {
			err = c.frame(f)
		}
		if err != nil {
			c.close(err)
			return
		}
	}
}

func (c *Client) frame(f wire.Frame) error {
	c.mu.Lock()
	c.heard = true
	req := c.open[f.Request]
	c.mu.Unlock()
	if f.Type == wire.Accept {
		return c.accept(f)
	}
	if req == nil {
		return nil // the rest of a request that was given up, or a pong
	}
	switch f.Type {
	case wire.Data:
		req.in.Put(f.Payload)
	case wire.Credit:
		n, err := f.Credit()
		if err != nil {
			return err
		}
		req.out.Grant(n)
	case wire.Ready:
		select {
		case req.ready <- f.Payload:
		default:
		}
	case wire.Result, wire.Ended, wire.Failure, wire.Cancel:
		req.finish(f, io.EOF)
	}
	return nil
}

// finish ends the request: what waits for data or for credit goes on.
func (r *request) finish(f wire.Frame, err error) {
	r.once.Do(func() {
		r.end = f
		close(r.over)
		r.in.Close(err)
	})
}

// ping sends a sign of life now and then, and gives up a guest that gives none.
func (c *Client) ping() {
	t := time.NewTicker(wire.PingInterval)
	defer t.Stop()
	for silent := time.Duration(0); ; {
		select {
		case <-t.C:
		case <-c.gone:
			return
		}
		c.mu.Lock()
		if silent += wire.PingInterval; c.heard {
			silent = 0
		}
		c.heard = false
		c.mu.Unlock()
		if silent >= wire.Silence {
			c.close(fmt.Errorf("nothing was heard of the guest for %v", silent))
			return
		}
		go func() { // the stream may be stuck
			// What is being written just now is a sign of life, too.
			if err := c.w.FrameIfIdle(wire.Frame{Type: wire.Ping}); err != nil {
				c.close(err)
			}
		}()
	}
}

// close ends the client for the reason err.
func (c *Client) close(err error) {
	c.mu.Lock()
	first := c.broken == nil
	if first {
		c.broken = err
	}
	open := c.open
	if first {
		c.open = make(map[uint32]*request)
	}
	c.mu.Unlock()
	if !first {
		return
	}
	close(c.gone)
	_ = c.stream.Close()
	for _, req := range open {
		req.finish(wire.Frame{}, io.ErrUnexpectedEOF)
	}
}

// brokenErr is the error of a request that the end of the stream cut off.
func (c *Client) brokenErr() error {
	c.mu.Lock()
	err := c.broken
	c.mu.Unlock()
	if errors.Is(err, errClosed) {
		return fmt.Errorf("%w: %w", err, sandbox.ErrBroken)
	}
	return c.explain(fmt.Errorf("the stream to the guest broke (%w): %w", err, sandbox.ErrBroken))
}

// begin opens a request with a number of ours; nil when the stream is over.
func (c *Client) begin() *request {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return nil
	}
	c.last = (c.last + 1) % wire.FirstOfGuest
	return c.adopt(c.last)
}

// adopt makes a request with a number; the lock is held.
func (c *Client) adopt(id uint32) *request {
	over := make(chan struct{})
	req := &request{
		client: c,
		id:     id,
		in:     wire.NewInbox(c.w, id),
		out:    wire.NewOutbox(c.w, id, over),
		ready:  make(chan []byte, 1),
		over:   over,
	}
	c.open[id] = req
	return req
}

func (c *Client) forget(req *request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, req.id)
}

// An exchange is what flows beside a request and its answer.
type exchange struct {
	in     io.Reader           // sent; nil for nothing
	live   bool                // in may wait for ever, and is left behind at the end
	out    io.Writer           // what is received; nil drops it
	resize <-chan sandbox.Size // of the terminal
}

// call performs one request and decodes the result into result unless it is
// nil. When ctx ends first, the guest ends what was running, so that nothing of
// it is left when call returns.
func (c *Client) call(ctx context.Context, call wire.Call, x exchange, result any) error {
	payload, err := encode(call)
	if err != nil {
		return err
	}
	end, err := c.perform(ctx, wire.Frame{Type: wire.Request, Payload: payload}, x)
	if err != nil || result == nil {
		return err
	}
	if err := json.Unmarshal(end, result); err != nil {
		return fmt.Errorf("reading the guest's answer: %w", err)
	}
	return nil
}

// perform opens a request with a frame and returns the payload of the one that
// ends it.
func (c *Client) perform(ctx context.Context, opening wire.Frame, x exchange) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := sizeOf(opening.Payload); err != nil {
		return nil, err
	}
	req := c.begin()
	if req == nil {
		return nil, c.brokenErr()
	}
	defer c.forget(req)
	opening.Request = req.id
	s := &sending{Client: c, req: req, opened: make(chan struct{}), copied: make(chan struct{})}
	defer context.AfterFunc(ctx, s.cancel)()
	s.start(opening, x)

	outErr := s.receive(x.out)
	<-req.over
	s.done()
	inErr := s.left(x.live)
	end, err := c.answer(ctx, req)
	if isEnd := req.end.Type == wire.Ended; err == nil && isEnd != (opening.Type == wire.Exec) {
		err = errors.New("reading the guest's answer: it belongs to another kind of request")
	}
	if ctx.Err() == nil && !errors.Is(err, sandbox.ErrBroken) {
		if cause := errors.Join(inErr, outErr); cause != nil {
			return nil, cause // the guest was only told to stop
		}
	}
	return end, err
}

// encode makes the payload of a Request frame.
func encode(call wire.Call) ([]byte, error) {
	if err := call.Check(); err != nil {
		return nil, err
	}
	payload, err := json.Marshal(call)
	return payload, errors.Join(err, sizeOf(payload))
}

// sizeOf returns an error if a request is too large to be sent.
func sizeOf(payload []byte) error {
	if len(payload) > wire.MaxPayload {
		return fmt.Errorf("a request of %d bytes is more than the guest takes (%d)", len(payload), wire.MaxPayload)
	}
	return nil
}

// answer returns what the frame holds with which a request has ended.
func (c *Client) answer(ctx context.Context, req *request) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		if req.end.Type == 0 {
			return nil, errors.Join(err, c.brokenErr())
		}
		return nil, err
	}
	switch req.end.Type {
	case wire.Failure:
		var e wire.Error
		if err := json.Unmarshal(req.end.Payload, &e); err != nil {
			return nil, fmt.Errorf("reading the guest's error: %w", err)
		}
		if errors.Is(e, sandbox.ErrBroken) {
			c.close(e)
		}
		return nil, e
	case wire.Result, wire.Ended:
		return req.end.Payload, nil
	}
	return nil, c.brokenErr()
}

// sending is the half of a request that goes out.
type sending struct {
	*Client
	req    *request
	opened chan struct{} // closed when the Request frame is written
	copied chan struct{} // closed when all data are
	inErr  error         // of the reader that they come from, once copied is closed

	mu   sync.Mutex
	late *time.Timer
}

// start writes the request. What the stream does not take now gets loose when
// ctx ends, which closes the client after a while.
func (s *sending) start(opening wire.Frame, x exchange) {
	err := s.w.Frame(opening)
	close(s.opened)
	if err != nil {
		s.close(err)
	}
	if err != nil || x.in == nil {
		close(s.copied)
	} else {
		go func() {
			defer close(s.copied)
			if err := s.copy(x.in); err != nil {
				s.close(err)
			}
		}()
	}
	if x.resize != nil {
		go s.resize(x.resize)
	}
}

// left returns the error of the reader that data came from. A live one is not
// waited for: it may be a person at a terminal.
func (s *sending) left(live bool) error {
	if live {
		select {
		case <-s.copied:
		default:
			return nil
		}
	}
	<-s.copied
	return s.inErr
}

// copy sends what in holds. When in fails, the request is cancelled.
func (s *sending) copy(in io.Reader) error {
	buf := make([]byte, wire.Chunk)
	for {
		n, rerr := in.Read(buf)
		if n > 0 {
			if _, err := s.req.out.Write(buf[:n]); errors.Is(err, wire.ErrStopped) {
				return nil
			} else if err != nil {
				return err
			}
		}
		switch {
		case rerr == io.EOF:
			return s.req.out.Close()
		case rerr != nil:
			s.inErr = rerr
			return s.w.Frame(wire.Frame{Type: wire.Cancel, Request: s.req.id})
		}
	}
}

func (s *sending) resize(sizes <-chan sandbox.Size) {
	<-s.opened
	for {
		select {
		case size := <-sizes:
			if err := s.w.JSON(wire.Resize, s.req.id, size); err != nil {
				s.close(err)
				return
			}
		case <-s.req.over:
			return
		}
	}
}

// receive hands the guest's data to out until the request is over. When out
// fails the request is cancelled, and the rest is dropped.
func (s *sending) receive(out io.Writer) error {
	if out == nil {
		out = io.Discard
	}
	_, err := io.Copy(out, s.req.in)
	if err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil // answer says more
	}
	s.cancel()
	_, _ = io.Copy(io.Discard, s.req.in)
	return err
}

// cancel asks the guest to end the request, and gives it up when it does not.
func (s *sending) cancel() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.late != nil {
		return
	}
	s.late = time.AfterFunc(grace, func() {
		s.close(fmt.Errorf("the guest did not end a cancelled request within %v", grace))
	})
	go func() {
		select {
		case <-s.opened:
		case <-s.gone:
			return
		}
		if err := s.w.Frame(wire.Frame{Type: wire.Cancel, Request: s.req.id}); err != nil {
			s.close(err)
		}
	}()
}

// done says that the request is over.
func (s *sending) done() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.late != nil {
		s.late.Stop()
	}
	s.late = time.NewTimer(0) // a cancellation that comes now is too late
}

// Run runs a command to its end. When ctx ends first, the command's whole
// process tree is killed, and the error is ctx's.
func (c *Client) Run(ctx context.Context, cmd sandbox.Command) (sandbox.Result, error) {
	call := wire.ExecCall{Command: cmd, Stdin: cmd.Stdin != nil, Stream: cmd.Output != nil}
	x := exchange{in: cmd.Stdin, live: true, out: cmd.Output}
	kept := bounded{room: cmd.OutputCap}
	if cmd.OutputCap <= 0 {
		kept.room = sandbox.DefaultOutputCap
	}
	kept.room += leftOut
	if cmd.Output == nil {
		x.out = &kept
	}
	if cmd.Terminal != nil {
		x.resize = cmd.Terminal.Resize
	}
	end, err := c.perform(ctx, wire.Frame{Type: wire.Exec, Payload: call.Append(nil)}, x)
	if err != nil {
		return sandbox.Result{}, err
	}
	res, err := wire.ParseResult(end)
	if err != nil {
		return sandbox.Result{}, fmt.Errorf("reading the guest's answer: %w", err)
	}
	res.Output = kept.b
	return res, nil
}

// leftOut is room for the line that stands in the place of output that was not
// kept, in bytes.
const leftOut = 100

// A bounded holds what the guest sends, up to what it was asked for. A guest
// that sends more is not ours, and must not fill our memory.
type bounded struct {
	room int
	b    []byte
}

func (b *bounded) Write(p []byte) (int, error) {
	if len(p) > b.room-len(b.b) {
		return 0, fmt.Errorf("the guest sends more than the %d bytes that it may", b.room)
	}
	b.b = append(b.b, p...)
	return len(p), nil
}

// Usage tells what the sandbox has used.
func (c *Client) Usage(ctx context.Context) (sandbox.Usage, error) {
	var u sandbox.Usage
	err := c.call(ctx, wire.Call{Op: wire.OpUsage}, exchange{}, &u)
	return u, err
}
