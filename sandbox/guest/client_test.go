package guest_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

// TestAStreamThatIsStuckIsGivenUp has a guest that reads nothing after its
// greeting, so that every write to it waits.
func TestAStreamThatIsStuckIsGivenUp(t *testing.T) {
	for name, request := range map[string]func(context.Context, *guest.Client) error{
		"a command": func(ctx context.Context, c *guest.Client) error {
			_, err := c.Run(ctx, sandbox.Command{Argv: []string{"true"}})
			return err
		},
		"an upload": func(ctx context.Context, c *guest.Client) error {
			return c.WriteFile(ctx, "/file", make([]byte, 1<<20))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				defer far.Close()
				go func() { _ = wire.NewWriter(far).JSON(wire.Hello, 0, wire.Greeting{Version: wire.Version}) }()
				c, err := guest.NewClient(t.Context(), near)
				require.NoError(t, err)

				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				began := time.Now()
				err = request(ctx, c)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.ErrorIs(t, err, sandbox.ErrBroken)
				require.Less(t, time.Since(began), time.Minute)
				require.ErrorIs(t, request(t.Context(), c), sandbox.ErrBroken)
			})
		})
	}
}

func TestARequestThatIsTooLargeBreaksNothing(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	go func() { _ = wire.NewWriter(far).JSON(wire.Hello, 0, wire.Greeting{Version: wire.Version}) }()
	c, err := guest.NewClient(t.Context(), near)
	require.NoError(t, err)
	for range 2 {
		_, err = c.Run(t.Context(), sandbox.Command{Argv: []string{"echo", strings.Repeat("x", 1<<20)}})
		require.ErrorContains(t, err, "more than the guest takes")
		require.NotErrorIs(t, err, sandbox.ErrBroken)
	}
}
