package wire

import (
	"errors"
	"io/fs"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// Error is the payload of a Failure frame: an error that survives the trip, so
// that errors.Is finds fs.ErrNotExist and its like on the other side.
type Error struct {
	Kind    Kind   `json:"kind,omitempty"`
	Message string `json:"message"`
}

// Kind classifies an Error.
type Kind string

// The kinds of errors that callers tell apart.
const (
	KindNotExist   Kind = "not_exist"
	KindExist      Kind = "exist"
	KindPermission Kind = "permission"
	KindBroken     Kind = "broken" // the sandbox cannot be used any more
)

// maxMessage bounds a message, in bytes. What it quotes (a path, the name of a
// program) may be as large as a frame, and grows when it becomes JSON.
const maxMessage = 16 << 10

// NewError makes the Error that stands for err on the wire.
func NewError(err error) Error {
	e := Error{Message: err.Error()}
	if len(e.Message) > maxMessage {
		head, tail := e.Message[:maxMessage/2], e.Message[len(e.Message)-maxMessage/2:]
		e.Message = head + " … " + tail
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Kind = KindNotExist
	case errors.Is(err, fs.ErrExist):
		e.Kind = KindExist
	case errors.Is(err, fs.ErrPermission):
		e.Kind = KindPermission
	case errors.Is(err, sandbox.ErrBroken):
		e.Kind = KindBroken
	}
	return e
}

func (e Error) Error() string { return e.Message }

// Is makes the error match what it was made from.
func (e Error) Is(target error) bool {
	switch e.Kind {
	case KindNotExist:
		return target == fs.ErrNotExist
	case KindExist:
		return target == fs.ErrExist
	case KindPermission:
		return target == fs.ErrPermission
	case KindBroken:
		return target == sandbox.ErrBroken
	}
	return false
}
