package inside

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestACaptureKeepsHeadAndTail(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		half := rapid.IntRange(1, 20).Draw(t, "half")
		c := newCapture(2 * half)
		var all []byte
		for _, p := range rapid.SliceOf(rapid.SliceOfN(rapid.Byte(), 0, 50)).Draw(t, "writes") {
			n, err := c.Write(p)
			require.NoError(t, err)
			require.Equal(t, len(p), n)
			all = append(all, p...)
		}
		dropped := max(0, len(all)-2*half)
		require.Equal(t, int64(dropped), c.dropped())
		want := all
		if dropped > 0 {
			want = bytes.Join([][]byte{all[:half], fmt.Appendf(nil, "\n[... %d bytes left out ...]\n", dropped), all[len(all)-half:]}, nil)
		}
		require.Equal(t, string(want), string(c.bytes()))
	})
}
