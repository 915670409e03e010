package sandbox

import (
	"bytes"
	"strings"
	"sync"
)

// Notes keeps the beginning of what a guest says on its standard error, which
// is nothing unless something is wrong. Drivers tell it as the detail of a
// Death. The zero value is ready, and safe for concurrent use.
type Notes struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer; it never fails.
func (n *Notes) Write(p []byte) (int, error) {
	const limit = 8 << 10
	n.mu.Lock()
	defer n.mu.Unlock()
	if room := limit - n.b.Len(); room > 0 {
		n.b.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// String returns what was kept, without the space around it.
func (n *Notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.TrimSpace(n.b.String())
}
