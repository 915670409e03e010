package sandboxtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// forwarding checks connections into the sandbox and out of it. The programs
// inside are bash's own /dev/tcp, and the guest itself: an offer inside that a
// dial outside reaches goes through all of it.
func forwarding(t *testing.T, driver sandbox.Driver) {
	sb := open(t, driver, sandbox.Spec{})
	ctx := t.Context()

	outside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "hello from outside, %s\n", r.URL.Path)
	}))
	defer outside.Close()
	dialled := 0
	var mu sync.Mutex
	dial := func(ctx context.Context) (net.Conn, error) {
		mu.Lock()
		dialled++
		mu.Unlock()
		var d net.Dialer
		return d.DialContext(ctx, "tcp", outside.Listener.Addr().String())
	}

	t.Run("one endpoint outside is reached from inside, and nothing else", func(t *testing.T) {
		offer, err := sb.Offer(ctx, sandbox.Address{Network: "tcp", Address: "0"}, dial)
		require.NoError(t, err)
		require.NotEqual(t, "0", offer.Address.Address)
		get := func(port string) sandbox.Result {
			res, err := sb.Run(ctx, sh(fmt.Sprintf("exec 7<>/dev/tcp/127.0.0.1/%s && printf 'GET /me HTTP/1.0\\r\\n\\r\\n' >&7 && cat <&7", port)))
			require.NoError(t, err)
			return res
		}
		res := get(offer.Address.Address)
		require.True(t, res.Succeeded(), "%+v %s", res, res.Output)
		require.Contains(t, string(res.Output), "hello from outside, /me\n")
		require.Equal(t, 1, dialled)

		_, port, err := net.SplitHostPort(outside.Listener.Addr().String())
		require.NoError(t, err)
		require.False(t, get(port).Succeeded(), "the host's own port is not there")

		require.NoError(t, offer.Close())
		require.False(t, get(offer.Address.Address).Succeeded(), "an offer that is closed is gone")
		require.NoError(t, offer.Close())
	})
	t.Run("a server inside is reached from outside", func(t *testing.T) {
		inside, err := sb.Offer(ctx, sandbox.Address{Network: "unix", Address: "/tmp/server"}, dial)
		require.NoError(t, err)
		defer func() { require.NoError(t, inside.Close()) }()
		client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return sb.Dial(ctx, sandbox.Address{Network: "unix", Address: "/tmp/server"})
		}}}
		defer client.CloseIdleConnections()
		var wg sync.WaitGroup
		answers := make([]string, 20)
		for i := range answers {
			wg.Go(func() {
				res, err := client.Get(fmt.Sprintf("http://sandbox/%d", i))
				if err != nil {
					answers[i] = err.Error()
					return
				}
				defer res.Body.Close()
				b, _ := io.ReadAll(res.Body)
				answers[i] = string(b)
			})
		}
		wg.Wait()
		for i, a := range answers {
			require.Equal(t, fmt.Sprintf("hello from outside, /%d\n", i), a)
		}
	})
	t.Run("each direction closes by itself", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		go func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			all, _ := io.ReadAll(c) // ends with the other side's half
			_, _ = c.Write(bytes.ToUpper(all))
		}()
		offer, err := sb.Offer(ctx, sandbox.Address{Network: "tcp", Address: "0"}, func(ctx context.Context) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", l.Addr().String())
		})
		require.NoError(t, err)
		defer func() { require.NoError(t, offer.Close()) }()
		c, err := sb.Dial(ctx, offer.Address)
		require.NoError(t, err)
		defer c.Close()
		text := strings.Repeat("half ", 1_000_000)
		_, err = io.WriteString(c, text)
		require.NoError(t, err)
		require.NoError(t, c.(interface{ CloseWrite() error }).CloseWrite())
		back, err := io.ReadAll(c)
		require.NoError(t, err)
		require.True(t, strings.ToUpper(text) == string(back))
	})
	t.Run("nobody listens", func(t *testing.T) {
		_, err := sb.Dial(ctx, sandbox.Address{Network: "tcp", Address: "1"})
		require.ErrorContains(t, err, "connection refused")
		_, err = sb.Dial(ctx, sandbox.Address{Network: "unix", Address: "/no/such/socket"})
		require.Error(t, err)
		_, err = sb.Dial(ctx, sandbox.Address{Network: "udp", Address: "1"})
		require.ErrorContains(t, err, "neither tcp nor unix")
		_, err = sb.Offer(ctx, sandbox.Address{Network: "tcp", Address: "70000"}, dial)
		require.ErrorContains(t, err, "70000")
		_, err = sb.Offer(ctx, sandbox.Address{Network: "unix", Address: "/proc/socket"}, dial)
		require.Error(t, err)
		require.NotErrorIs(t, err, sandbox.ErrBroken)
	})
	t.Run("an endpoint that is not there", func(t *testing.T) {
		gone := errors.New("it is gone")
		offer, err := sb.Offer(ctx, sandbox.Address{Network: "tcp", Address: "0"}, func(context.Context) (net.Conn, error) { return nil, gone })
		require.NoError(t, err)
		defer func() { require.NoError(t, offer.Close()) }()
		c, err := sb.Dial(ctx, offer.Address)
		require.NoError(t, err)
		defer c.Close()
		b, _ := io.ReadAll(c)
		require.Empty(t, b)
	})
	t.Run("deadlines", func(t *testing.T) {
		offer, err := sb.Offer(ctx, sandbox.Address{Network: "tcp", Address: "0"}, func(ctx context.Context) (net.Conn, error) {
			<-ctx.Done() // a server that does not answer
			return nil, ctx.Err()
		})
		require.NoError(t, err)
		defer func() { require.NoError(t, offer.Close()) }()
		c, err := sb.Dial(ctx, offer.Address)
		require.NoError(t, err)
		defer c.Close()
		require.NoError(t, c.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
		_, err = c.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NoError(t, c.SetReadDeadline(time.Time{}))
		read := make(chan error, 1)
		go func() {
			_, err := c.Read(make([]byte, 1))
			read <- err
		}()
		require.NoError(t, c.SetReadDeadline(time.Now().Add(-time.Second)))
		require.ErrorIs(t, <-read, os.ErrDeadlineExceeded)
		require.NoError(t, c.SetWriteDeadline(time.Now().Add(100*time.Millisecond)))
		_, err = c.Write(make([]byte, 100<<20)) // more than all windows and buffers hold
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NoError(t, c.Close())
		_, err = c.Write([]byte("x"))
		require.ErrorIs(t, err, net.ErrClosed)
		_, err = c.Read(make([]byte, 1))
		require.ErrorIs(t, err, net.ErrClosed)
	})
	t.Run("connections end with the sandbox", func(t *testing.T) {
		sb := open(t, driver, sandbox.Spec{})
		offer, err := sb.Offer(ctx, sandbox.Address{Network: "tcp", Address: "0"}, func(ctx context.Context) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		require.NoError(t, err)
		c, err := sb.Dial(ctx, offer.Address)
		require.NoError(t, err)
		require.NoError(t, sb.Close())
		_, err = c.Read(make([]byte, 1))
		require.Error(t, err)
		require.NoError(t, offer.Close())
		_, err = sb.Dial(ctx, offer.Address)
		require.ErrorIs(t, err, sandbox.ErrBroken)
	})
}
