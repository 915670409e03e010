package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
)

// ErrStopped is the error of a reader or writer whose request is over.
var ErrStopped = errors.New("the request is over")

// An Inbox holds the data that has come for one request until it is read. It
// takes at most Window bytes, and gives the other side credit as they are read.
type Inbox struct {
	w       *Writer
	request uint32
	more    chan struct{} // told when Put or Close has changed something

	mu   sync.Mutex
	held bytes.Buffer
	end  error // once there is no more to come: io.EOF, or why
	owed int   // read, and not credited yet
}

// NewInbox returns the inbox of a request whose credit is given on w.
func NewInbox(w *Writer, request uint32) *Inbox {
	return &Inbox{w: w, request: request, more: make(chan struct{}, 1)}
}

// Put adds data; none is the end. It never waits.
func (b *Inbox) Put(data []byte) {
	b.mu.Lock()
	switch {
	case b.end != nil: // what comes after the end is dropped
	case len(data) == 0:
		b.end = io.EOF
	case b.held.Len()+b.owed+len(data) > Window:
		b.held = bytes.Buffer{}
		b.end = fmt.Errorf("more than %d bytes of data came without credit", Window)
	default:
		b.held.Write(data)
	}
	b.mu.Unlock()
	b.tell()
}

// Close ends the data with err, after what is there.
func (b *Inbox) Close(err error) {
	b.mu.Lock()
	if b.end == nil {
		b.end = err
	}
	b.mu.Unlock()
	b.tell()
}

func (b *Inbox) tell() {
	select {
	case b.more <- struct{}{}:
	default:
	}
}

// Read reads for one reader at a time, and waits for data.
func (b *Inbox) Read(p []byte) (int, error) { return b.ReadUntil(nil, p) }

// ReadUntil is Read until stop is closed; its error is then ErrStopped.
func (b *Inbox) ReadUntil(stop <-chan struct{}, p []byte) (int, error) {
	for {
		n, credit, err := b.take(p)
		if credit > 0 {
			if err := b.w.Credit(b.request, credit); err != nil {
				return n, err
			}
		}
		if n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
		select {
		case <-b.more:
		case <-stop:
			return 0, ErrStopped
		}
	}
}

func (b *Inbox) take(p []byte) (n, credit int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held.Len() == 0 {
		return 0, 0, b.end
	}
	n, _ = b.held.Read(p)
	b.owed += n
	if b.owed >= Window/4 && b.end == nil { // not for every small read
		credit, b.owed = b.owed, 0
	}
	return n, credit, nil
}

// An Outbox sends the data of one request, as fast as the other side takes it.
type Outbox struct {
	w       *Writer
	request uint32
	stop    <-chan struct{}
	more    chan struct{} // told when there is more credit

	mu     sync.Mutex
	credit int
}

// NewOutbox returns the outbox of a request that is over when stop is closed.
func NewOutbox(w *Writer, request uint32, stop <-chan struct{}) *Outbox {
	return &Outbox{w: w, request: request, stop: stop, more: make(chan struct{}, 1), credit: Window}
}

// Grant allows n more bytes.
func (o *Outbox) Grant(n int) {
	o.mu.Lock()
	o.credit += n
	o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
}

// Write sends p for one writer at a time, and waits for credit. Its error
// matches ErrStopped when the request was over before.
func (o *Outbox) Write(p []byte) (int, error) { return o.WriteUntil(nil, p) }

// WriteUntil is Write until another channel is closed, too.
func (o *Outbox) WriteUntil(stop <-chan struct{}, p []byte) (int, error) {
	sent := 0
	for sent < len(p) {
		n, err := o.take(stop, min(len(p)-sent, Chunk))
		if err != nil {
			return sent, err
		}
		if err := o.w.Frame(Frame{Type: Data, Request: o.request, Payload: p[sent : sent+n]}); err != nil {
			return sent, err
		}
		sent += n
	}
	return sent, nil
}

// take waits until there is credit, and takes up to most of it.
func (o *Outbox) take(stop <-chan struct{}, most int) (int, error) {
	for {
		select {
		case <-o.stop:
			return 0, ErrStopped
		case <-stop:
			return 0, ErrStopped
		default:
		}
		o.mu.Lock()
		n := min(o.credit, most)
		o.credit -= n
		o.mu.Unlock()
		if n > 0 {
			return n, nil
		}
		select {
		case <-o.more:
		case <-o.stop:
		case <-stop:
		}
	}
}

// Close says that there is no more data.
func (o *Outbox) Close() error {
	return o.w.Frame(Frame{Type: Data, Request: o.request})
}
