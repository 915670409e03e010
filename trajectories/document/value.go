package document

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Raw returns the value as it stands in the file, white space included, once
// it is sure that it is well formed.
func (n *Node) Raw() (stdjson.RawMessage, error) {
	raw, err := n.bytes()
	if err != nil {
		return nil, err
	}
	mended, err := n.check(func(o ...jsontext.Options) error { return wellFormed(raw, o...) })
	if err != nil {
		return nil, err
	}
	if mended && !utf8.Valid(raw) {
		return stdjson.RawMessage(string([]rune(string(raw)))), nil
	}
	return bytes.Clone(raw), nil
}

// wellFormed says what is wrong with raw as one JSON value.
func wellFormed(raw []byte, o ...jsontext.Options) error {
	d := jsontext.NewDecoder(bytes.NewBuffer(raw), o...)
	if err := d.SkipValue(); err != nil {
		return err
	}
	at := d.InputOffset()
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return &jsontext.SyntacticError{ByteOffset: at, Err: fmt.Errorf("something follows %.20q", raw[:at])}
	}
	return nil
}

// Decode decodes the value into what v points to, which should be zero. Names
// of members have to be spelled exactly as in the struct's tags, and members
// without a field are skipped.
func (n *Node) Decode(v any) error {
	raw, err := n.bytes()
	if err != nil {
		return err
	}
	_, err = n.check(func(o ...jsontext.Options) error {
		// A first try that failed in the middle has left its half in v, which the
		// second would add to.
		if p := reflect.ValueOf(v); p.Kind() == reflect.Pointer && !p.IsNil() {
			p.Elem().SetZero()
		}
		return json.Unmarshal(raw, v, o...)
	})
	return err
}

// String returns the text of a string. For any other value, null included, it
// returns an error.
func (n *Node) String() (string, error) {
	if n.kind != String {
		return "", n.isNo(String)
	}
	var s string
	err := n.Decode(&s)
	return s, err
}

// check decodes strictly, and once more if what was wrong may be mended.
func (n *Node) check(decode func(...jsontext.Options) error) (mended bool, err error) {
	strict := decode()
	if strict == nil {
		return false, nil
	}
	if _, ok := errors.AsType[*jsontext.SyntacticError](strict); ok && n.doc.options.Lenient {
		if decode(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)) == nil {
			how := "what is not UTF-8 is read as U+FFFD"
			if errors.Is(strict, jsontext.ErrDuplicateName) {
				how = "the last one counts"
			}
			if !n.warned {
				n.warned = true
				n.doc.options.Warn(Warning{n.wrong(strict).Position, fmt.Sprintf("%v: %s", plainly(strict), how)})
			}
			return true, nil
		}
	}
	return false, n.wrong(strict)
}

// bytes returns the value as it stands in the file. It may not be changed.
func (n *Node) bytes() ([]byte, error) {
	switch {
	case n.cut:
		return nil, &Error{n.text.position(n.end, n.pointer()), errCut}
	case n.Size() > n.doc.options.MaxValue:
		return nil, &Error{n.Position(), fmt.Errorf("%w: it has %d bytes, and %d may be read", ErrTooLarge, n.Size(), n.doc.options.MaxValue)}
	case n.Size() > inline:
		return n.text.read(n.start, n.end)
	}
	err := n.load()
	return n.raw, err
}

// wrong turns an error of the JSON libraries, whose places count from the
// beginning of the value, into one that says where in the file.
func (n *Node) wrong(err error) *Error {
	offset, field := n.start, n.pointer()
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		offset += syntax.ByteOffset
		field += string(syntax.JSONPointer)
	} else if value, ok := errors.AsType[*json.SemanticError](err); ok {
		offset += value.ByteOffset
		field += string(value.JSONPointer)
	}
	return &Error{n.text.position(offset, field), plainly(err)}
}

// plainly takes the library's own position off its error.
func plainly(err error) error {
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok && syntax.Err != nil {
		return syntax.Err
	}
	if value, ok := errors.AsType[*json.SemanticError](err); ok {
		what := fmt.Sprintf("a JSON %s does not fit here", kindOf(byte(value.JSONKind)))
		if value.Err != nil {
			return fmt.Errorf("%s: %w", what, value.Err)
		}
		return errors.New(what)
	}
	return err
}

// checkScalar says whether a document that is no object, array or string is
// JSON at all.
func (n *Node) checkScalar() error {
	raw, err := n.bytes()
	if err != nil {
		return err
	}
	if !jsontext.Value(raw).IsValid() {
		return &syntaxError{n.start, fmt.Errorf("%.20q is no JSON", raw)}
	}
	return nil
}
