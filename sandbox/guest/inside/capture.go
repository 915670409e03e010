package inside

import "fmt"

// A capture keeps the first and the last half of what is written to it, so
// that memory does not grow with output.
type capture struct {
	half    int
	head    []byte
	tail    []byte // a ring once it is full
	next    int    // where the ring goes on
	written int64
}

func newCapture(limit int) *capture {
	return &capture{half: max(limit/2, 1)}
}

func (c *capture) Write(p []byte) (int, error) {
	n := len(p)
	c.written += int64(n)
	if room := c.half - len(c.head); room > 0 {
		k := min(room, len(p))
		c.head = append(c.head, p[:k]...)
		p = p[k:]
	}
	if skip := len(p) - c.half; skip > 0 { // it would be overwritten anyway
		p = p[skip:]
	}
	for len(p) > 0 {
		if len(c.tail) < c.half {
			k := min(c.half-len(c.tail), len(p))
			c.tail = append(c.tail, p[:k]...)
			p = p[k:]
			continue
		}
		k := copy(c.tail[c.next:], p)
		c.next = (c.next + k) % c.half
		p = p[k:]
	}
	return n, nil
}

// dropped is the number of bytes that were not kept.
func (c *capture) dropped() int64 {
	return c.written - int64(len(c.head)) - int64(len(c.tail))
}

// bytes returns what was kept, with a line in place of what was not.
func (c *capture) bytes() []byte {
	out := c.head
	if d := c.dropped(); d > 0 {
		out = fmt.Appendf(out, "\n[... %d bytes left out ...]\n", d)
	}
	out = append(out, c.tail[c.next:]...)
	return append(out, c.tail[:c.next]...)
}
