package docker

import (
	"bufio"
	"context"
	"io"
	"net"
	"sync"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// stream is the guest's byte stream: its line, where it has called on one, or
// the attached connection, with standard output taken apart from standard
// error.
type stream struct {
	conn     types.HijackedResponse
	line     net.Conn // nil where there is none
	attached *io.PipeReader
	out      *bufio.Reader // of attached
	once     sync.Once
	notes    sandbox.Notes
}

func newStream(conn types.HijackedResponse) *stream {
	pr, pw := io.Pipe()
	s := &stream{conn: conn, attached: pr, out: bufio.NewReader(pr)}
	go func() {
		_, err := stdcopy.StdCopy(pw, &s.notes, conn.Reader)
		pw.CloseWithError(err) // nil becomes io.EOF
	}()
	return s
}

// answer waits until the guest has called on its line, or has spoken on its
// standard output because it could not. It comes before any Read.
func (s *stream) answer(ctx context.Context, ln *line, dead <-chan struct{}) (err error) {
	if ln == nil {
		return nil
	}
	spoken := make(chan struct{})
	go func() { // until the stream is closed, where the guest calls
		defer close(spoken)
		_, _ = s.out.Peek(1) // an error comes again with the first Read
	}()
	s.line, err = ln.call(ctx, spoken, dead)
	return err
}

func (s *stream) Read(p []byte) (int, error) {
	if s.line != nil {
		return s.line.Read(p)
	}
	return s.out.Read(p)
}

func (s *stream) Write(p []byte) (int, error) {
	if s.line != nil {
		return s.line.Write(p)
	}
	return s.conn.Conn.Write(p)
}

// hangUp ends the line, for when the container has ended or cannot be known to
// live.
func (s *stream) hangUp() {
	if s.line != nil {
		_ = s.line.Close()
	}
}

func (s *stream) Close() error {
	s.once.Do(func() {
		s.hangUp()
		s.conn.Close()
		_ = s.attached.Close() // lets the copying goroutine go
	})
	return nil
}
