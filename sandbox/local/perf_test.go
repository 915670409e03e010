//go:build linux

package local_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
	"github.com/apprentice-rl/apprentice/sandbox/local"
	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
)

func BenchmarkStartToFirstCommand(b *testing.B) {
	d, err := local.New(local.Options{Guest: sandboxtest.Guest(b)})
	require.NoError(b, err)
	defer d.Close()
	for b.Loop() {
		sb, err := guest.Open(b.Context(), d, sandbox.Spec{})
		require.NoError(b, err)
		_, err = sb.Run(b.Context(), sandbox.Command{Argv: []string{"true"}})
		require.NoError(b, err)
		require.NoError(b, sb.Close())
	}
}

func BenchmarkCommand(b *testing.B) {
	d, err := local.New(local.Options{Guest: sandboxtest.Guest(b)})
	require.NoError(b, err)
	defer d.Close()
	sb, err := guest.Open(b.Context(), d, sandbox.Spec{})
	require.NoError(b, err)
	defer sb.Close()
	for b.Loop() {
		_, err = sb.Run(b.Context(), sandbox.Command{Argv: []string{"true"}})
		require.NoError(b, err)
	}
}
