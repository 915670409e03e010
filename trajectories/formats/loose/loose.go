// Package loose reads values in all the spellings that programs give them:
// numbers in strings, texts in parts, times without zones. What a value says is
// understood where it can be; only what fits nothing at all is an error.
//
// The types are meant as fields of structs that are decoded from JSON. Their
// zero values stand for null and for members that are not there.
package loose

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A String is a name or an id, which some programs write as a number.
type String string

// UnmarshalJSON takes a string, and a number or boolean as it is spelled.
func (s *String) UnmarshalJSON(b []byte) error {
	switch value := jsontext.Value(b); value.Kind() {
	case 'n':
		*s = ""
	case '"':
		return Unmarshal(b, (*string)(s))
	case '0', 't', 'f':
		*s = String(bytes.TrimSpace(b))
	default:
		return fmt.Errorf("no string: %.40s", b)
	}
	return nil
}

// A Number is a number, which some programs write as a string.
type Number float64

// UnmarshalJSON takes a number, a string that holds one, and an empty string as
// zero.
func (n *Number) UnmarshalJSON(b []byte) error {
	var s String
	if err := s.UnmarshalJSON(b); err != nil {
		return fmt.Errorf("no number: %.40s", b)
	}
	text := strings.TrimSpace(string(s))
	if text == "" {
		*n = 0
		return nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f-f != 0 { // a log cannot hold infinities
		return fmt.Errorf("no number: %.40q", text)
	}
	*n = Number(f)
	return nil
}

// Int is the number without its fraction; what no int can hold is the nearest
// that one can.
func (n Number) Int() int {
	const limit = 1 << 53
	return int(max(-limit, min(limit, n)))
}

// A Bool is a boolean, which some programs write as a string or as 0 and 1.
type Bool bool

// UnmarshalJSON takes a boolean, and the words and digits that stand for one in
// any letter case.
func (v *Bool) UnmarshalJSON(b []byte) error {
	var s String
	if err := s.UnmarshalJSON(b); err != nil {
		return fmt.Errorf("no boolean: %.40s", b)
	}
	switch strings.ToLower(string(s)) {
	case "true", "1":
		*v = true
	case "false", "0", "":
		*v = false
	default:
		return fmt.Errorf("no boolean: %.40q", s)
	}
	return nil
}
