package stats

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/env"
)

// A line of a file that is not blank.
type line struct {
	file   string
	number int // from 1
	text   []byte
}

// lines calls do for the lines of a file, until that returns an error.
func lines(ctx context.Context, name string, from io.Reader, do func(line) error) error {
	r := bufio.NewReaderSize(from, 1<<20)
	for number := 1; ; number++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		text, err := r.ReadBytes('\n')
		if number == 1 {
			text = bytes.TrimPrefix(text, []byte("\ufeff"))
		}
		if len(bytes.TrimSpace(text)) > 0 {
			if err := do(line{name, number, text}); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading %s: %w", name, err)
		}
	}
}

// decode reads a line's object, and says in a person's words where it is broken.
func (l line) decode(to any) error {
	// Escapes of lone surrogates read as U+FFFD, as everywhere.
	err := json.Unmarshal(l.text, to, jsontext.AllowInvalidUTF8(true))
	if err == nil {
		return nil
	}
	row := &env.RowError{File: l.file, Line: l.number, Column: 1, Err: err}
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		row.Column, row.Err = int(syntax.ByteOffset)+1, fmt.Errorf("the line is not a JSON object: %w", syntax.Err)
	} else if value, ok := errors.AsType[*json.SemanticError](err); ok {
		row.Column, row.Field = int(value.ByteOffset)+1, strings.TrimPrefix(string(value.JSONPointer), "/")
		row.Err = fmt.Errorf("a JSON %s was not to be here", value.JSONKind)
		if value.Err != nil {
			row.Err = value.Err
		}
	}
	return row
}

func (l line) field(name string, err error) error {
	return &env.RowError{File: l.file, Line: l.number, Column: 1, Field: name, Err: err}
}
