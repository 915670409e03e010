// Package wire is the protocol between the guest, the small program inside a
// sandbox, and its client outside.
//
// # Frames
//
// Both sides write frames on one byte stream:
//
//	length  uint32, big endian: the bytes that follow it
//	type    uint8
//	request uint32, big endian: the request that the frame belongs to, 0 for none
//	payload length-5 bytes, at most MaxPayload
//
// The guest speaks first: a [Hello] frame with the version of the protocol as
// JSON. The client closes the stream if it cannot speak that version.
//
// # Requests
//
// The client opens a request with a [Request] frame: a number that no open
// request has, and a JSON object with the operation's name and arguments. Many
// requests may be open at once. Where an operation takes bytes, the client
// sends them as [Data] frames after the request, closed by an empty one. The
// guest answers with any number of Data frames, and then ends the request with
// either one [Result] frame (JSON, the operation's result) or one [Failure]
// frame (JSON, see Error). A [Cancel] frame asks the guest to end a request
// soon; it still answers.
//
// # Flow of data
//
// The guest reads frames all the time, so that one request cannot hold up the
// others; what it has not used yet of a request's data stays in its memory. To
// bound that, the client may send [Window] bytes of data for a request before
// the guest asks for more: a [Credit] frame, with a uint32 (big endian) as its
// payload, allows so many bytes more. A request that sends more than it may
// fails. An operation that has failed asks for no more, and what still comes
// for it is dropped. There is no such bound in the other direction: the client
// takes whatever comes.
//
//	operation  arguments           data in   data out   result
//	exec       sandbox.Command     -         output     sandbox.Result
//	read       Path                -         contents   -
//	write      Path                contents  -          -
//	untar      Path                tar       -          -
//	tar        Path                -         tar        -
//	shell      Path (directory)    -         -          Shell (its number)
//	script     Shell, Script       -         output     sandbox.ShellResult
//	unshell    Shell               -         -          -
//
// # End
//
// The guest ends, and with it everything in the sandbox, when the stream ends
// or when the lifetime that it was started with is over.
package wire

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// Version is the version of the protocol. Guest and client are built from one
// source, so there is no negotiation: versions are equal or the stream ends.
const Version = 1

// MaxPayload is the largest payload of a frame, in bytes.
const MaxPayload = 1 << 20

// Chunk is the size of the Data frames that both sides write, in bytes.
const Chunk = 64 << 10

// Window is how many bytes of data a request may send before it has credit.
const Window = 1 << 20

// Type is the type of a frame.
type Type uint8

// The frame types.
const (
	Hello Type = iota + 1
	Request
	Data
	Result
	Failure
	Cancel
	Credit
)

// A Frame is one message.
type Frame struct {
	Type    Type
	Request uint32
	Payload []byte
}

// Greeting is the payload of the Hello frame.
type Greeting struct {
	Version int `json:"version"`
}

// Op names an operation.
type Op string

// The operations.
const (
	OpExec    Op = "exec"
	OpRead    Op = "read"
	OpWrite   Op = "write"
	OpUntar   Op = "untar"
	OpTar     Op = "tar"
	OpShell   Op = "shell"
	OpScript  Op = "script"
	OpUnshell Op = "unshell"
)

// Call is the payload of a Request frame.
type Call struct {
	Op      Op               `json:"op"`
	Command *sandbox.Command `json:"command,omitempty"`
	Stdin   []byte           `json:"stdin,omitempty"`
	Path    string           `json:"path,omitempty"`
	Shell   uint32           `json:"shell,omitempty"`
	Script  *Script          `json:"script,omitempty"`
}

// Script is one script to run in a shell session.
type Script struct {
	Text      string        `json:"text"`
	Timeout   time.Duration `json:"timeout,omitempty"`
	OutputCap int           `json:"output_cap,omitempty"`
}

// ShellOpened is the result of the shell operation.
type ShellOpened struct {
	Shell uint32 `json:"shell"`
}

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

// NewError makes the Error that stands for err on the wire.
func NewError(err error) Error {
	e := Error{Message: err.Error()}
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

const headerLen = 9

// A Reader reads frames.
type Reader struct{ r *bufio.Reader }

// NewReader returns a Reader of the frames in r.
func NewReader(r io.Reader) *Reader { return &Reader{bufio.NewReaderSize(r, Chunk)} }

// Next returns the next frame; its payload is the caller's. At the end of the
// stream the error is io.EOF, in the middle of a frame io.ErrUnexpectedEOF.
func (r *Reader) Next() (Frame, error) {
	var h [headerLen]byte
	if _, err := io.ReadFull(r.r, h[:]); err != nil {
		return Frame{}, err
	}
	n := binary.BigEndian.Uint32(h[:4])
	if n < headerLen-4 || n > MaxPayload+headerLen-4 {
		return Frame{}, fmt.Errorf("frame of %d bytes: outside the protocol", n)
	}
	f := Frame{Type: Type(h[4]), Request: binary.BigEndian.Uint32(h[5:]), Payload: make([]byte, n-(headerLen-4))}
	if _, err := io.ReadFull(r.r, f.Payload); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return Frame{}, err
	}
	return f, nil
}

// A Writer writes frames. It is safe for concurrent use.
type Writer struct {
	mu sync.Mutex
	w  io.Writer
}

// NewWriter returns a Writer of frames to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Frame writes one frame in one Write.
func (w *Writer) Frame(f Frame) error {
	if len(f.Payload) > MaxPayload {
		return fmt.Errorf("frame of %d bytes: larger than %d", len(f.Payload), MaxPayload)
	}
	b := make([]byte, headerLen, headerLen+len(f.Payload))
	binary.BigEndian.PutUint32(b, uint32(headerLen-4+len(f.Payload)))
	b[4] = byte(f.Type)
	binary.BigEndian.PutUint32(b[5:], f.Request)
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := w.w.Write(append(b, f.Payload...))
	return err
}

// JSON writes a frame with v as its payload.
func (w *Writer) JSON(t Type, request uint32, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return w.Frame(Frame{Type: t, Request: request, Payload: b})
}

// Copy writes what r holds as Data frames, without the empty one that closes
// them.
func (w *Writer) Copy(request uint32, r io.Reader) error {
	buf := make([]byte, Chunk)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if werr := w.Frame(Frame{Type: Data, Request: request, Payload: buf[:n]}); werr != nil {
				return werr
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Credit allows the other side n more bytes of data for a request.
func (w *Writer) Credit(request uint32, n int) error {
	return w.Frame(Frame{Type: Credit, Request: request, Payload: binary.BigEndian.AppendUint32(nil, uint32(n))})
}

// Credit is what a Credit frame allows, in bytes.
func (f Frame) Credit() (int, error) {
	if f.Type != Credit || len(f.Payload) != 4 {
		return 0, fmt.Errorf("frame of type %d with %d bytes: not a credit", f.Type, len(f.Payload))
	}
	return int(binary.BigEndian.Uint32(f.Payload)), nil
}

// CloseData writes the empty Data frame that closes a request's data.
func (w *Writer) CloseData(request uint32) error {
	return w.Frame(Frame{Type: Data, Request: request})
}
