package document

import (
	"errors"
	"fmt"
)

// ErrTooLarge is matched by the error for a value that was to be decoded and
// is larger than Options.MaxValue.
var ErrTooLarge = errors.New("the value is too large")

// A Position is a place in a file.
type Position struct {
	File string
	// Offset counts the bytes before the place; in a compressed file, those of
	// its text.
	Offset int64
	// Line and Column are those of an editor: they count from 1, columns in
	// bytes.
	Line, Column int
	// Field is the JSON pointer (RFC 6901) to the value, within its row where
	// the file has rows: "/trajectory/17/action". It is empty for the whole.
	Field string
}

func (p Position) String() string {
	s := fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
	if p.Field != "" {
		s += ": " + p.Field
	}
	return s
}

// An Error is something in a file that cannot be read. It is the file's
// fault, not the machine's.
type Error struct {
	Position
	Err error
}

func (e *Error) Error() string { return fmt.Sprintf("%v (byte %d): %v", e.Position, e.Offset, e.Err) }

func (e *Error) Unwrap() error { return e.Err }
