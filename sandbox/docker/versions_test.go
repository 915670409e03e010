package docker_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/docker"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
)

func TestAnEngineThatIsTooOldIsRefused(t *testing.T) {
	refused := func(t *testing.T) {
		_, err := docker.New(t.Context(), docker.Options{Guest: []byte("guest")})
		require.ErrorContains(t, err, "version 1.40 of the API, and 1.41 is the oldest that will do")
		require.NotErrorIs(t, err, sandbox.ErrUnavailable, "to ask again would not help")
	}
	t.Run("the engine knows no newer one", func(t *testing.T) {
		baseImage(t) // there is an engine
		before(t, func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, "/_ping") {
				return false
			}
			w.Header().Set("Api-Version", "1.40")
			return true
		})
		refused(t)
	})
	t.Run("the environment asks for no newer one", func(t *testing.T) {
		baseImage(t) // there is an engine
		t.Setenv("DOCKER_API_VERSION", "1.40")
		refused(t)
	})
}

// What newer engines leave out of an older API shows here, whatever engine the
// other tests have.
func TestTheOldestAPIWillDo(t *testing.T) {
	base := baseImage(t)
	t.Setenv("DOCKER_API_VERSION", "1.41")
	d := driver(t, docker.Options{BaseImage: base})
	sb, err := guest.Open(t.Context(), d, sandbox.Spec{})
	require.NoError(t, err)
	require.NoError(t, sb.WriteFile(t.Context(), "/tmp/file", []byte("kept")))
	snapshot := fmt.Sprintf("apprentice-test/oldest:%d", time.Now().UnixNano())
	require.NoError(t, sb.Instance().Snapshot(t.Context(), snapshot))
	api := apiAt(t, "")
	t.Cleanup(func() { removeImage(api, snapshot) })

	found := func(id string) *sandbox.Running {
		all, err := d.List(t.Context())
		require.NoError(t, err)
		for _, r := range all {
			if r.ID == id {
				return &r
			}
		}
		return nil
	}
	require.NotNil(t, found(sb.Instance().ID()))
	require.NoError(t, sb.Close())
	require.Nil(t, found(sb.Instance().ID()))

	sb, err = guest.Open(t.Context(), d, sandbox.Spec{Image: snapshot})
	require.NoError(t, err)
	res, err := sb.Run(t.Context(), sandbox.Command{Argv: []string{"cat", "/tmp/file"}})
	require.NoError(t, err)
	require.Equal(t, "kept", string(res.Output))
	require.NoError(t, found(sb.Instance().ID()).Remove(t.Context()))
	require.Nil(t, found(sb.Instance().ID()))
	require.NoError(t, sb.Close())
}
