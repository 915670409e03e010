package program

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAGuestThatIsNotListedIsFound(t *testing.T) {
	file := []byte("the guest")
	sums := fmt.Appendf(nil, "%x  other\n%x  guest-linux-amd64\n", sha256.Sum256([]byte("x")), sha256.Sum256(file))
	require.True(t, listed(sums, "guest-linux-amd64", file))
	require.False(t, listed(sums, "guest-linux-amd64", []byte("the guest, changed")))
	require.False(t, listed(sums, "guest-linux-arm64", file))
	require.False(t, listed(nil, "guest-linux-amd64", file))
}

func TestTheGuestsOfThisBuildAreWhole(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64", ""} {
		b, err := Binary(arch)
		if errors.Is(err, ErrMissing) {
			continue // a build without `make build`
		}
		require.NoError(t, err)
		require.Equal(t, "\x7fELF", string(b[:4]))
	}
	_, err := Binary("pdp11")
	require.ErrorIs(t, err, ErrMissing)
}
