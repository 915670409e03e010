package document

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Unwrap returns the value that a string holds as text: some files encode their
// messages, or all of themselves, twice. Errors in it have the position of the
// string, and the field within.
func (n *Node) Unwrap() (*Node, error) {
	t, err := n.inside()
	if err != nil {
		return nil, err
	}
	// A failure that waits to be told is of the document around the string.
	failure := n.doc.failure
	n.doc.failure = nil
	defer func() { n.doc.failure = cmp.Or(failure, n.doc.failure) }()
	var inner *Node
	for d, err := range n.doc.documents(t, false) {
		if err != nil {
			return nil, err
		}
		if inner != nil {
			return nil, &Error{n.Position(), errors.New("the string holds more than one JSON value")}
		}
		inner = d
	}
	if inner == nil {
		return nil, &Error{n.Position(), errors.New("the string holds no JSON value")}
	}
	return inner, nil
}

// unwrapDocument returns the text of a document that is a string, or nil when
// that is no object or array.
func (d *Document) unwrapDocument(n *Node) (*text, error) {
	t, err := n.inside()
	if err != nil {
		return nil, err
	}
	b, err := (&cursor{text: t, limit: t.size}).peek()
	if err != nil || b != '{' && b != '[' {
		return nil, nil
	}
	d.options.Warn(Warning{n.Position(), "the document was encoded twice: the string is read as JSON"})
	return t, nil
}

// inside returns the text of a string: from memory, or from a file where it is
// larger than what may be in memory.
func (n *Node) inside() (*text, error) {
	if n.kind != String {
		return nil, n.isNo(String)
	}
	t := &text{file: n.text.file, outer: n}
	if n.Size() <= n.doc.options.MaxValue {
		s, err := n.String()
		t.in, t.size = strings.NewReader(s), int64(len(s))
		return t, err
	}
	file, err := n.doc.temporary()
	if err != nil {
		return nil, err
	}
	w := bufio.NewWriterSize(file, chunkSize)
	c := &cursor{text: n.text, base: n.start + 1, limit: n.end - 1}
	if err := unescape(c, w); err != nil {
		return nil, n.forgive(err)
	}
	if err := w.Flush(); err != nil {
		return nil, fmt.Errorf("unwrapping a string of %s: %w", n.text.file, err)
	}
	t.in = file
	t.size, err = file.Seek(0, io.SeekCurrent)
	return t, err
}

// unescape writes the text of the string whose inner bytes the cursor is at.
// What is not UTF-8 passes, and is seen when the text is decoded.
func unescape(c *cursor, w *bufio.Writer) error {
	for {
		if c.pos == len(c.buf) {
			if err := c.fill(); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
		}
		run := c.buf[c.pos:]
		i := bytes.IndexByte(run, '\\')
		if i >= 0 {
			run = run[:i]
		}
		if _, err := w.Write(run); err != nil {
			return fmt.Errorf("unwrapping a string of %s: %w", c.text.file, err)
		}
		c.pos += len(run)
		if i < 0 {
			continue
		}
		// An escape has 2, 6 or, where it is one of two surrogates, 12 bytes.
		escape, err := c.bytes(c.offset(), min(c.offset()+12, c.limit))
		if err != nil {
			return err
		}
		r, n := unescapeRune(escape)
		if n == 0 {
			return c.syntax(c.offset(), "an escape that JSON does not have")
		}
		if _, err := w.WriteRune(r); err != nil {
			return fmt.Errorf("unwrapping a string of %s: %w", c.text.file, err)
		}
		c.seek(c.offset() + int64(n))
	}
}

// unescapeRune returns the character that the escape at the beginning of b
// stands for, and the length of the escape, which is 0 if it is none. A lone
// surrogate is U+FFFD.
func unescapeRune(b []byte) (rune, int) {
	if len(b) < 2 {
		return 0, 0
	}
	if i := strings.IndexByte(`"\/bfnrt`, b[1]); i >= 0 {
		return rune("\"\\/\b\f\n\r\t"[i]), 2
	}
	r, ok := unescapeUnit(b)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if low, ok := unescapeUnit(b[6:]); ok {
		if r := utf16.DecodeRune(r, low); r != utf8.RuneError {
			return r, 12
		}
	}
	return utf8.RuneError, 6
}

// unescapeUnit reads one \uXXXX.
func unescapeUnit(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	var unit [2]byte
	if _, err := hex.Decode(unit[:], b[2:6]); err != nil {
		return 0, false
	}
	return rune(binary.BigEndian.Uint16(unit[:])), true
}

// temporary returns a new file that is gone when the document is closed.
func (d *Document) temporary() (*os.File, error) {
	file, err := os.CreateTemp(d.options.Spool, "document-*.json")
	if err != nil {
		return nil, fmt.Errorf("spooling a document: %w", err)
	}
	d.closers = append(d.closers, file)
	// The name may go at once: the file lives as long as it is open.
	if err := os.Remove(file.Name()); err != nil {
		return nil, fmt.Errorf("spooling a document: %w", err)
	}
	return file, nil
}
