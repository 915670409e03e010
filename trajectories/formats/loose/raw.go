package loose

import (
	"bytes"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Compact is a copy of a value without white space, as a log holds it. Where its
// texts are not UTF-8, they have U+FFFD in place of what is not: a file that is
// read leniently lets such bytes through in what is not decoded. The error is
// about what is no JSON.
func Compact(value []byte) (jsontext.Value, error) {
	raw := jsontext.Value(bytes.Clone(value))
	if err := raw.Compact(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true), jsontext.PreserveRawStrings(true)); err != nil {
		return nil, err
	}
	if !utf8.Valid(raw) {
		return jsontext.Value(string([]rune(string(raw)))), nil // one for each byte, as where texts are decoded
	}
	return raw, nil
}

// Raw is Compact for what was decoded before, and so is JSON.
func Raw(value []byte) jsontext.Value {
	raw, _ := Compact(value)
	return raw
}
