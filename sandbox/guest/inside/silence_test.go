package inside

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

func TestAClientThatIsSilentForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &guest{}
		g.heard.Store(true)
		began := time.Now()
		time.AfterFunc(wire.LongSilence+time.Minute, func() { g.heard.Store(true) })
		g.untilSilence()
		require.Equal(t, 3*wire.LongSilence, time.Since(began))
	})
}
