package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

const (
	chunkSize = 64 << 10
	// maxDepth is how deep values may be nested: as deep as encoding/json and
	// jsontext go.
	maxDepth = 10000
)

// A cursor reads a text from front to back through a buffer, and knows how to
// skip values.
type cursor struct {
	text  *text
	limit int64  // where it has to stop
	buf   []byte // what is in memory
	base  int64  // the offset of buf in the text
	pos   int    // in buf
	chunk []byte
	open  []byte // the brackets that close what is open
}

// A syntaxError is an error at an offset of the text, whose position has yet to
// be worked out.
type syntaxError struct {
	offset int64
	err    error
}

func (e *syntaxError) Error() string { return e.err.Error() }

// cut says that the text ends where something was to come.
func (e *syntaxError) cut() bool { return errors.Is(e.err, errCut) }

var errCut = errors.New("the text ends in the middle of a value")

func (c *cursor) offset() int64 { return c.base + int64(c.pos) }

func (c *cursor) syntax(offset int64, format string, args ...any) error {
	return &syntaxError{offset, fmt.Errorf(format, args...)}
}

// unexpected is the error for the byte at the cursor.
func (c *cursor) unexpected(b byte, want string) error {
	return c.syntax(c.offset(), "%s where %s was to come", preview(b), want)
}

// seek goes on at offset.
func (c *cursor) seek(offset int64) {
	if offset >= c.base && offset <= c.base+int64(len(c.buf)) {
		c.pos = int(offset - c.base)
		return
	}
	c.buf, c.base, c.pos = nil, offset, 0
}

// fill reads the next chunk when all of the last one is used. At the end of
// the text the error is io.EOF.
func (c *cursor) fill() error {
	next := c.base + int64(len(c.buf))
	if next >= c.limit {
		return io.EOF
	}
	if c.chunk == nil {
		c.chunk = make([]byte, min(chunkSize, c.limit-next))
	}
	n, err := c.text.in.ReadAt(c.chunk[:min(int64(len(c.chunk)), c.limit-next)], next)
	if n == 0 {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // the file has become shorter
		}
		return fmt.Errorf("reading %s: %w", c.text.file, err)
	}
	c.buf, c.base, c.pos = c.chunk[:n], next, 0
	return nil
}

// more is fill where the text may not end.
func (c *cursor) more() error {
	err := c.fill()
	if errors.Is(err, io.EOF) {
		return &syntaxError{c.offset(), errCut}
	}
	return err
}

// peek returns the next byte that is no white space.
func (c *cursor) peek() (byte, error) {
	for {
		for ; c.pos < len(c.buf); c.pos++ {
			switch b := c.buf[c.pos]; b {
			case ' ', '\t', '\r', '\n':
			default:
				return b, nil
			}
		}
		if err := c.more(); err != nil {
			return 0, err
		}
	}
}

// between goes to the next document. Byte order marks stand there where files
// were put together, and the record separators of RFC 7464. At the end of the
// text the error is io.EOF.
func (c *cursor) between() error {
	for {
		for c.pos < len(c.buf) {
			switch c.buf[c.pos] {
			case ' ', '\t', '\r', '\n', 0x1e:
				c.pos++
				continue
			case mark[0]:
				if got, err := c.bytes(c.offset(), min(c.offset()+int64(len(mark)), c.limit)); err == nil && string(got) == mark {
					c.seek(c.offset() + int64(len(mark)))
					continue
				}
			}
			return nil
		}
		if err := c.fill(); err != nil {
			return err
		}
	}
}

// mark is the byte order mark of UTF-8.
const mark = "\xef\xbb\xbf"

// bytes returns the bytes from start to end, from memory if they are there.
// They stay valid until the cursor moves.
func (c *cursor) bytes(start, end int64) ([]byte, error) {
	if start >= c.base && end <= c.base+int64(len(c.buf)) {
		return c.buf[start-c.base : end-c.base], nil
	}
	return c.text.read(start, end)
}

// skip goes over the value at the cursor and checks its brackets, commas and
// colons.
func (c *cursor) skip() error {
	c.open = c.open[:0]
	for {
		closes, err := c.enter()
		if err != nil {
			return err
		}
		if closes != 0 {
			if len(c.open) == maxDepth {
				return c.syntax(c.offset()-1, "values are nested more than %d deep", maxDepth)
			}
			c.open = append(c.open, closes)
			more, err := c.first(closes)
			if err != nil {
				return err
			}
			if more {
				continue
			}
			c.open = c.open[:len(c.open)-1]
		}
		for {
			if len(c.open) == 0 {
				return nil
			}
			more, err := c.following(c.open[len(c.open)-1])
			if err != nil {
				return err
			}
			if more {
				break
			}
			c.open = c.open[:len(c.open)-1]
		}
	}
}

// enter goes over a string or a scalar, or over the opening bracket of an
// object or array, of which it returns the closing one.
func (c *cursor) enter() (closes byte, err error) {
	b, err := c.peek()
	if err != nil {
		return 0, err
	}
	switch b {
	case '{':
		c.pos++
		return '}', nil
	case '[':
		c.pos++
		return ']', nil
	case '"':
		return 0, c.skipString()
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 't', 'f', 'n':
		return 0, c.skipScalar()
	}
	return 0, c.unexpected(b, "a value")
}

// first goes to the first value behind an opening bracket, over its name in an
// object; or over the closing bracket if there is none.
func (c *cursor) first(closes byte) (more bool, err error) {
	b, err := c.peek()
	if err != nil {
		return false, err
	}
	if b == closes {
		c.pos++
		return false, nil
	}
	if closes == '}' {
		return true, c.skipName()
	}
	return true, nil
}

// following goes from the end of a value to the next one, or over the closing
// bracket.
func (c *cursor) following(closes byte) (more bool, err error) {
	b, err := c.peek()
	if err != nil {
		return false, err
	}
	switch {
	case b == closes:
		c.pos++
		return false, nil
	case b != ',':
		return false, c.unexpected(b, fmt.Sprintf("a comma or %q", closes))
	}
	c.pos++
	if closes == '}' {
		return true, c.skipName()
	}
	return true, nil
}

// skipName goes over a member's name and its colon.
func (c *cursor) skipName() error {
	b, err := c.peek()
	if err != nil {
		return err
	}
	if b != '"' {
		return c.unexpected(b, "the name of a member")
	}
	if err := c.skipString(); err != nil {
		return err
	}
	return c.skipColon()
}

func (c *cursor) skipColon() error {
	b, err := c.peek()
	if err != nil {
		return err
	}
	if b != ':' {
		return c.unexpected(b, "a colon")
	}
	c.pos++
	return nil
}

// skipString goes over a string. Nearly all bytes of a trajectory are in
// strings, so this decides the speed of everything.
func (c *cursor) skipString() error {
	c.pos++
	escaped := false // the next byte is
	for {
		if c.pos == len(c.buf) {
			if err := c.more(); err != nil {
				return err
			}
		}
		if escaped {
			escaped = false
			if c.buf[c.pos] != '\n' {
				c.pos++
				continue
			}
		}
		run := c.buf[c.pos:]
		quote := bytes.IndexByte(run, '"')
		if quote >= 0 {
			run = run[:quote]
		}
		if i := bytes.IndexByte(run, '\n'); i >= 0 {
			return c.syntax(c.offset()+int64(i), "a line break inside a string: the line seems to be cut off")
		}
		backslashes := 0
		for backslashes < len(run) && run[len(run)-1-backslashes] == '\\' {
			backslashes++
		}
		escaped = backslashes%2 == 1
		c.pos += len(run)
		if quote >= 0 && !escaped {
			c.pos++
			return nil
		}
	}
}

// skipScalar goes over a number, true, false or null. Which it is, and whether
// it is well formed, is seen when it is decoded.
func (c *cursor) skipScalar() error {
	for {
		for ; c.pos < len(c.buf); c.pos++ {
			switch c.buf[c.pos] {
			case ',', ':', ']', '}', '[', '{', '"', ' ', '\t', '\r', '\n':
				return nil
			}
		}
		if err := c.fill(); errors.Is(err, io.EOF) {
			return nil // a document may be a number
		} else if err != nil {
			return err
		}
	}
}

// another says whether after start a line begins with a brace.
func (c *cursor) another(start int64) bool {
	_, ok := c.search(start)
	return ok
}

// resume goes to the next line after start that begins with a brace, as the
// rows of a JSONL file do and the lines inside a document hardly ever.
func (c *cursor) resume(start int64) bool {
	next, ok := c.search(start)
	if ok {
		c.seek(next)
	}
	return ok
}

func (c *cursor) search(start int64) (int64, bool) {
	s := cursor{text: c.text, limit: c.limit, base: start}
	for line := false; ; { // the byte at the cursor is the first of its line
		if s.pos == len(s.buf) {
			if s.fill() != nil {
				return 0, false
			}
		}
		if line && s.buf[s.pos] == '{' {
			return s.offset(), true
		}
		i := bytes.IndexByte(s.buf[s.pos:], '\n')
		line = i >= 0
		if line {
			s.pos += i + 1
		} else {
			s.pos = len(s.buf)
		}
	}
}
