package document

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// maxMembers bounds what the index of an object takes. Objects have few
	// members; it is their lists that are long.
	maxMembers = 1 << 16
	maxName    = 1 << 16 // bytes
	// fewMembers are found faster by looking at each.
	fewMembers = 16
)

// index returns the members. What is wrong with them cannot be returned from
// Keys and Get: it is the error after the document.
func (n *Node) index() []*Node {
	if n.kind != Object || n.indexed {
		return n.members
	}
	n.indexed = true
	c, err := n.cursor()
	if err == nil {
		err = n.findMembers(c)
	}
	if err := n.forgive(err); err != nil {
		n.doc.fail(err)
	}
	return n.members
}

// findDocument is find for a whole document. It takes note of the members at
// once, because somebody will ask for them, and they may be all over the file.
func (n *Node) findDocument(c *cursor) error {
	b, err := c.peek()
	if err != nil {
		return err
	}
	if b != '{' {
		return n.find(c)
	}
	n.start, n.kind, n.indexed = c.offset(), Object, true
	err = n.findMembers(c)
	n.end = c.offset()
	if err == nil {
		n.keep(c)
		for _, m := range n.members {
			n.share(m)
		}
	}
	return err
}

// findMembers takes note of the members of the object at the cursor. Where the
// text ends in the middle, it knows those that are whole, and the object or
// array that was begun.
func (n *Node) findMembers(c *cursor) error {
	if _, err := c.enter(); err != nil {
		return err
	}
	b, err := c.peek()
	if err == nil && b == '}' {
		c.pos++
		return nil
	}
	for err == nil {
		if err = n.findMember(c); err != nil {
			break
		}
		if b, err = c.peek(); err != nil {
			break
		}
		if b != '}' && b != ',' {
			return c.unexpected(b, `a comma or '}'`)
		}
		c.pos++
		if b == '}' {
			break
		}
	}
	return err
}

func (n *Node) findMember(c *cursor) error {
	b, err := c.peek()
	if err != nil {
		return err
	}
	if b != '"' {
		return c.unexpected(b, "the name of a member")
	}
	start := c.offset()
	if err := c.skipString(); err != nil {
		return err
	}
	name, err := n.memberName(c, start)
	if err != nil {
		return err
	}
	if err := c.skipColon(); err != nil {
		return err
	}
	m := n.child(name)
	err = m.find(c)
	if syntax, ok := errors.AsType[*syntaxError](err); ok && syntax.cut() && (m.kind == Object || m.kind == Array) {
		m.end, m.cut = n.text.size, true
		n.add(m)
		return err
	}
	if err != nil {
		return err
	}
	n.share(m)
	n.add(m)
	return nil
}

// memberName reads the name that the cursor has gone over, and checks that it
// is new.
func (n *Node) memberName(c *cursor, start int64) (string, error) {
	if len(n.members) == maxMembers {
		return "", c.syntax(start, "an object has more than %d members", maxMembers)
	}
	if c.offset()-start > maxName {
		return "", c.syntax(start, "the name of a member has more than %d bytes", maxName)
	}
	quoted, err := c.bytes(start, c.offset())
	if err != nil {
		return "", err
	}
	name, err := n.unquote(quoted, start)
	if err != nil {
		return "", err
	}
	if n.member(name) != nil {
		if !n.doc.options.Lenient {
			return "", c.syntax(start, "a second member named %q", name)
		}
		at := n.text.position(start, n.pointer())
		n.doc.options.Warn(Warning{at, fmt.Sprintf("a second member named %q: the last one counts", name)})
	}
	return name, nil
}

func (n *Node) unquote(quoted []byte, start int64) (string, error) {
	plain := quoted[1 : len(quoted)-1]
	if utf8.Valid(plain) && bytes.IndexByte(plain, '\\') < 0 && bytes.IndexFunc(plain, func(r rune) bool { return r < ' ' }) < 0 {
		return string(plain), nil
	}
	var name string
	strict := json.Unmarshal(quoted, &name)
	if strict == nil {
		return name, nil
	}
	if !n.doc.options.Lenient || json.Unmarshal(quoted, &name, jsontext.AllowInvalidUTF8(true)) != nil {
		return "", &syntaxError{start, fmt.Errorf("the name of a member: %w", plainly(strict))}
	}
	n.doc.options.Warn(Warning{n.text.position(start, n.pointer()), "the name of a member is not UTF-8: what is not is read as U+FFFD"})
	return name, nil
}

func (n *Node) add(m *Node) {
	n.members = append(n.members, m)
	if n.byName == nil && len(n.members) > fewMembers {
		n.byName = make(map[string]*Node, 2*fewMembers)
		for _, m := range n.members {
			n.byName[m.name] = m
		}
	}
	if n.byName != nil {
		n.byName[m.name] = m
	}
}
