package sandbox

import (
	"context"
	"slices"
	"time"
)

// Running is a sandbox as a driver finds it, whoever started it.
type Running struct {
	ID      string
	Labels  Labels
	Started time.Time
	// Remove ends and removes the sandbox. That it is gone already is no error.
	Remove func(ctx context.Context) error
}

// Leftovers lists the sandboxes of a driver whose owner is gone or whose
// deadline has passed, and no others: see [Labels.Stale].
func Leftovers(ctx context.Context, d Driver) ([]Running, error) {
	all, err := d.List(ctx)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return slices.DeleteFunc(all, func(r Running) bool { return !r.Labels.Stale(now) }), nil
}
