package inside

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

var errCancelled = errors.New("cancelled")

// An inbox holds the data that has come for one request until its operation
// reads it. It takes at most wire.Window bytes, and gives the client credit as
// they are read; see the comment of package wire.
type inbox struct {
	credit func(n int) error
	cancel <-chan struct{}
	more   chan struct{} // told when put has changed something

	mu   sync.Mutex
	held bytes.Buffer
	end  error // once all data has come: io.EOF, or why there is no more
	owed int   // read, and not credited yet
}

func newInbox(cancel <-chan struct{}, credit func(n int) error) *inbox {
	return &inbox{credit: credit, cancel: cancel, more: make(chan struct{}, 1)}
}

// put adds data; none is the end. It never waits.
func (b *inbox) put(data []byte) {
	b.mu.Lock()
	switch {
	case b.end != nil: // what comes after the end is dropped
	case len(data) == 0:
		b.end = io.EOF
	case b.held.Len()+b.owed+len(data) > wire.Window:
		b.held = bytes.Buffer{}
		b.end = fmt.Errorf("more than %d bytes of data came without credit", wire.Window)
	default:
		b.held.Write(data)
	}
	b.mu.Unlock()
	select {
	case b.more <- struct{}{}:
	default:
	}
}

// Read waits for data until the request is cancelled.
func (b *inbox) Read(p []byte) (int, error) {
	for {
		n, credit, err := b.take(p)
		if credit > 0 {
			if err := b.credit(credit); err != nil {
				return n, err
			}
		}
		if n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
		select {
		case <-b.more:
		case <-b.cancel:
			return 0, errCancelled
		}
	}
}

func (b *inbox) take(p []byte) (n, credit int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held.Len() == 0 {
		return 0, 0, b.end
	}
	n, _ = b.held.Read(p)
	b.owed += n
	if b.owed >= wire.Window/4 { // not for every small read
		credit, b.owed = b.owed, 0
	}
	return n, credit, nil
}

// An obedient reader ends when its request is cancelled.
type obedient struct {
	io.Reader
	cancel <-chan struct{}
}

func (o obedient) Read(p []byte) (int, error) {
	select {
	case <-o.cancel:
		return 0, errCancelled
	default:
		return o.Reader.Read(p)
	}
}
