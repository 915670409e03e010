package guest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
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
	last   uint32
	broken error         // set once; then gone is closed
	gone   chan struct{} // closed when the stream is over
}

// A request is one that the guest has not answered yet.
type request struct {
	id       uint32
	frames   chan wire.Frame // from the guest
	answered chan struct{}   // closed when nothing more is to be sent for it
	credit   atomic.Int64    // bytes of data that the guest takes now
	more     chan struct{}   // told when there is more credit
}

// NewClient waits for the guest's greeting and returns its client, which owns
// stream from then on.
func NewClient(ctx context.Context, stream io.ReadWriteCloser) (*Client, error) {
	c := &Client{
		stream:  stream,
		w:       wire.NewWriter(stream),
		explain: func(err error) error { return err },
		open:    make(map[uint32]*request),
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

// read hands each frame to the request that it belongs to.
func (c *Client) read(r *wire.Reader) {
	for {
		f, err := r.Next()
		if err != nil {
			c.close(err)
			return
		}
		c.mu.Lock()
		req := c.open[f.Request]
		c.mu.Unlock()
		if req == nil {
			continue // the rest of a request that was given up
		}
		if f.Type == wire.Credit {
			n, err := f.Credit()
			if err != nil {
				c.close(err)
				return
			}
			req.grant(n)
			continue
		}
		select {
		case req.frames <- f:
		case <-c.gone:
			return
		}
	}
}

// close ends the client for the reason err.
func (c *Client) close(err error) {
	c.mu.Lock()
	first := c.broken == nil
	if first {
		c.broken = err
	}
	c.mu.Unlock()
	if first {
		close(c.gone)
		_ = c.stream.Close()
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

// call performs one request: it sends data if there is any, hands the bytes
// that come back to sink, and decodes the result into result unless it is nil.
func (c *Client) call(ctx context.Context, call wire.Call, data io.Reader, sink func([]byte) error, result any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	payload, err := json.Marshal(call)
	if err != nil {
		return err
	}
	if len(payload) > wire.MaxPayload {
		return fmt.Errorf("a request of %d bytes is more than the guest takes (%d)", len(payload), wire.MaxPayload)
	}
	req, err := c.begin()
	if err != nil {
		return err
	}
	defer c.end(req)
	// What is written is written in the background, because the stream may
	// be stuck. It gets loose when the client closes it.
	var writing sync.WaitGroup
	requested := make(chan struct{})
	var dataErr error
	writing.Go(func() {
		err := c.w.Frame(wire.Frame{Type: wire.Request, Request: req.id, Payload: payload})
		close(requested)
		if err == nil && data != nil {
			dataErr, err = c.send(req, data)
		}
		if err != nil {
			c.close(err)
		}
	})
	cancel := func() {
		writing.Go(func() {
			<-requested
			if err := c.w.Frame(wire.Frame{Type: wire.Cancel, Request: req.id}); err != nil {
				c.close(err)
			}
		})
	}
	err = c.receive(ctx, req, cancel, sink, result)
	close(req.answered)
	writing.Wait()
	if dataErr != nil && ctx.Err() == nil && !errors.Is(err, sandbox.ErrBroken) {
		return dataErr
	}
	return err
}

// send sends a request's data, as fast as the guest takes it. An error of data
// is dataErr, and cancels the request; the other one is the stream's.
func (c *Client) send(req *request, data io.Reader) (dataErr, err error) {
	buf := make([]byte, wire.Chunk)
	for {
		room := c.room(req)
		if room == 0 {
			return nil, nil
		}
		n, rerr := data.Read(buf[:room])
		if n > 0 {
			req.credit.Add(int64(-n))
			if err := c.w.Frame(wire.Frame{Type: wire.Data, Request: req.id, Payload: buf[:n]}); err != nil {
				return nil, err
			}
		}
		switch {
		case rerr == io.EOF:
			return nil, c.w.CloseData(req.id)
		case rerr != nil:
			return rerr, c.w.Frame(wire.Frame{Type: wire.Cancel, Request: req.id})
		}
	}
}

// room waits for credit, and returns how many bytes to send next; 0 when the
// request needs none any more.
func (c *Client) room(req *request) int {
	for {
		select {
		case <-req.answered:
			return 0
		case <-c.gone:
			return 0
		default:
		}
		if n := req.credit.Load(); n > 0 {
			return int(min(n, wire.Chunk))
		}
		select {
		case <-req.more:
		case <-req.answered:
		case <-c.gone:
		}
	}
}

func (r *request) grant(n int) {
	r.credit.Add(int64(n))
	select {
	case r.more <- struct{}{}:
	default:
	}
}

func (c *Client) begin() (*request, error) {
	c.mu.Lock()
	if c.broken != nil {
		c.mu.Unlock()
		return nil, c.brokenErr()
	}
	defer c.mu.Unlock()
	c.last++
	req := &request{id: c.last, frames: make(chan wire.Frame, 4), answered: make(chan struct{}), more: make(chan struct{}, 1)}
	req.credit.Store(wire.Window)
	c.open[req.id] = req
	return req, nil
}

func (c *Client) end(req *request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, req.id)
}

func (c *Client) receive(ctx context.Context, req *request, cancel func(), sink func([]byte) error, result any) error {
	done := ctx.Done()
	var late <-chan time.Time
	var sinkErr error
	for {
		select {
		case f := <-req.frames:
			switch f.Type {
			case wire.Data:
				if sinkErr == nil && sink != nil {
					sinkErr = sink(f.Payload)
				}
			case wire.Failure:
				if ctx.Err() != nil {
					return ctx.Err()
				}
				var e wire.Error
				if err := json.Unmarshal(f.Payload, &e); err != nil {
					return fmt.Errorf("reading the guest's error: %w", err)
				}
				if errors.Is(e, sandbox.ErrBroken) {
					c.close(e)
				}
				return e
			case wire.Result:
				if ctx.Err() != nil {
					return ctx.Err()
				}
				if sinkErr != nil || result == nil {
					return sinkErr
				}
				if err := json.Unmarshal(f.Payload, result); err != nil {
					return fmt.Errorf("reading the guest's answer: %w", err)
				}
				return nil
			}
		case <-done:
			// The guest ends what was running, so that nothing of it is left
			// when this returns.
			done = nil
			late = time.After(grace)
			cancel()
		case <-late:
			c.close(fmt.Errorf("the guest did not end a cancelled request within %v", grace))
			return errors.Join(ctx.Err(), c.brokenErr())
		case <-c.gone:
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return c.brokenErr()
		}
	}
}

// Run runs a command to its end. When ctx ends first, the command's whole
// process tree is killed, and the error is ctx's.
func (c *Client) Run(ctx context.Context, cmd sandbox.Command) (sandbox.Result, error) {
	var out bytes.Buffer
	var res sandbox.Result
	call := wire.Call{Op: wire.OpExec, Command: &cmd}
	if cmd.Stdin != nil {
		var err error
		if call.Stdin, err = io.ReadAll(cmd.Stdin); err != nil {
			return sandbox.Result{}, fmt.Errorf("reading the standard input for the command: %w", err)
		}
	}
	err := c.call(ctx, call, nil, collect(&out), &res)
	res.Output = out.Bytes()
	return res, err
}

func collect(b *bytes.Buffer) func([]byte) error {
	return func(p []byte) error { b.Write(p); return nil }
}

// ReadFile returns the contents of a regular file of up to 256 MiB. The error
// matches fs.ErrNotExist if there is none.
func (c *Client) ReadFile(ctx context.Context, path string) ([]byte, error) {
	var b bytes.Buffer
	if err := c.call(ctx, wire.Call{Op: wire.OpRead, Path: path}, nil, collect(&b), nil); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// WriteFile writes a regular file, making its parent folders as needed. The
// mode of a file that exists is kept; a new one gets 0644. After an error, and
// when ctx ends first, the file may hold a part of data.
func (c *Client) WriteFile(ctx context.Context, path string, data []byte) error {
	return c.call(ctx, wire.Call{Op: wire.OpWrite, Path: path}, bytes.NewReader(data), nil, nil)
}

// PutTar unpacks a tar stream below dir. No name in it can lead outside dir.
// It reads tar to its end unless it returns an error.
func (c *Client) PutTar(ctx context.Context, dir string, tar io.Reader) error {
	return c.call(ctx, wire.Call{Op: wire.OpUntar, Path: dir}, tar, nil, nil)
}

// GetTar writes the file or folder at path to w as a tar stream, with names
// relative to the parent of path. While w does not take what comes, all requests
// of this client wait.
func (c *Client) GetTar(ctx context.Context, path string, w io.Writer) error {
	return c.call(ctx, wire.Call{Op: wire.OpTar, Path: path}, nil, func(p []byte) error {
		_, err := w.Write(p)
		return err
	}, nil)
}

// Shell starts a bash session in dir.
func (c *Client) Shell(ctx context.Context, dir string) (sandbox.Shell, error) {
	var opened wire.ShellOpened
	if err := c.call(ctx, wire.Call{Op: wire.OpShell, Path: dir}, nil, nil, &opened); err != nil {
		return nil, fmt.Errorf("starting a shell session: %w", err)
	}
	return &shell{client: c, n: opened.Shell}, nil
}

type shell struct {
	client *Client
	n      uint32
}

func (s *shell) Run(ctx context.Context, script string, timeout time.Duration) (sandbox.ShellResult, error) {
	var out bytes.Buffer
	var res sandbox.ShellResult
	err := s.client.call(ctx, wire.Call{Op: wire.OpScript, Shell: s.n, Script: &wire.Script{Text: script, Timeout: timeout}}, nil, collect(&out), &res)
	res.Output = slices.Clip(out.Bytes())
	return res, err
}

func (s *shell) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	err := s.client.call(ctx, wire.Call{Op: wire.OpUnshell, Shell: s.n}, nil, nil, nil)
	if errors.Is(err, sandbox.ErrBroken) {
		return nil // the session went with the sandbox
	}
	return err
}
