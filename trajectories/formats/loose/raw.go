package loose

import (
	"bytes"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Raw is a copy of a value without white space, as a log holds it. Where its
// texts are not UTF-8, they have U+FFFD in place of what is not: a file that is
// read leniently lets such bytes through in what is not decoded.
func Raw(value []byte) jsontext.Value {
	raw := jsontext.Value(bytes.Clone(value))
	_ = raw.Compact(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true), jsontext.PreserveRawStrings(true))
	if !utf8.Valid(raw) {
		return jsontext.Value(bytes.ToValidUTF8(raw, []byte("\uFFFD")))
	}
	return raw
}
