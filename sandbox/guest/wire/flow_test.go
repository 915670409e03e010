package wire_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

// credits sums up the Credit frames in a stream.
func credits(t *testing.T, stream io.Reader) int {
	total := 0
	for r := wire.NewReader(stream); ; {
		f, err := r.Next()
		if errors.Is(err, io.EOF) {
			return total
		}
		require.NoError(t, err)
		n, err := f.Credit()
		require.NoError(t, err)
		total += n
	}
}

func TestAnInboxGivesCreditForWhatIsRead(t *testing.T) {
	var sent bytes.Buffer
	b := wire.NewInbox(wire.NewWriter(&sent), 1)
	chunk := make([]byte, wire.Window/2)
	for range 10 { // ten times what it holds, in the end
		b.Put(chunk)
		b.Put(chunk)
		n, err := io.ReadFull(b, make([]byte, wire.Window))
		require.NoError(t, err)
		require.Equal(t, wire.Window, n)
	}
	require.Equal(t, 10*wire.Window, credits(t, &sent))
	b.Put(nil)
	_, err := b.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)
}

func TestAnInboxTakesNoMoreThanTheWindow(t *testing.T) {
	b := wire.NewInbox(wire.NewWriter(io.Discard), 1)
	b.Put(make([]byte, wire.Window))
	b.Put([]byte("x"))
	_, err := b.Read(make([]byte, 1))
	require.ErrorContains(t, err, "without credit")
}

func TestAnInboxThatIsClosedGivesWhatItHasFirst(t *testing.T) {
	b := wire.NewInbox(wire.NewWriter(io.Discard), 1)
	b.Put([]byte("data"))
	b.Close(io.ErrUnexpectedEOF)
	b.Put([]byte("dropped"))
	got, err := io.ReadAll(b)
	require.Equal(t, "data", string(got))
	require.Equal(t, io.ErrUnexpectedEOF, err)
}

func TestAnOutboxWaitsForCredit(t *testing.T) {
	r, w := io.Pipe()
	stop := make(chan struct{})
	o := wire.NewOutbox(wire.NewWriter(w), 7, stop)
	wrote := make(chan error, 1)
	go func() {
		_, err := o.Write(make([]byte, 3*wire.Window))
		wrote <- err
	}()
	frames := wire.NewReader(r)
	receive := func(n int) {
		for n > 0 {
			f, err := frames.Next()
			require.NoError(t, err)
			require.Equal(t, uint32(7), f.Request)
			n -= len(f.Payload)
		}
		require.Zero(t, n)
	}
	receive(wire.Window)
	o.Grant(10)
	receive(10)
	o.Grant(2*wire.Window - 10)
	receive(2*wire.Window - 10)
	require.NoError(t, <-wrote)

	go func() {
		_, err := o.Write([]byte("x"))
		wrote <- err
	}()
	close(stop)
	require.ErrorIs(t, <-wrote, wire.ErrStopped)
}

// What goes through an outbox and an inbox comes out, whatever the sizes of
// writes and reads, and never is more on the way than the window.
func TestDataFlow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		there, thereW := io.Pipe()
		back, backW := io.Pipe()
		in := wire.NewInbox(wire.NewWriter(backW), 1)
		out := wire.NewOutbox(wire.NewWriter(thereW), 1, nil)
		go func() {
			for r := wire.NewReader(there); ; {
				f, err := r.Next()
				if err != nil {
					return
				}
				in.Put(f.Payload)
			}
		}()
		go func() {
			for r := wire.NewReader(back); ; {
				f, err := r.Next()
				if err != nil {
					return
				}
				n, _ := f.Credit()
				out.Grant(n)
			}
		}()
		defer thereW.Close()
		defer backW.Close()
		writes := rapid.SliceOfN(rapid.IntRange(1, 600_000), 0, 8).Draw(t, "writes")
		var sent bytes.Buffer
		go func() {
			for i, n := range writes {
				_, _ = out.Write(bytes.Repeat([]byte{byte(i + 1)}, n))
			}
			_ = out.Close()
		}()
		for i, n := range writes {
			sent.Write(bytes.Repeat([]byte{byte(i + 1)}, n))
		}
		size := rapid.IntRange(1, 300_000).Draw(t, "read size")
		var got bytes.Buffer
		_, err := io.CopyBuffer(struct{ io.Writer }{&got}, in, make([]byte, size))
		require.NoError(t, err)
		require.True(t, bytes.Equal(sent.Bytes(), got.Bytes()))
	})
}
