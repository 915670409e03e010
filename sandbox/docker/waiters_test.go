package docker

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// The last waiter leaves while another comes: either it finds the pull that
// goes on, and keeps it, or it begins one of its own.
func TestAWaiterThatComesAsTheLastOneLeavesGetsItsImage(t *testing.T) {
	for range 2000 {
		var p pulls
		open := make(chan struct{})
		pull := func(ctx context.Context, _ string) error {
			select {
			case <-open:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		first := p.join(t.Context(), "image", pull)
		var both sync.WaitGroup
		both.Go(func() { p.leave("image", first) })
		var second *onePull
		both.Go(func() { second = p.join(t.Context(), "image", pull) })
		both.Wait()
		close(open)
		<-second.done
		require.NoError(t, second.err)
		<-first.done
	}
}
