package docker_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/docker"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
)

// before sets DOCKER_HOST to a proxy in front of the engine of the tests, which
// shows each request to see first. When that answers it, the engine never sees
// it.
func before(t *testing.T, see func(w http.ResponseWriter, r *http.Request) (answered bool)) {
	t.Helper()
	engine := apiAt(t, "")
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: "engine"}) },
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return engine.Dialer()(ctx) }, DisableKeepAlives: true},
	}
	listener, err := net.Listen("unix", filepath.Join(shortDir(t), "socket"))
	require.NoError(t, err)
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !see(w, r) {
			proxy.ServeHTTP(w, r)
		}
	})}}
	server.Start()
	t.Cleanup(server.Close)
	t.Setenv("DOCKER_HOST", "unix://"+listener.Addr().String())
	t.Setenv("DOCKER_TLS_VERIFY", "")
	t.Setenv("DOCKER_CERT_PATH", "")
}

func creates(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/containers/create") }

func TestAnEngineThatIsOverloadedIsAskedAgain(t *testing.T) {
	base := baseImage(t)
	var asked atomic.Int32
	before(t, func(w http.ResponseWriter, r *http.Request) bool {
		if !creates(r) || asked.Add(1) > 2 {
			return false
		}
		http.Error(w, `{"message":"too much to do"}`, http.StatusServiceUnavailable)
		return true
	})
	sb, err := guest.Open(t.Context(), driver(t, docker.Options{BaseImage: base}), sandbox.Spec{})
	require.NoError(t, err)
	require.NoError(t, sb.Close())
	require.Greater(t, asked.Load(), int32(2))
}

func TestStartsWaitForTheirTurn(t *testing.T) {
	base := baseImage(t)
	var now, most atomic.Int32
	before(t, func(_ http.ResponseWriter, r *http.Request) bool {
		switch {
		case creates(r):
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
		case strings.HasSuffix(r.URL.Path, "/start"):
			now.Add(-1)
		}
		return false
	})
	d := driver(t, docker.Options{BaseImage: base, MaxStarting: 2})
	warm, err := guest.Open(t.Context(), d, sandbox.Spec{}) // the guest's volume is filled by now
	require.NoError(t, err)
	require.NoError(t, warm.Close())
	now.Store(0)
	most.Store(0)
	var wg sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		wg.Go(func() {
			sb, err := guest.Open(t.Context(), d, sandbox.Spec{})
			if err == nil {
				err = sb.Close()
			}
			errs[i] = err
		})
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Equal(t, int32(2), most.Load())
}

func TestAStartThatWaitsForItsTurnCanBeCancelled(t *testing.T) {
	base := baseImage(t)
	inside, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	before(t, func(_ http.ResponseWriter, r *http.Request) bool {
		if creates(r) {
			once.Do(func() { close(inside) })
			<-release
		}
		return false
	})
	d := driver(t, docker.Options{BaseImage: base, MaxStarting: 1})
	first := make(chan error, 1)
	go func() {
		sb, err := guest.Open(context.Background(), d, sandbox.Spec{})
		if err == nil {
			err = sb.Close()
		}
		first <- err
	}()
	<-inside
	ctx, cancel := context.WithCancel(t.Context())
	second := make(chan error, 1)
	go func() {
		_, err := d.Start(ctx, sandbox.Spec{})
		second <- err
	}()
	cancel()
	require.ErrorIs(t, <-second, context.Canceled)
	close(release)
	require.NoError(t, <-first)
}
