package inside

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

func TestAnInboxGivesCreditForWhatIsRead(t *testing.T) {
	credit := 0
	b := newInbox(nil, func(n int) error { credit += n; return nil })
	chunk := make([]byte, wire.Window/2)
	for range 10 { // twenty times what it holds, in the end
		b.put(chunk)
		b.put(chunk)
		n, err := io.ReadFull(b, make([]byte, wire.Window))
		require.NoError(t, err)
		require.Equal(t, wire.Window, n)
	}
	require.Equal(t, 10*wire.Window, credit)
	b.put(nil)
	_, err := b.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)
}

func TestAnInboxTakesNoMoreThanTheWindow(t *testing.T) {
	b := newInbox(nil, func(int) error { return nil })
	b.put(make([]byte, wire.Window))
	b.put([]byte("x"))
	_, err := b.Read(make([]byte, 1))
	require.ErrorContains(t, err, "without credit")
}

func TestACancelledInboxEndsItsReader(t *testing.T) {
	cancel := make(chan struct{})
	b := newInbox(cancel, func(int) error { return nil })
	close(cancel)
	_, err := b.Read(make([]byte, 1))
	require.ErrorIs(t, err, errCancelled)
	_, err = obedient{b, cancel}.Read(make([]byte, 1))
	require.ErrorIs(t, err, errCancelled)
}
