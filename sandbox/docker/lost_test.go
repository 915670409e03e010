package docker

import (
	"io"
	"net/http"
	"path"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/docker/docker/client"
	"github.com/stretchr/testify/require"
)

// answers is an engine that answers each request with a status.
type answers func(r *http.Request) int

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: a(r), Header: http.Header{}, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
}

func TestALostContainerThatIsStuckCostsOneStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := map[string]int{}
		api, err := client.NewClientWithOpts(client.WithVersion(oldestAPI), client.WithHTTPClient(&http.Client{Transport: answers(func(r *http.Request) int {
			id := path.Base(r.URL.Path)
			asked[id]++
			switch id {
			case "stuck":
				return http.StatusConflict // its removal is in progress, for ever
			case "held":
				return http.StatusInternalServerError
			}
			return http.StatusNoContent
		})}))
		require.NoError(t, err)
		var l lost
		for _, id := range []string{"held", "stuck", "free"} {
			l.add(id)
		}
		l.remove(t.Context(), api)
		require.Equal(t, []string{"held", "free"}, l.ids)
		require.Equal(t, 1, asked["held"])
		require.Greater(t, asked["stuck"], 1)
		l.remove(t.Context(), api)
		require.Equal(t, []string{"held"}, l.ids)
		require.Equal(t, 1, asked["free"])
	})
}
