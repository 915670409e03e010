// Package guest is the outer end of a sandbox's byte stream: the one client
// through which everything inside is done, whatever the driver.
//
//	sb, err := guest.Open(ctx, driver, sandbox.Spec{})
//	defer sb.Close()
//	res, err := sb.Run(ctx, sandbox.Command{Argv: []string{"go", "version"}})
//
// The protocol is in package wire, the program at the inner end in package
// inside, and its binaries in package program.
package guest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// A Sandbox is a started sandbox together with the client of its guest.
type Sandbox struct {
	*Client
	instance sandbox.Instance
}

// Open starts a sandbox and connects to its guest. The caller must Close it.
func Open(ctx context.Context, driver sandbox.Driver, spec sandbox.Spec) (*Sandbox, error) {
	in, err := driver.Start(ctx, spec)
	if err != nil {
		return nil, err
	}
	c, err := NewClient(ctx, in.Stream())
	if err != nil {
		err = fmt.Errorf("greeting the guest: %w", because(ctx, in, err))
		return nil, errors.Join(err, destroy(ctx, in))
	}
	c.explain = func(err error) error { return because(context.Background(), in, err) }
	return &Sandbox{Client: c, instance: in}, nil
}

// Instance is the sandbox as its driver sees it.
func (s *Sandbox) Instance() sandbox.Instance { return s.instance }

// Close ends the sandbox and removes it.
func (s *Sandbox) Close() error {
	s.close(errClosed)
	return destroy(context.Background(), s.instance)
}

// destroy works also when the caller's context is over: that is when it is
// needed most.
func destroy(ctx context.Context, in sandbox.Instance) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return in.Destroy(ctx)
}

// because adds to a broken stream what the driver knows about it.
func because(ctx context.Context, in sandbox.Instance, err error) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	death, werr := in.Wait(ctx)
	if werr != nil {
		return err
	}
	return fmt.Errorf("%w (the sandbox ended: %s: %s)", err, death.Cause, death.Detail)
}
