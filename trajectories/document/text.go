package document

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A text is bytes of JSON: those of the file, or those of a string in it.
type text struct {
	in    io.ReaderAt
	size  int64
	file  string
	outer *Node // the string whose text this is, or nil
	lines lines
}

// read returns the bytes from start to end.
func (t *text) read(start, end int64) ([]byte, error) {
	b := make([]byte, end-start)
	if n, err := t.in.ReadAt(b, start); n < len(b) {
		return nil, fmt.Errorf("reading %s: %w", t.file, err)
	}
	return b, nil
}

// position is a place in the text as one in the file. Inside a string it is
// the place of the string: there the offsets are others.
func (t *text) position(offset int64, field string) Position {
	if t.outer != nil {
		p := t.outer.Position()
		p.Field += field
		return p
	}
	p := t.lines.find(t.in, offset)
	return Position{File: t.file, Offset: offset, Line: p.line, Column: int(offset-p.begins) + 1, Field: shorten(field)}
}

// shorten leaves out the middle of a field that is nested too deep for anyone
// to read.
func shorten(field string) string {
	const most = 400
	if len(field) <= most {
		return field
	}
	return strings.ToValidUTF8(field[:most/2], "") + "…" + strings.ToValidUTF8(field[len(field)-most/2:], "")
}

// pointer is the JSON pointer to what stands at offset in the value that begins
// at start. It reads the value token by token, so it is for errors only.
func (t *text) pointer(start, offset int64) string {
	d := jsontext.NewDecoder(io.NewSectionReader(t.in, start, offset-start),
		jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	for {
		if _, err := d.ReadToken(); err != nil {
			break
		}
	}
	p := d.StackPointer()
	// Right after a name or a comma, the pointer still is that of what came
	// before.
	rest := bytes.TrimLeft(d.UnreadBuffer(), " \t\r\n")
	if kind, n := d.StackIndex(d.StackDepth()); kind == '[' && len(rest) > 0 && rest[0] == ',' {
		p = p.Parent().AppendToken(fmt.Sprint(n))
	}
	return strings.ToValidUTF8(string(p), "\uFFFD")
}
