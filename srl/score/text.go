package score

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A text is a string of JSON in which a surrogate that stands alone ("\ud800") is
// kept, in the three bytes that difflib.Compare takes for one. Bytes that are not
// UTF-8 are read as U+FFFD.
type text string

// UnmarshalJSONFrom reads a text.
func (t *text) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if kind := d.PeekKind(); kind != '"' {
		if _, err := d.ReadValue(); err != nil {
			return err
		}
		return &json.SemanticError{JSONKind: kind}
	}
	quoted, err := d.ReadValue()
	if err != nil {
		return err
	}
	var out, piece []byte
	for rest := quoted[1 : len(quoted)-1]; len(rest) > 0; {
		at, surrogate := lone(rest)
		piece = append(append(append(piece[:0], '"'), rest[:at]...), '"')
		out, _ = jsontext.AppendUnquote(out, piece) // the decoder has checked all but UTF-8
		if rest = rest[at:]; len(rest) > 0 {
			out = append(out, 0xE0|byte(surrogate>>12), 0x80|byte(surrogate>>6&0x3F), 0x80|byte(surrogate&0x3F))
			rest = rest[unit:]
		}
	}
	*t = text(out)
	return nil
}

// unit is the length of an escape of 16 bits.
const unit = len(`\ud800`)

// lone finds the first escape of a surrogate that stands alone. If there is none,
// at is the end.
func lone(quoted []byte) (at int, surrogate rune) {
	for at < len(quoted) {
		next := bytes.IndexByte(quoted[at:], '\\')
		if next < 0 {
			break
		}
		at += next
		r := escaped(quoted[at:])
		switch {
		case !utf16.IsSurrogate(r):
			at += 2 // what is escaped may be a backslash
		case utf16.DecodeRune(r, escaped(quoted[at+unit:])) != utf8.RuneError:
			at += 2 * unit
		default:
			return at, r
		}
	}
	return len(quoted), 0
}

// escaped is the 16 bits of the escape that a string begins with, or -1.
func escaped(s []byte) rune {
	if len(s) < unit || s[0] != '\\' || s[1] != 'u' {
		return -1
	}
	n, err := strconv.ParseUint(string(s[2:unit]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(n)
}

// plain is the text as other programs read it, with U+FFFD for each surrogate
// that stands alone.
func (t text) plain() string {
	if utf8.ValidString(string(t)) {
		return string(t)
	}
	var b strings.Builder
	for s := string(t); s != ""; {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			n = 3
		}
		b.WriteRune(r)
		s = s[n:]
	}
	return b.String()
}
