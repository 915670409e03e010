package docker

import (
	"io"
	"sync"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// stream is the guest's byte stream: the attached connection, with standard
// output taken apart from standard error.
type stream struct {
	conn  types.HijackedResponse
	out   *io.PipeReader
	once  sync.Once
	notes sandbox.Notes
}

func newStream(conn types.HijackedResponse) *stream {
	pr, pw := io.Pipe()
	s := &stream{conn: conn, out: pr}
	go func() {
		_, err := stdcopy.StdCopy(pw, &s.notes, conn.Reader)
		pw.CloseWithError(err) // nil becomes io.EOF
	}()
	return s
}

func (s *stream) Read(p []byte) (int, error)  { return s.out.Read(p) }
func (s *stream) Write(p []byte) (int, error) { return s.conn.Conn.Write(p) }

func (s *stream) Close() error {
	s.once.Do(func() {
		s.conn.Close()
		_ = s.out.Close() // lets the copying goroutine go
	})
	return nil
}
