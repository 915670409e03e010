package benchmarks_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/benchmarks"
	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
)

// A host is a stand-in for a sandbox: it runs commands in a folder of this
// machine, which it shows as the root.
type host struct{ root string }

func (h host) path(p string) string { return filepath.Join(h.root, p) }

func (h host) Run(ctx context.Context, c sandbox.Command) (sandbox.Result, error) {
	limited := ctx
	if c.Timeout > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, c.Timeout)
		defer cancel()
	}
	var args []string
	for _, a := range c.Argv[1:] {
		if strings.HasPrefix(a, "/tmp/") {
			a = h.path(a)
		}
		args = append(args, a)
	}
	cmd := exec.CommandContext(limited, c.Argv[0], args...)
	cmd.Dir = h.path(c.Dir)
	cmd.WaitDelay = time.Second
	output, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return sandbox.Result{}, ctx.Err()
	case limited.Err() != nil:
		return sandbox.Result{End: sandbox.EndTimeout, ExitCode: -1, Output: output}, nil
	case errors.Is(err, exec.ErrNotFound):
		return sandbox.Result{End: sandbox.EndRefused, ExitCode: -1, Reason: err.Error()}, nil
	case errors.As(err, &exit):
		return sandbox.Result{End: sandbox.EndExit, ExitCode: exit.ExitCode(), Output: output}, nil
	}
	return sandbox.Result{End: sandbox.EndExit, Output: output}, err
}

func (h host) WriteFile(_ context.Context, path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(h.path(path)), 0o755); err != nil {
		return err
	}
	return os.WriteFile(h.path(path), data, 0o644)
}

func (h host) Stat(_ context.Context, path string) (sandbox.File, error) {
	info, err := os.Stat(h.path(path))
	if err != nil {
		return sandbox.File{}, err
	}
	return sandbox.File{Name: info.Name(), Size: info.Size(), Mode: info.Mode(), ModTime: info.ModTime()}, nil
}

func (h host) ReadFile(_ context.Context, path string) ([]byte, error) {
	return os.ReadFile(h.path(path))
}
func (h host) PutTar(context.Context, string, io.Reader) error { return errors.ErrUnsupported }
func (h host) Shell(context.Context, string) (sandbox.Shell, error) {
	return nil, errors.ErrUnsupported
}

// newHost returns a host with a git repository of one file at /testbed.
func newHost(t *testing.T) host {
	t.Helper()
	h := host{root: t.TempDir()}
	require.NoError(t, h.WriteFile(t.Context(), "/testbed/answer.txt", []byte("one\ntwo\nthree\n")))
	for _, args := range [][]string{
		{"init", "-q"}, {"add", "."},
		{"-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q", "-m", "first"},
	} {
		cmd := exec.Command("git", args...)
		cmd.Dir = h.path(env.Workdir)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	return h
}

// A lab launches hosts and counts what it is told.
type lab struct {
	t *testing.T

	mu       sync.Mutex
	launched int
	closed   int
	fail     []error // what the next launches come to
	graded   []benchmarks.Evaluation
	warnings []error
}

func newLab(t *testing.T) (*lab, *benchmarks.Evaluator) {
	l := &lab{t: t}
	return l, &benchmarks.Evaluator{
		Launch: l.launch, Dir: t.TempDir(), Progress: l, Backoff: time.Millisecond, Timeout: time.Minute,
		Image: func(context.Context, string) (string, error) { return "sha256:1", nil },
	}
}

func (l *lab) launch(context.Context, env.Task) (benchmarks.Environment, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.launched++
	if len(l.fail) > 0 {
		err := l.fail[0]
		l.fail = l.fail[1:]
		if err != nil {
			return nil, err
		}
	}
	return opened{l, newHost(l.t)}, nil
}

func (l *lab) Graded(e benchmarks.Evaluation) { l.graded = append(l.graded, e) }
func (l *lab) Warning(_ string, err error)    { l.warnings = append(l.warnings, err) }

type opened struct {
	lab *lab
	h   host
}

func (o opened) Sandbox() env.Sandbox { return o.h }
func (o opened) Close() error {
	o.lab.mu.Lock()
	defer o.lab.mu.Unlock()
	o.lab.closed++
	return nil
}
