package sandboxtest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
)

// life checks the beginning and the end of sandboxes.
func life(t *testing.T, driver sandbox.Driver) {
	t.Run("an image that does not exist", func(t *testing.T) {
		_, err := driver.Start(t.Context(), sandbox.Spec{Image: "apprentice.invalid/no-such-image:1"})
		require.ErrorIs(t, err, sandbox.ErrNoImage)
		_, err = driver.Resolve(t.Context(), "apprentice.invalid/no-such-image:1")
		require.ErrorIs(t, err, sandbox.ErrNoImage)
	})
	t.Run("the base has an identity", func(t *testing.T) {
		one, err := driver.Resolve(t.Context(), "")
		require.NoError(t, err)
		require.NotEmpty(t, one)
		two, err := driver.Resolve(t.Context(), "")
		require.NoError(t, err)
		require.Equal(t, one, two)
	})
	t.Run("closed", func(t *testing.T) {
		sb, err := guest.Open(t.Context(), driver, sandbox.Spec{})
		require.NoError(t, err)
		require.NoError(t, sb.Close())
		require.NoError(t, sb.Close(), "closing twice is harmless")
		_, err = sb.Run(t.Context(), sh("true"))
		require.ErrorIs(t, err, sandbox.ErrBroken)
		_, err = sb.Instance().Wait(t.Context())
		require.NoError(t, err)
	})
	t.Run("closed while a command runs", func(t *testing.T) {
		sb, err := guest.Open(t.Context(), driver, sandbox.Spec{})
		require.NoError(t, err)
		done := make(chan error, 1)
		started := make(chan struct{})
		go func() {
			close(started)
			_, err := sb.Run(context.Background(), sh("sleep 4242"))
			done <- err
		}()
		<-started
		require.NoError(t, sb.Close())
		require.ErrorIs(t, <-done, sandbox.ErrBroken)
	})
	t.Run("the end of the lifetime", func(t *testing.T) {
		sb := open(t, driver, sandbox.Spec{Lifetime: time.Second})
		_, err := sb.Run(t.Context(), sh("sleep 4242"))
		require.ErrorIs(t, err, sandbox.ErrBroken)
		death, err := sb.Instance().Wait(t.Context())
		require.NoError(t, err)
		require.Equal(t, sandbox.DeathDeadline, death.Cause, death.Detail)
	})
	t.Run("a start that was cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := guest.Open(ctx, driver, sandbox.Spec{})
		require.ErrorIs(t, err, context.Canceled)
	})
	t.Run("a snapshot", func(t *testing.T) {
		image := fmt.Sprintf("apprentice-test/snapshot:%d", time.Now().UnixNano())
		sb := open(t, driver, sandbox.Spec{})
		res, err := sb.Run(t.Context(), sh("mkdir -p ~/kept/deep && echo frozen >~/kept/deep/file && ln -s deep ~/kept/link && chmod 700 ~/kept/deep"))
		require.NoError(t, err)
		require.True(t, res.Succeeded(), "%s", res.Output)
		require.NoError(t, sb.Instance().Snapshot(t.Context(), image))
		_, err = driver.Resolve(t.Context(), image)
		require.NoError(t, err)
		for range 2 { // what one does, the next does not see
			sb := open(t, driver, sandbox.Spec{Image: image})
			res, err := sb.Run(t.Context(), sh("cat ~/kept/link/file && ! test -e ~/kept/more && echo x >~/kept/more && echo changed >~/kept/deep/file && stat -c '%a %U' ~/kept/deep && id -un"))
			require.NoError(t, err)
			user := strings.TrimSpace(string(res.Output[bytes.LastIndexByte(bytes.TrimSpace(res.Output), '\n')+1:]))
			require.Equal(t, "frozen\n700 "+user+"\n"+user+"\n", string(res.Output), "%+v", res)
		}
	})
	t.Run("a snapshot of a name that there is", func(t *testing.T) {
		image := fmt.Sprintf("apprentice-test/snapshot:%d", time.Now().UnixNano())
		says := func(sb *guest.Sandbox, script, want string) {
			res, err := sb.Run(t.Context(), sh(script))
			require.NoError(t, err)
			require.Equal(t, want, string(res.Output), "%+v", res)
		}
		sb := open(t, driver, sandbox.Spec{})
		says(sb, "echo one >~/file; touch ~/gone", "")
		require.NoError(t, sb.Instance().Snapshot(t.Context(), image))
		old := open(t, driver, sandbox.Spec{Image: image})
		says(sb, "echo two >~/file; rm ~/gone", "")
		require.NoError(t, sb.Instance().Snapshot(t.Context(), image))
		says(open(t, driver, sandbox.Spec{Image: image}), "cat ~/file; ls ~/gone 2>/dev/null", "two\n")
		says(old, "cd ~; cat file; ls gone", "one\ngone\n")
		require.NoError(t, old.Instance().Snapshot(t.Context(), image), "also of one that stands on what had the name")
		says(open(t, driver, sandbox.Spec{Image: image}), "cat ~/file", "one\n")
	})
	t.Run("listed while it lives, and no leftover", func(t *testing.T) {
		is := func(sb *guest.Sandbox) func(sandbox.Running) bool {
			return func(r sandbox.Running) bool { return r.ID == sb.Instance().ID() }
		}
		before := time.Now().Truncate(time.Second)
		sb := open(t, driver, sandbox.Spec{Run: "listed"})
		all, err := driver.List(t.Context())
		require.NoError(t, err)
		i := slices.IndexFunc(all, is(sb))
		require.NotEqual(t, -1, i)
		self, err := sandbox.Self()
		require.NoError(t, err)
		require.Equal(t, "listed", all[i].Labels.Run)
		require.Equal(t, self, all[i].Labels.Owner)
		require.WithinRange(t, all[i].Started, before, time.Now())
		left, err := sandbox.Leftovers(t.Context(), driver)
		require.NoError(t, err)
		require.False(t, slices.ContainsFunc(left, is(sb)))
		require.NoError(t, sb.Close())
		all, err = driver.List(t.Context())
		require.NoError(t, err)
		require.False(t, slices.ContainsFunc(all, is(sb)))
	})
	t.Run("removed by whoever finds it", func(t *testing.T) {
		sb := open(t, driver, sandbox.Spec{})
		all, err := driver.List(t.Context())
		require.NoError(t, err)
		i := slices.IndexFunc(all, func(r sandbox.Running) bool { return r.ID == sb.Instance().ID() })
		require.NotEqual(t, -1, i)
		require.NoError(t, all[i].Remove(t.Context()))
		_, err = sb.Run(t.Context(), sh("true"))
		require.ErrorIs(t, err, sandbox.ErrBroken)
		_, err = sb.Instance().Wait(t.Context())
		require.NoError(t, err)
		require.NoError(t, all[i].Remove(t.Context()), "that it is gone already is no error")
	})
}
