package wire_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

func TestFramesComeOutAsTheyWentIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		frames := rapid.SliceOf(rapid.Custom(func(t *rapid.T) wire.Frame {
			return wire.Frame{
				Type:    wire.Type(rapid.Uint8().Draw(t, "type")),
				Request: rapid.Uint32().Draw(t, "request"),
				Payload: rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "payload"),
			}
		})).Draw(t, "frames")
		var b bytes.Buffer
		w := wire.NewWriter(&b)
		for _, f := range frames {
			require.NoError(t, w.Frame(f))
		}
		whole := b.Bytes()
		r := wire.NewReader(bytes.NewReader(whole))
		for _, f := range frames {
			got, err := r.Next()
			require.NoError(t, err)
			require.Equal(t, f, got)
		}
		_, err := r.Next()
		require.Equal(t, io.EOF, err)

		// A stream that is cut in a frame ends with another error than EOF.
		if len(whole) > 0 {
			cut := rapid.IntRange(1, len(whole)-1).Draw(t, "cut")
			r := wire.NewReader(bytes.NewReader(whole[:cut]))
			n := 0
			for {
				if _, err = r.Next(); err != nil {
					break
				}
				n++
			}
			require.Less(t, n, len(frames))
			require.True(t, errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF))
		}
	})
}

func TestAFrameThatIsTooLargeIsRefused(t *testing.T) {
	w := wire.NewWriter(io.Discard)
	require.NoError(t, w.Frame(wire.Frame{Payload: make([]byte, wire.MaxPayload)}))
	require.Error(t, w.Frame(wire.Frame{Payload: make([]byte, wire.MaxPayload+1)}))
	_, err := wire.NewReader(bytes.NewReader([]byte{0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0})).Next()
	require.ErrorContains(t, err, "outside the protocol")
}

func TestErrorsKeepTheirMeaning(t *testing.T) {
	for _, target := range []error{fs.ErrNotExist, fs.ErrExist, fs.ErrPermission, sandbox.ErrBroken} {
		b, err := json.Marshal(wire.NewError(errors.Join(errors.New("while doing something"), target)))
		require.NoError(t, err)
		var got wire.Error
		require.NoError(t, json.Unmarshal(b, &got))
		require.ErrorIs(t, got, target)
		require.ErrorContains(t, got, "while doing something")
		require.NotErrorIs(t, got, io.EOF)
	}
	require.NotErrorIs(t, wire.NewError(errors.New("other")), fs.ErrNotExist)
}

func FuzzReader(f *testing.F) {
	f.Add([]byte{0, 0, 0, 5, 1, 0, 0, 0, 0})
	f.Add([]byte{0, 0, 0, 7, 3, 0, 0, 0, 9, 'h', 'i', 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := wire.NewReader(bytes.NewReader(b))
		var back bytes.Buffer
		w := wire.NewWriter(&back)
		for {
			fr, err := r.Next()
			if err != nil {
				break
			}
			require.NoError(t, w.Frame(fr))
		}
		require.True(t, bytes.HasPrefix(b, back.Bytes()))
	})
}
