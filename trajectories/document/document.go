// Package document walks JSON files of any size without holding them.
//
// Trajectory files of other programs are documents of many megabytes, on one
// line as often as not, whose members stand in any order: what says how to read
// a list comes after the list. So a file is not read as a stream. It stays on
// disk, and a [Node] is a range of its bytes, whose members and elements are
// found by skipping over values, which is several times faster than decoding
// them. What is decoded is in memory, one value at a time:
//
//	doc, err := document.Open(path, document.Options{})
//	defer doc.Close()
//	for row, err := range doc.Documents() { // one, or one per line of JSONL
//		steps, ok := row.Get("trajectory")
//		for step, err := range steps.Elements() {
//			err := step.Decode(&v)
//		}
//	}
//
// Files are accepted in many shapes: one document, one per line, documents one
// right after the other, with a byte order mark, compressed with gzip or zstd,
// or a string that holds the document (one that was encoded twice). UTF-16 is
// refused.
//
// The brackets, commas and colons of a document are checked before its Node is
// handed out, and so is that no string holds a line break, which is where a row
// that was cut off shows. Whether strings and numbers are well formed is
// checked when they are decoded. Every [Error] says where: file, byte, line,
// column and field.
package document

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"unicode/utf8"
)

// Options say how a document is read. The zero value is usable.
type Options struct {
	// MaxValue bounds the bytes of a value that is decoded as a whole; zero
	// means DefaultMaxValue. Files and lists may be larger.
	MaxValue int64
	// MaxText bounds the bytes of a compressed file's text, and of one that is
	// no regular file; zero means DefaultMaxText.
	MaxText int64
	// Spool is the folder of the temporary files that hold such texts; empty
	// means the system's.
	Spool string
	// Lenient mends what can be mended, and says so through Warn: what is not
	// UTF-8 becomes U+FFFD, of members with the same name the last one counts,
	// and of a file that was cut off the whole members and elements are read.
	// Without it all of these are errors.
	Lenient bool
	// Warn, where set, is told what was mended or unwrapped.
	Warn func(Warning)
}

// Bounds, in bytes, where Options do not say.
const (
	DefaultMaxValue = 64 << 20
	DefaultMaxText  = 16 << 30
)

// maxBroken bounds the time that a file which is no JSON at all takes: each
// attempt may go far before it fails.
const maxBroken = 1000

// A Warning says that something was not as it should be, and was read all the
// same.
type Warning struct {
	Position
	Text string
}

func (w Warning) String() string { return fmt.Sprintf("%v: %s", w.Position, w.Text) }

// A Document is a file of JSON. It is not safe for concurrent use; its nodes
// may be walked side by side in one goroutine.
type Document struct {
	options Options
	text    *text
	closers []io.Closer
	failure error // met where no error could be returned
}

// Open opens the file at path. Errors about what it holds are *Error.
func Open(path string, o Options) (*Document, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading a document: %w", err)
	}
	d := newDocument(o)
	d.closers = append(d.closers, file)
	if err := d.open(path, file); err != nil {
		_ = d.Close()
		return nil, err
	}
	return d, nil
}

func newDocument(o Options) *Document {
	if o.MaxValue == 0 {
		o.MaxValue = DefaultMaxValue
	}
	if o.MaxText == 0 {
		o.MaxText = DefaultMaxText
	}
	if o.Warn == nil {
		o.Warn = func(Warning) {}
	}
	return &Document{options: o}
}

// Close closes the file and removes what was spooled. Nodes cannot be used any
// more.
func (d *Document) Close() error {
	var first error
	for _, c := range d.closers {
		if err := c.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Documents returns the file's documents, in their order: the rows of a JSONL
// file, and of any other file as a rule one. An empty file has none.
//
// An error belongs to one document, which is left out. Who goes on all the same
// gets the documents after it, from the next line that begins with a brace; a
// thousand broken ones in a row are the end. What could not be read while a
// document was walked, because the disk failed or its member names were broken,
// is the error that follows it.
func (d *Document) Documents() iter.Seq2[*Node, error] {
	return d.documents(d.text, true)
}

func (d *Document) documents(t *text, unwrap bool) iter.Seq2[*Node, error] {
	return func(yield func(*Node, error) bool) {
		c := &cursor{text: t, limit: t.size}
		for broken := 0; ; {
			if err := c.between(); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				yield(nil, err)
				return
			}
			n, err := d.next(c, t)
			if err != nil {
				broken++
				if !yield(nil, err) || broken == maxBroken || !c.resume(n.start) {
					return
				}
				continue
			}
			broken = 0
			if unwrap && n.kind == String {
				inner, err := d.unwrapDocument(n)
				if err != nil && !yield(nil, err) || inner != nil && !d.inner(inner, yield) {
					return
				}
				if err != nil || inner != nil {
					continue
				}
			}
			if !yield(n, nil) {
				return
			}
			if err := d.failure; err != nil {
				d.failure = nil
				if !yield(nil, err) {
					return
				}
			}
		}
	}
}

// inner yields the documents within a string, and says whether to go on.
func (d *Document) inner(t *text, yield func(*Node, error) bool) bool {
	for n, err := range d.documents(t, false) {
		if !yield(n, err) {
			return false
		}
	}
	return true
}

// next reads over the value at the cursor. With an error comes a node that
// tells where the value begins.
func (d *Document) next(c *cursor, t *text) (*Node, error) {
	n := &Node{doc: d, text: t, start: c.offset()}
	err := n.findDocument(c)
	if err == nil && n.kind != Object && n.kind != Array && n.kind != String {
		err = n.checkScalar()
	}
	if err == nil {
		return n, nil
	}
	syntax, ok := errors.AsType[*syntaxError](err)
	if !ok {
		return n, err
	}
	if syntax.cut() && d.options.Lenient && !c.another(n.start) && (n.kind == Object || n.kind == Array) {
		n.end, n.cut = t.size, true
		d.options.Warn(Warning{t.position(syntax.offset, t.pointer(n.start, syntax.offset)), "the file is cut off here; what is whole before it is read"})
		return n, nil
	}
	return n, &Error{t.position(syntax.offset, t.pointer(n.start, syntax.offset)), syntax.err}
}

// fail keeps an error that there is no other way to tell of.
func (d *Document) fail(err error) {
	if d.failure == nil {
		d.failure = err
	}
}

// preview shows bytes that were not expected.
func preview(b byte) string {
	if b < utf8.RuneSelf {
		return fmt.Sprintf("%q", b)
	}
	return fmt.Sprintf("byte 0x%02x", b)
}
