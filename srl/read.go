package srl

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/apprentice-rl/apprentice/env"
)

// ReadJSONL yields examples that stand on a line each, one at a time. The
// name is that of the file, for errors; those about a line are *env.RowError, and
// the last thing that is yielded.
func ReadJSONL(name string, from io.Reader) iter.Seq2[Example, error] {
	return func(yield func(Example, error) bool) {
		r := bufio.NewReaderSize(from, 256<<10)
		for line := 1; ; line++ {
			text, err := r.ReadBytes('\n')
			if err != nil && err != io.EOF {
				yield(Example{}, fmt.Errorf("reading %s: %w", name, err))
				return
			}
			if len(bytes.TrimSpace(text)) > 0 {
				e, wrong := readExample(text)
				if wrong != nil {
					wrong.File, wrong.Line = name, line
					yield(Example{}, wrong)
					return
				}
				if !yield(e, nil) {
					return
				}
			}
			if err == io.EOF {
				return
			}
		}
	}
}

// readExample reads one line. What it returns as wrong does not know of the file.
func readExample(text []byte) (Example, *env.RowError) {
	var e Example
	if err := json.Unmarshal(text, &e); err != nil {
		wrong := &env.RowError{Column: 1, Err: err}
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			wrong.Column = int(syntax.Offset)
		} else if value, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			wrong.Column, wrong.Field = int(value.Offset), value.Field
		}
		return e, wrong
	}
	switch {
	case e.SchemaVersion == 0 && e.ID == "":
		return e, &env.RowError{Column: 1, Err: errors.New("this is no step example; 'apprentice srl steps' makes them")}
	case e.SchemaVersion > SchemaVersion:
		return e, &env.RowError{Column: 1, Field: "schema_version", Err: fmt.Errorf("it is %d, and this program knows examples up to %d; use a newer one", e.SchemaVersion, SchemaVersion)}
	case e.ID == "":
		return e, &env.RowError{Column: 1, Field: "id", Err: errors.New("it is missing")}
	}
	return e, nil
}
