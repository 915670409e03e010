package guest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

// Dial connects to something that listens inside: a server under test. The
// connection ends with the sandbox at the latest, not with ctx.
func (c *Client) Dial(ctx context.Context, address sandbox.Address) (net.Conn, error) {
	req, err := c.launch(ctx, wire.Call{Op: wire.OpDial, Address: &address})
	if err != nil {
		return nil, fmt.Errorf("connecting to %s %s in the sandbox: %w", address.Network, address.Address, err)
	}
	if _, err := c.await(ctx, req); err != nil {
		c.forget(req)
		return nil, fmt.Errorf("connecting to %s %s in the sandbox: %w", address.Network, address.Address, err)
	}
	return newConn(req, address), nil
}

// An Offer is an endpoint outside that can be reached from inside.
type Offer struct {
	// Address is where it is reached inside.
	Address sandbox.Address

	client  *Client
	req     *request
	dial    func(context.Context) (net.Conn, error)
	ctx     context.Context // ends with the offer; each connection is a task of its own
	cancel  context.CancelFunc
	serving sync.WaitGroup

	connections int // under the client's lock
}

// Offer listens at an address inside. Each connection there is joined with one
// that dial makes, so the inside reaches what dial reaches and nothing else.
// The offer ends when it is closed, and with the sandbox.
func (c *Client) Offer(ctx context.Context, address sandbox.Address, dial func(context.Context) (net.Conn, error)) (*Offer, error) {
	doing := fmt.Sprintf("offering %s %s in the sandbox", address.Network, address.Address)
	req, err := c.launch(ctx, wire.Call{Op: wire.OpOffer, Address: &address})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	o := &Offer{client: c, req: req, dial: dial}
	o.ctx, o.cancel = context.WithCancel(context.WithoutCancel(ctx))
	c.mu.Lock()
	c.offers[req.id] = o
	c.mu.Unlock()
	ready, err := c.await(ctx, req)
	var l wire.Listening
	if err == nil {
		err = json.Unmarshal(ready, &l)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, errors.Join(err, o.Close()))
	}
	c.mu.Lock()
	o.Address = l.Address
	c.mu.Unlock()
	return o, nil
}

// Close ends the offer and the connections that were made through it. When it
// returns, nothing listens inside any more.
func (o *Offer) Close() error {
	c := o.client
	c.mu.Lock()
	delete(c.offers, o.req.id)
	c.mu.Unlock()
	o.cancel()
	go func() { _ = c.w.Frame(wire.Frame{Type: wire.Cancel, Request: o.req.id}) }()
	select {
	case <-o.req.over:
	case <-time.After(grace):
	}
	c.end(o.req)
	o.serving.Wait()
	return nil
}

// accept takes in a connection that something inside has made.
func (c *Client) accept(f wire.Frame) error {
	var a wire.Accepted
	if err := json.Unmarshal(f.Payload, &a); err != nil {
		return fmt.Errorf("reading a connection from inside: %w", err)
	}
	if f.Request < wire.FirstOfGuest {
		return fmt.Errorf("the guest opened a request with the number %d, which is ours", f.Request)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.offers[a.Offer]
	if o == nil || o.connections == maxConnections || c.broken != nil || c.open[f.Request] != nil {
		return c.refuse(f.Request)
	}
	req := c.adopt(f.Request)
	o.connections++
	o.serving.Go(func() {
		o.serve(newConn(req, o.Address))
		c.mu.Lock()
		defer c.mu.Unlock()
		o.connections--
	})
	return nil
}

// The bounds of what something inside may have us hold: connections of an offer
// at one time, and refusals of others that the guest does not take.
const (
	maxConnections = 256
	maxUnsaid      = 1024
)

// refuse closes a connection that was made inside; the lock is held.
func (c *Client) refuse(id uint32) error {
	if c.unsaid == maxUnsaid {
		return errors.New("the guest opens connections, and does not hear that they are refused")
	}
	c.unsaid++
	go func() { // the stream may be stuck
		_ = c.w.Frame(wire.Frame{Type: wire.Cancel, Request: id})
		c.mu.Lock()
		defer c.mu.Unlock()
		c.unsaid--
	}()
	return nil
}

func (o *Offer) serve(near net.Conn) {
	defer near.Close()
	far, err := o.dial(o.ctx)
	if err != nil {
		return // inside, the connection is closed: the endpoint is not there
	}
	defer far.Close()
	defer context.AfterFunc(o.ctx, func() {
		_ = far.Close()
		_ = near.Close()
	})()
	var both sync.WaitGroup
	both.Go(func() { pipe(far, near) })
	both.Go(func() { pipe(near, far) })
	both.Wait()
}

// pipe copies one direction and passes its end on.
func pipe(to, from net.Conn) {
	_, err := io.Copy(to, from)
	half, ok := to.(interface{ CloseWrite() error })
	if err != nil || !ok || half.CloseWrite() != nil {
		_ = to.Close()
		_ = from.Close()
	}
}

// launch opens a request that lasts.
func (c *Client) launch(ctx context.Context, call wire.Call) (*request, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	payload, err := encode(call)
	if err != nil {
		return nil, err
	}
	req := c.begin()
	if req == nil {
		return nil, c.brokenErr()
	}
	go func() { // the stream may be stuck
		if err := c.w.Frame(wire.Frame{Type: wire.Request, Request: req.id, Payload: payload}); err != nil {
			c.close(err)
		}
	}()
	return req, nil
}

// await waits until a request that lasts has begun, and returns what its Ready
// frame holds.
func (c *Client) await(ctx context.Context, req *request) ([]byte, error) {
	select {
	case ready := <-req.ready:
		return ready, nil
	case <-req.over:
		return c.answer(ctx, req)
	case <-ctx.Done():
		c.end(req)
		return nil, ctx.Err()
	}
}

// end ends a request that lasts.
func (c *Client) end(req *request) {
	select {
	case <-req.over:
	default: // to be told once this end is over: the answer must not come first
		defer func() {
			go func() { _ = c.w.Frame(wire.Frame{Type: wire.Cancel, Request: req.id}) }()
		}()
	}
	req.finish(wire.Frame{Type: wire.Cancel}, net.ErrClosed)
	c.forget(req)
}

// A conn is a connection through the guest.
type conn struct {
	req         *request
	at          address
	closed      atomic.Bool // by Close
	read, write deadline
}

// An address is a net.Addr.
type address struct{ at sandbox.Address }

func (a address) Network() string { return a.at.Network }
func (a address) String() string  { return a.at.Address }

func newConn(req *request, at sandbox.Address) *conn { return &conn{req: req, at: address{at}} }

func (c *conn) Read(p []byte) (int, error) {
	if c.closed.Load() {
		return 0, net.ErrClosed
	}
	n, err := c.req.in.ReadUntil(c.read.passed(), p)
	if errors.Is(err, wire.ErrStopped) {
		return n, os.ErrDeadlineExceeded
	}
	return n, err
}

func (c *conn) Write(p []byte) (int, error) {
	n, err := c.req.out.WriteUntil(c.write.passed(), p)
	if !errors.Is(err, wire.ErrStopped) {
		return n, err
	}
	select {
	case <-c.req.over:
		return n, net.ErrClosed
	default:
		return n, os.ErrDeadlineExceeded
	}
}

// CloseWrite says that nothing more will be written.
func (c *conn) CloseWrite() error {
	select {
	case <-c.req.over:
		return net.ErrClosed
	default:
		return c.req.out.Close()
	}
}

func (c *conn) Close() error {
	c.closed.Store(true)
	c.req.client.end(c.req)
	return nil
}

func (c *conn) LocalAddr() net.Addr  { return c.at }
func (c *conn) RemoteAddr() net.Addr { return c.at }

func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.read.set(t)
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.write.set(t)
	return nil
}

// A deadline is a channel that is closed at a time that may be changed. Who
// waits on the channel when the time changes has the old one: as with
// connections of package net, a read that waits is ended by a deadline in the
// past, which closes the channel that is there.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	ch    chan struct{}
}

func (d *deadline) passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ch == nil {
		d.ch = make(chan struct{})
	}
	return d.ch
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	over := false
	if d.ch != nil {
		select {
		case <-d.ch:
			over = true
		default:
		}
	}
	if d.ch == nil || over {
		d.ch = make(chan struct{})
	}
	if t.IsZero() {
		return
	}
	ch := d.ch
	d.timer = time.AfterFunc(time.Until(t), func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.ch == ch {
			select {
			case <-ch:
			default:
				close(ch)
			}
		}
	})
}
