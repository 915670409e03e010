package format

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// An argument is one member of an action's arguments. Its value is compact
// JSON, without the escapes that HTML would need.
type argument struct {
	name  string
	value json.RawMessage
}

// text returns a string as it is, and any other value as JSON.
func (a argument) text() string {
	var s string
	if len(a.value) > 0 && a.value[0] == '"' && json.Unmarshal(a.value, &s) == nil {
		return s
	}
	return string(a.value)
}

// arguments returns the members of a JSON object in the order in which they
// are written. Nothing at all is an object without members, which is what some
// models write for a tool without parameters.
func arguments(raw json.RawMessage) ([]argument, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	var args []argument
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("not a JSON object: %w", err)
		}
		name := key.(string) // the decoder accepts nothing else here
		if seen[name] {
			return nil, fmt.Errorf("member %q comes twice", name)
		}
		seen[name] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, fmt.Errorf("member %q: %w", name, err)
		}
		args = append(args, argument{name, canonical(value)})
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("more than one JSON value")
	}
	return args, nil
}

// writeValues writes the values of the members of a JSON object, a line before
// each. It is arguments without the names, for rewards, which read every output
// of a training run: each string is decoded once.
func writeValues(b *strings.Builder, raw json.RawMessage) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	// As in arguments, names may come twice inside of a value.
	d := jsontext.NewDecoder(bytes.NewReader(raw), jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	if d.PeekKind() != '{' {
		return errors.New("not a JSON object")
	}
	if _, err := d.ReadToken(); err != nil {
		return fmt.Errorf("not a JSON object: %w", err)
	}
	seen := map[string]bool{}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return fmt.Errorf("not a JSON object: %w", err)
		}
		key := name.String()
		if seen[key] {
			return fmt.Errorf("member %q comes twice", key)
		}
		seen[key] = true
		b.WriteByte('\n')
		if d.PeekKind() == '"' {
			s, err := d.ReadToken()
			if err != nil {
				return fmt.Errorf("not a JSON object: %w", err)
			}
			b.WriteString(s.String())
			continue
		}
		value, err := d.ReadValue()
		if err != nil {
			return fmt.Errorf("not a JSON object: %w", err)
		}
		b.Write(canonical(json.RawMessage(value)))
	}
	if _, err := d.ReadToken(); err != nil {
		return fmt.Errorf("not a JSON object: %w", err)
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}

// canonical writes a valid value in one of the many ways that say the same:
// without space, and if it is a string, with only the escapes that are needed.
func canonical(value json.RawMessage) json.RawMessage {
	var s string
	if value[0] == '"' && json.Unmarshal(value, &s) == nil {
		return quote(s)
	}
	var b bytes.Buffer
	if json.Compact(&b, value) != nil {
		return value
	}
	return b.Bytes()
}

// object is the inverse of arguments.
func object(args []argument) json.RawMessage {
	b := []byte{'{'}
	for i, arg := range args {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, quote(arg.name)...), ':'), arg.value...)
	}
	return append(b, '}')
}

// quote writes s as JSON without the escapes for HTML.
func quote(s string) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return json.RawMessage(`""`) // a string always encodes
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
