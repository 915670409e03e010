package chat

import (
	"bytes"
	"iter"

	"github.com/go-json-experiment/json/jsontext"
)

// Members returns the names and values of an object in their order. What is no
// object has none, and of a broken one come those before the break.
func Members(object []byte) iter.Seq2[string, jsontext.Value] {
	return func(yield func(string, jsontext.Value) bool) {
		d := jsontext.NewDecoder(bytes.NewReader(object), jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
		if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
			return
		}
		for d.PeekKind() == '"' {
			name, err := d.ReadToken()
			if err != nil {
				return
			}
			key := name.String()
			value, err := d.ReadValue()
			if err != nil || !yield(key, value.Clone()) {
				return
			}
		}
	}
}

// Member is the value of a member of an object, nil if it has none of that name.
func Member(object []byte, name string) jsontext.Value {
	for n, value := range Members(object) {
		if n == name {
			return value
		}
	}
	return nil
}
