package main

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// An untidy driver has leftovers, each with what comes of its removal.
type untidy struct {
	sandbox.Driver
	left []func(context.Context) error
}

func (u untidy) List(context.Context) ([]sandbox.Running, error) {
	var all []sandbox.Running
	for _, remove := range u.left {
		all = append(all, sandbox.Running{ID: "left", Labels: sandbox.Labels{Deadline: time.Now().Add(-time.Hour)}, Remove: remove})
	}
	return all, nil
}

func removes(context.Context) error { return nil }
func fails(context.Context) error   { return errors.New("the disk is on fire") }
func hangs(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestWhatCannotBeRemovedStopsNoCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var errs bytes.Buffer
		a := &app{stderr: &errs}
		require.NoError(t, a.tidy(t.Context(), untidy{left: []func(context.Context) error{hangs, fails, removes}}))
		require.Equal(t, `removed what an earlier run left behind: 1 sandbox
not all that earlier runs left behind could be removed; going on: context deadline exceeded; the disk is on fire
`, errs.String())
	})
}

func TestAnInterruptEndsTheRemovalOfLeftovers(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var errs bytes.Buffer
	a := &app{stderr: &errs}
	require.ErrorIs(t, a.tidy(ctx, untidy{left: []func(context.Context) error{hangs}}), context.Canceled)
	require.Empty(t, errs.String())
}
