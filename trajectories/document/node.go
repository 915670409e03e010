package document

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// inline is the size, in bytes, up to which a node is read into memory when
// something in it is looked at. A larger one is read through a buffer.
const inline = 1 << 20

// A Node is one JSON value of a document.
type Node struct {
	doc    *Document
	text   *text
	parent *Node
	name   string // in its parent, its place in a list included
	kind   Kind
	// The value is from start to end. A cut one has no end: the file ends inside
	// it, so that not all members or elements are there. Only Options.Lenient lets
	// such values through.
	start, end int64
	cut        bool

	raw     []byte // the value, once it is in memory
	warned  bool   // of what was mended in it
	indexed bool
	members []*Node
	byName  map[string]*Node // of objects with many members
}

// Kind is what a value is, one of a closed set.
type Kind string

const (
	Object  Kind = "object"
	Array   Kind = "array"
	String  Kind = "string"
	Number  Kind = "number"
	Boolean Kind = "boolean"
	Null    Kind = "null"
)

// kindOf tells a value by its first byte.
func kindOf(b byte) Kind {
	switch b {
	case '{':
		return Object
	case '[':
		return Array
	case '"':
		return String
	case 't', 'f':
		return Boolean
	case 'n':
		return Null
	}
	return Number
}

// A Key is a member of an object.
type Key struct {
	Name string
	Kind Kind
}

// Kind is what the value is.
func (n *Node) Kind() Kind { return n.kind }

// Size is the length of the value, in bytes.
func (n *Node) Size() int64 { return n.end - n.start }

// Position is where the value begins.
func (n *Node) Position() Position { return n.text.position(n.start, n.pointer()) }

func (n *Node) pointer() string {
	if n.parent == nil {
		return ""
	}
	return string(jsontext.Pointer(n.parent.pointer()).AppendToken(n.name))
}

// Keys returns the members of an object in their order, and nothing for other
// values.
func (n *Node) Keys() []Key {
	var keys []Key
	for _, m := range n.index() {
		keys = append(keys, Key{m.name, m.kind})
	}
	return keys
}

// Get follows the names of members, and reports whether there is such a value.
// Of several members of one name it takes the last, as most programs do.
func (n *Node) Get(path ...string) (*Node, bool) {
	for _, name := range path {
		if n = n.member(name); n == nil {
			return nil, false
		}
	}
	return n, true
}

func (n *Node) member(name string) *Node {
	members := n.index()
	if n.byName != nil {
		return n.byName[name]
	}
	for i := len(members) - 1; i >= 0; i-- {
		if members[i].name == name {
			return members[i]
		}
	}
	return nil
}

// Elements returns the elements of an array in their order. Each call reads on
// its own, so that several lists of a file can be walked side by side, and one
// list several times. For a value that is no array it yields an error.
func (n *Node) Elements() iter.Seq2[*Node, error] {
	return func(yield func(*Node, error) bool) {
		if n.kind != Array {
			yield(nil, n.isNo(Array))
			return
		}
		c, err := n.cursor()
		if err == nil {
			err = n.elements(c, func(e *Node) bool { return yield(e, nil) })
		}
		if err = n.forgive(err); err != nil {
			yield(nil, err)
		}
	}
}

func (n *Node) elements(c *cursor, yield func(*Node) bool) error {
	closes, err := c.enter()
	if err != nil {
		return err
	}
	more, err := c.first(closes)
	for i := 0; more && err == nil; i++ {
		e := n.child(strconv.Itoa(i))
		if err := e.find(c); err != nil {
			return err
		}
		n.share(e)
		e.keep(c)
		if !yield(e) {
			return nil
		}
		more, err = c.following(closes)
	}
	return err
}

// find reads over the value at the cursor.
func (n *Node) find(c *cursor) error {
	b, err := c.peek()
	if err != nil {
		return err
	}
	n.start, n.kind = c.offset(), kindOf(b)
	err = c.skip()
	n.end = c.offset()
	if err == nil && n.parent != nil && n.end == c.limit && n.kind != Object && n.kind != Array && n.kind != String {
		// More digits may have been to come, and a bracket for sure.
		return &syntaxError{n.end, errCut}
	}
	return err
}

func (n *Node) child(name string) *Node {
	return &Node{doc: n.doc, text: n.text, parent: n, name: name}
}

// share gives a child its part of what is in memory.
func (n *Node) share(child *Node) {
	if n.raw != nil {
		child.raw = n.raw[child.start-n.start : child.end-n.start]
	}
}

// keep holds on to a value that the cursor has in its buffer, which is cheaper
// than to read it once more.
func (n *Node) keep(c *cursor) {
	if n.raw == nil && n.start >= c.base {
		n.raw = bytes.Clone(c.buf[n.start-c.base : n.end-c.base])
	}
}

// cursor returns a cursor at the beginning of the value.
func (n *Node) cursor() (*cursor, error) {
	c := &cursor{text: n.text, limit: n.end, base: n.start}
	if n.Size() <= inline {
		if err := n.load(); err != nil {
			return nil, err
		}
		c.buf = n.raw
	}
	return c, nil
}

// load reads a small value into memory.
func (n *Node) load() error {
	if n.raw != nil {
		return nil
	}
	raw, err := n.text.read(n.start, n.end)
	n.raw = raw
	return err
}

// forgive drops the error of a walk that came to the end of a cut value, and
// gives others their position.
func (n *Node) forgive(err error) error {
	syntax, ok := errors.AsType[*syntaxError](err)
	switch {
	case !ok:
		return err
	case n.cut && syntax.cut():
		return nil
	}
	return &Error{n.text.position(syntax.offset, n.pointer()), syntax.err}
}

// isNo is the error for a value that is not what was asked for.
func (n *Node) isNo(want Kind) error {
	return &Error{n.Position(), fmt.Errorf("the value is no %s but a JSON %s", want, n.kind)}
}
