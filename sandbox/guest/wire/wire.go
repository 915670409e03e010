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
// request has, below [FirstOfGuest], and a JSON object with the operation's
// name and arguments (see [Call]). Many requests may be open at once. Data
// flows in [Data] frames; an empty one closes its direction. The guest ends the
// request with either one [Result] frame (JSON, the operation's result) or one
// [Failure] frame (JSON, see [Error]), after all its data. A [Cancel] frame asks
// the guest to end a request soon; it still answers.
//
//	operation  arguments           data in   data out   result
//	shell      Path (directory)    -         -          Shell (its number)
//	script     Shell, Script       -         output     sandbox.ShellResult
//	unshell    Shell               -         -          -
//	read       Path                -         contents   -
//	write      Path                contents  -          -
//	stat       Path                -         -          File
//	list       Path                -         -          Files
//	edit       Path, Edit          -         -          Edited
//	search     Path, Search        -         -          Found
//	untar      Path                tar       -          -
//	tar        Path                -         tar        -
//	usage      -                   -         -          sandbox.Usage
//	dial       Address             bytes     bytes      -
//	offer      Address             -         -          -
//
// # Commands
//
// A command, which is what most requests are, is opened with an [Exec] frame
// and ended with an [Ended] frame. Its data in are the standard input, its data
// out the output. Both payloads are fields, one after the other as the methods
// of [ExecCall] and [AppendResult] write them: counts, lengths and flags as
// unsigned varints, other numbers as signed ones, texts as a length and any
// bytes. As JSON they would take a good part of a short command's time.
//
// # Connections
//
// A dial answers with an empty [Ready] frame once the connection inside stands,
// and is over when both directions are closed. A [Resize] frame (JSON,
// sandbox.Size) gives the terminal of an exec a new size.
//
// An offer makes the guest listen at an address inside; its Ready frame holds
// the address as JSON (see [Listening]), and the request lasts until it is
// cancelled. For each connection there the guest opens a request of its own
// with an [Accept] frame: a number from FirstOfGuest on, and the number of the
// offer as JSON (see [Accepted]). Data flows in both directions as above. The
// request is over when both are closed, or when either side sends Cancel. So the
// inside reaches what the client offers, and nothing else.
//
// # Flow of data
//
// Both sides read frames all the time, so that one request cannot hold up the
// others; what is not used yet of a request's data stays in memory. To bound
// that, either side may send [Window] bytes of data for a request before the
// other asks for more: a [Credit] frame, with a uint32 (big endian) as its
// payload, allows so many bytes more. A request for which more is sent fails. An
// operation that has failed asks for no more, and what still comes for it is
// dropped.
//
// # Life
//
// The client sends a [Ping] frame every [PingInterval], which the guest answers
// with a [Pong]. A client that has heard nothing for [Silence] gives the
// sandbox up; a guest that has heard nothing for [LongSilence] ends. The guest
// ends, and with it everything in the sandbox, also when the stream ends and
// when the lifetime that it was started with is over.
package wire

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"
)

// Version is the version of the protocol. Guest and client are built from one
// source, so there is no negotiation: versions are equal or the stream ends.
const Version = 2

// MaxPayload is the largest payload of a frame, in bytes.
const MaxPayload = 1 << 20

// Chunk is the size of the Data frames that both sides write, in bytes.
const Chunk = 64 << 10

// Window is how many bytes of data may be sent for a request, in one
// direction, before there is credit.
const Window = 1 << 20

// MaxRead bounds the bytes of a file that is read in one piece, because the
// client holds it in memory.
const MaxRead = 256 << 20

// FirstOfGuest is the smallest number of a request that the guest opens.
const FirstOfGuest = 1 << 31

// See the section Life of the package comment. The guest waits long, because a
// client that was stopped for a while (a laptop that slept, Ctrl-Z) comes back.
const (
	PingInterval = 15 * time.Second
	Silence      = time.Minute
	LongSilence  = 15 * time.Minute
)

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
	Ping
	Pong
	Ready
	Resize
	Accept
	Exec
	Ended
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

// Buffered reports whether Next has something to start with that was read
// already.
func (r *Reader) Buffered() bool { return r.r.Buffered() > 0 }

// A Writer writes frames. It is safe for concurrent use.
type Writer struct {
	mu  sync.Mutex
	w   io.Writer
	buf []byte
}

// NewWriter returns a Writer of frames to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Frame writes one frame in one Write.
func (w *Writer) Frame(f Frame) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.frame(f)
}

// FrameIfIdle is Frame, unless somebody is writing just now.
func (w *Writer) FrameIfIdle(f Frame) error {
	if !w.mu.TryLock() {
		return nil
	}
	defer w.mu.Unlock()
	return w.frame(f)
}

func (w *Writer) frame(f Frame) error {
	if len(f.Payload) > MaxPayload {
		return fmt.Errorf("frame of %d bytes: larger than %d", len(f.Payload), MaxPayload)
	}
	b := f.append(w.buf[:0])
	if cap(b) <= Chunk+headerLen { // the buffers of a thousand idle sandboxes are memory, too
		w.buf = b
	}
	_, err := w.w.Write(b)
	return err
}

// append appends the frame as it is on the stream.
func (f Frame) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(headerLen-4+len(f.Payload)))
	b = append(b, byte(f.Type))
	b = binary.BigEndian.AppendUint32(b, f.Request)
	return append(b, f.Payload...)
}

// JSON writes a frame with v as its payload.
func (w *Writer) JSON(t Type, request uint32, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return w.Frame(Frame{Type: t, Request: request, Payload: b})
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
