package guest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

// Shell starts a bash session in dir.
func (c *Client) Shell(ctx context.Context, dir string) (sandbox.Shell, error) {
	var opened wire.ShellOpened
	if err := c.call(ctx, wire.Call{Op: wire.OpShell, Path: dir}, exchange{}, &opened); err != nil {
		return nil, fmt.Errorf("starting a shell session: %w", err)
	}
	return &shell{client: c, n: opened.Shell}, nil
}

type shell struct {
	client *Client
	n      uint32
}

func (s *shell) Run(ctx context.Context, script string, timeout time.Duration) (sandbox.ShellResult, error) {
	out := bounded{room: sandbox.DefaultOutputCap + leftOut}
	var res sandbox.ShellResult
	call := wire.Call{Op: wire.OpScript, Shell: s.n, Script: &wire.Script{Text: script, Timeout: timeout}}
	err := s.client.call(ctx, call, exchange{out: &out}, &res)
	res.Output = out.b
	return res, err
}

func (s *shell) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	err := s.client.call(ctx, wire.Call{Op: wire.OpUnshell, Shell: s.n}, exchange{}, nil)
	if errors.Is(err, sandbox.ErrBroken) {
		return nil // the session went with the sandbox
	}
	return err
}
