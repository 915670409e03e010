package inside

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

// TestALinkTakesNoMoreDescriptorsThanItMay has a far end that sends descriptors
// with every frame, as a process that traces its shell's supervisor could.
func TestALinkTakesNoMoreDescriptorsThanItMay(t *testing.T) {
	for _, takes := range []int{0, 1, maxFDs} {
		ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		require.NoError(t, err)
		far, err := newLink(ends[0], 0)
		require.NoError(t, err)
		near, err := newLink(ends[1], takes)
		require.NoError(t, err)
		null, err := os.Open(os.DevNull)
		require.NoError(t, err)
		before := openFiles(t)
		for range 100 {
			require.NoError(t, far.send(wire.Frame{Type: wire.Exec}, int(null.Fd()), int(null.Fd())))
			f, fds, err := near.next()
			require.NoError(t, err)
			require.Equal(t, wire.Exec, f.Type)
			require.Len(t, fds, takes)
			for _, fd := range fds {
				require.NoError(t, unix.Close(fd))
			}
		}
		require.Equal(t, before, openFiles(t))
		require.NoError(t, null.Close())
		near.close()
		far.close()
	}
}

// TestDescriptorsStayWithTheirFrame has a far end that has sent two frames by
// the time that the near end reads the first.
func TestDescriptorsStayWithTheirFrame(t *testing.T) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	far, err := newLink(ends[0], 0)
	require.NoError(t, err)
	defer far.close()
	near, err := newLink(ends[1], maxFDs)
	require.NoError(t, err)
	defer near.close()
	null, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer null.Close()
	require.NoError(t, far.send(wire.Frame{Type: wire.Ready, Payload: []byte("first")}))
	require.NoError(t, far.send(wire.Frame{Type: wire.Exec}, int(null.Fd()), int(null.Fd())))
	require.NoError(t, far.send(wire.Frame{Type: wire.Cancel}))
	for _, want := range []struct {
		kind wire.Type
		fds  int
	}{{wire.Ready, 0}, {wire.Exec, 2}, {wire.Cancel, 0}} {
		f, fds, err := near.next()
		require.NoError(t, err)
		require.Equal(t, want.kind, f.Type)
		require.Len(t, fds, want.fds)
		for _, fd := range fds {
			require.NoError(t, unix.Close(fd))
		}
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(list)
}
