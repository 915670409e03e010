package docker

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/containerd/errdefs"
	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
)

func TestAnEngineThatStaysOverloadedIsUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		refused := fmt.Errorf("too much to do: %w", errdefs.ErrUnavailable)
		err := newGate(1, 0).pass(t.Context(), func() error {
			asked++
			return refused
		})
		require.ErrorIs(t, err, sandbox.ErrUnavailable)
		require.ErrorIs(t, err, refused)
		require.Greater(t, asked, 2)
	})
}

func TestWhatAnEngineRefusesForGoodIsNotAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		err := newGate(1, 0).pass(t.Context(), func() error {
			asked++
			return sandbox.ErrNoImage
		})
		require.ErrorIs(t, err, sandbox.ErrNoImage)
		require.NotErrorIs(t, err, sandbox.ErrUnavailable)
		require.Equal(t, 1, asked)
	})
}
