package minhash

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A hasher hashes actions, so that calls that do the same have the same hash:
// see the package comment. The hashes are FNV-1a, whose value does not depend on
// machine and process, and so may be kept. The zero value is ready.
type hasher struct {
	text    strings.Reader
	decoder jsontext.Decoder
}

func (h *hasher) action(tool, arguments string) uint64 {
	name := begin().text(tool).end()
	members, ok := h.members(arguments)
	if !ok {
		members = mix(name.text(arguments).hash)
	}
	return mix(name.hash) + members
}

// members is the sum of the hashes of all members, and so the same in each
// order. It reports false if the text is not one JSON object.
func (h *hasher) members(arguments string) (sum uint64, ok bool) {
	h.text.Reset(arguments)
	h.decoder.Reset(&h.text, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if t, err := h.decoder.ReadToken(); err != nil || t.Kind() != '{' {
		return 0, false
	}
	for h.decoder.PeekKind() == '"' {
		name, err := h.decoder.ReadValue()
		if err != nil {
			return 0, false
		}
		member := begin().value(name).end()
		value, err := h.decoder.ReadValue()
		if err != nil {
			return 0, false
		}
		sum += mix(member.value(value).end().hash)
	}
	if _, err := h.decoder.ReadToken(); err != nil { // the closing brace, or what is wrong
		return 0, false
	}
	_, err := h.decoder.ReadToken()
	return sum, errors.Is(err, io.EOF)
}

// An fnv is an FNV-1a hash of 64 bits under way.
type fnv struct{ hash uint64 }

func begin() fnv { return fnv{0xcbf29ce484222325} }

// value adds a string without its quotes, and any other value as JSON.
func (f fnv) value(v jsontext.Value) fnv {
	switch {
	case v.Kind() != '"':
		return add(f, v)
	case bytes.IndexByte(v, '\\') < 0:
		return add(f, v[1:len(v)-1])
	}
	text, _ := jsontext.AppendUnquote(nil, v) // of a string that was read
	return add(f, text)
}

func (f fnv) text(s string) fnv { return add(f, s) }

// add adds a text without the white space in it.
func add[T string | ~[]byte](f fnv, s T) fnv {
	for i := range len(s) {
		switch s[i] {
		case ' ', '\t', '\n', '\r':
		default:
			f.hash = (f.hash ^ uint64(s[i])) * 0x100000001b3
		}
	}
	return f
}

// end adds a byte that no UTF-8 text holds, so that "ab","c" is not "a","bc".
func (f fnv) end() fnv {
	f.hash = (f.hash ^ 0xff) * 0x100000001b3
	return f
}
