package docker

import (
	"context"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// A gate bounds how many containers are being created and started at one time.
// An engine that is asked for more than it can do at once does none of it
// quickly.
type gate chan struct{}

func newGate(size, processors int) gate {
	if size <= 0 {
		size = 2 * max(1, processors)
	}
	return make(gate, size)
}

// pass runs start when it is its turn, and again as long as the engine says
// that it is overloaded. Meanwhile it keeps its place, so the more starts an
// engine refuses, the fewer it is asked for. One that is still overloaded after
// that is as good as away.
func (g gate) pass(ctx context.Context, start func() error) error {
	select {
	case g <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-g }()
	var last error
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		if last = start(); overloaded(last) {
			return struct{}{}, last
		}
		if last != nil {
			return struct{}{}, backoff.Permanent(last)
		}
		return struct{}{}, nil
	}, backoff.WithMaxElapsedTime(2*time.Minute))
	switch {
	case err == nil || ctx.Err() != nil:
		return err
	case overloaded(last):
		return fmt.Errorf("%w; the engine was asked again and again: %w", last, sandbox.ErrUnavailable)
	}
	return last
}
