package docker_test

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/docker"
)

// A testRegistry is a registry on this machine that can be moody.
type testRegistry struct {
	t      *testing.T
	server *httptest.Server
	// mood, where it is set, may answer a request for a manifest in the place
	// of the registry.
	mood      atomic.Pointer[func(w http.ResponseWriter, r *http.Request) (answered bool)]
	manifests atomic.Int32 // requests for manifests from engines
	layers    atomic.Int32 // requests for the contents of blobs
}

func startRegistry(t *testing.T) *testRegistry {
	r := &testRegistry{t: t}
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		pulls := req.Method == http.MethodGet || req.Method == http.MethodHead
		switch {
		case pulls && strings.Contains(req.URL.Path, "/manifests/"):
			r.manifests.Add(1)
			if mood := r.mood.Load(); mood != nil && (*mood)(w, req) {
				return
			}
		case pulls && strings.Contains(req.URL.Path, "/blobs/"):
			r.layers.Add(1)
		}
		inner.ServeHTTP(w, req)
	}))
	t.Cleanup(r.server.Close)
	return r
}

// push puts an image of two layers into the registry and returns its name.
func (r *testRegistry) push(repository string, size int64) string {
	r.t.Helper()
	ref := strings.TrimPrefix(r.server.URL, "http://") + "/" + repository + ":1"
	img, err := random.Image(size/2, 2)
	require.NoError(r.t, err)
	tag, err := name.NewTag(ref)
	require.NoError(r.t, err)
	require.NoError(r.t, remote.Write(tag, img))
	r.manifests.Store(0)
	r.layers.Store(0)
	return ref
}

// answer makes the registry answer n requests for manifests with an error.
func (r *testRegistry) answer(n int32, status int, body string) {
	var left atomic.Int32
	left.Store(n)
	mood := func(w http.ResponseWriter, _ *http.Request) bool {
		if left.Add(-1) < 0 {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
		return true
	}
	r.mood.Store(&mood)
}

func pulling(t *testing.T, opts docker.Options) (*testRegistry, *docker.Driver) {
	t.Helper()
	baseImage(t) // there is an engine
	return startRegistry(t), driver(t, opts)
}

func (r *testRegistry) pushed() string {
	ref := r.push("image", 2<<20)
	api := apiAt(r.t, "")
	r.t.Cleanup(func() { removeImage(api, ref) })
	return ref
}

func TestAnImageIsPulledOnceForAll(t *testing.T) {
	var mu sync.Mutex
	var told []sandbox.Progress
	r, d := pulling(t, docker.Options{Progress: func(p sandbox.Progress) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, p)
	}})
	ref := r.pushed()
	var wg sync.WaitGroup
	ids, errs := make([]string, 8), make([]error, 8)
	for i := range ids {
		wg.Go(func() { ids[i], errs[i] = d.Resolve(t.Context(), ref) })
	}
	wg.Wait()
	for i := range ids {
		require.NoError(t, errs[i])
		require.Regexp(t, "^sha256:[0-9a-f]{64}$", ids[i])
		require.Equal(t, ids[0], ids[i])
	}
	require.Equal(t, int32(3), r.layers.Load(), "one configuration and two layers")

	require.NotEmpty(t, told)
	for _, p := range told {
		require.Equal(t, ref, p.Image)
		require.NotEmpty(t, p.Doing)
		require.True(t, p.Total == 0 || p.Done <= p.Total, "%+v", p)
	}
	require.Greater(t, told[len(told)-1].Done, int64(2<<20-1), "the bytes of both layers")
}

func TestARegistryThatIsBusyIsAskedAgain(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
	}{
		{"too many requests", http.StatusTooManyRequests, `{"errors":[{"code":"TOOMANYREQUESTS","message":"you have reached your pull rate limit"}]}`},
		{"too many requests, and when to ask again", http.StatusTooManyRequests, `{"errors":[{"code":"TOOMANYREQUESTS","message":"retry-after: 1.5s, allowed: 44000/minute"}]}`},
		{"an error of the server", http.StatusInternalServerError, `{"errors":[{"code":"UNKNOWN","message":"unknown error"}]}`},
		{"a bad gateway", http.StatusBadGateway, "<html>bad gateway</html>"},
		{"unavailable", http.StatusServiceUnavailable, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, d := pulling(t, docker.Options{})
			ref := r.pushed()
			// An engine asks twice by itself: for the head, then for the whole.
			r.answer(3, tt.status, tt.body)
			_, err := d.Resolve(t.Context(), ref)
			require.NoError(t, err)
		})
	}
}

func TestWhatARegistryRefusesIsNotAskedAgain(t *testing.T) {
	for name, answer := range map[string]struct {
		status int
		body   string
	}{
		"denied":    {http.StatusForbidden, `{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}`},
		"not there": {http.StatusNotFound, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			r, d := pulling(t, docker.Options{})
			ref := r.pushed()
			r.answer(1000, answer.status, answer.body)
			_, err := d.Resolve(t.Context(), ref)
			require.ErrorIs(t, err, sandbox.ErrNoImage)
			require.LessOrEqual(t, r.manifests.Load(), int32(2))
		})
	}
}

// Those who still wait get the image, whoever has left.
func TestAWaiterThatLeavesStopsNobody(t *testing.T) {
	r, d := pulling(t, docker.Options{})
	ref := r.pushed()
	asked, open := make(chan struct{}), make(chan struct{})
	var once sync.Once
	mood := func(http.ResponseWriter, *http.Request) bool {
		once.Do(func() { close(asked) })
		<-open
		return false
	}
	r.mood.Store(&mood)
	resolve := func(ctx context.Context) chan error {
		done := make(chan error, 1)
		go func() {
			_, err := d.Resolve(ctx, ref)
			done <- err
		}()
		return done
	}
	ctx, cancel := context.WithCancel(t.Context())
	first := resolve(ctx)
	<-asked
	second := resolve(t.Context())
	cancel()
	require.ErrorIs(t, <-first, context.Canceled)
	close(open)
	require.NoError(t, <-second)
}

func TestAPullThatAllHaveLeftCanBeginAnew(t *testing.T) {
	r, d := pulling(t, docker.Options{})
	ref := r.pushed()
	asked, open := make(chan struct{}), make(chan struct{})
	var once sync.Once
	mood := func(http.ResponseWriter, *http.Request) bool {
		once.Do(func() {
			close(asked)
			<-open // the engine does not take its own question back
		})
		return false
	}
	r.mood.Store(&mood)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := d.Resolve(ctx, ref)
		done <- err
	}()
	<-asked
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	close(open)
	_, err := d.Resolve(t.Context(), ref)
	require.NoError(t, err)
}
