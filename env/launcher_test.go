package env_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
)

// counting counts what is started with a driver, and by image.
type counting struct {
	sandbox.Driver
	mu      sync.Mutex
	started map[string]int
}

func (c *counting) Start(ctx context.Context, spec sandbox.Spec) (sandbox.Instance, error) {
	c.mu.Lock()
	if c.started == nil {
		c.started = map[string]int{}
	}
	c.started[spec.Image]++
	c.mu.Unlock()
	return c.Driver.Start(ctx, spec)
}

func TestLaunchOpensAnEnvironmentInASandboxOfItsOwn(t *testing.T) {
	l := &env.Launcher{Driver: newDriver(t), Run: "r1", Limits: sandbox.Limits{Processes: 100}}
	e, err := l.Launch(t.Context(), pager(t), env.Options{})
	require.NoError(t, err)
	require.Equal(t, "local", e.Driver())
	require.NotEmpty(t, e.Image())
	require.Equal(t, sandbox.Enforced, e.Enforcement()[sandbox.LimitNetwork])
	o := do(t, e, "bash", map[string]any{"command": "printenv PYTHONHASHSEED GIT_PAGER; git rev-parse HEAD"})
	require.Equal(t, "0\ncat\n"+pager(t).BaseCommit+"\n", o.Text)

	sb := e.Sandbox()
	require.NoError(t, e.Close())
	_, err = sb.Run(t.Context(), sandbox.Command{Argv: []string{"true"}})
	require.ErrorIs(t, err, sandbox.ErrBroken)
	require.NoError(t, e.Close(), "a second time")
}

func TestLaunchRunsASetupOnce(t *testing.T) {
	d := &counting{Driver: newDriver(t)}
	l := &env.Launcher{Driver: d}
	task := pager(t)
	task.Setup = "mkdir -p /var/cache/things; cat /proc/sys/kernel/random/uuid > /var/cache/things/id"
	ids := make([]string, 4)
	images := make([]string, len(ids))
	errs := make([]error, len(ids))
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			e, err := l.Launch(t.Context(), task, env.Options{})
			if err != nil {
				errs[i] = err
				return
			}
			b, err := e.Sandbox().ReadFile(t.Context(), "/var/cache/things/id")
			ids[i], images[i] = string(b), e.Image()
			errs[i] = errors.Join(err, e.Close())
		})
	}
	wg.Wait()
	for i := range ids {
		require.NoError(t, errs[i])
		require.Equal(t, ids[0], ids[i])
		require.Equal(t, images[0], images[i])
	}
	require.Len(t, ids[0], 37)
	require.Equal(t, 1, d.started[""])

	// The snapshot is found again, by another launcher too, and by this one
	// for another task.
	other := &env.Launcher{Driver: d}
	task.ID = "example__pager-2"
	e, err := other.Launch(t.Context(), task, env.Options{})
	require.NoError(t, err)
	require.Equal(t, ids[0], read(t, e.Sandbox(), "/var/cache/things/id"))
	require.NoError(t, e.Close())
	require.Equal(t, 1, d.started[""])

	task.Setup += "\n# another one"
	e, err = other.Launch(t.Context(), task, env.Options{})
	require.NoError(t, err)
	require.NotEqual(t, ids[0], read(t, e.Sandbox(), "/var/cache/things/id"))
	require.NotEqual(t, images[0], e.Image())
	require.NoError(t, e.Close())
	require.Equal(t, 2, d.started[""])
}

func TestLaunchReportsASetupThatFails(t *testing.T) {
	d := &counting{Driver: newDriver(t)}
	l := &env.Launcher{Driver: d}
	task := pager(t)
	task.Setup = "echo no such thing >&2\nfalse\necho not reached"
	for n := 1; n <= 2; n++ { // it is tried again
		_, err := l.Launch(t.Context(), task, env.Options{})
		var setup *env.SetupError
		require.ErrorAs(t, err, &setup)
		require.ErrorContains(t, err, "[exit code 1] no such thing")
		require.NotContains(t, err.Error(), "not reached")
		require.Equal(t, n, d.started[""])
	}
}

func TestLaunchDoesNotFailBecauseAnotherOneGaveUp(t *testing.T) {
	d := &counting{Driver: newDriver(t)}
	l := &env.Launcher{Driver: d}
	task := pager(t)
	task.Setup = "sleep 1" // long enough to be waited for
	impatient, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		_, err := l.Launch(impatient, task, env.Options{})
		first <- err
	}()
	require.Eventually(t, func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.started[""] == 1
	}, 10*time.Second, time.Millisecond)
	second := make(chan error, 1)
	go func() {
		e, err := l.Launch(t.Context(), task, env.Options{})
		if err == nil {
			err = e.Close()
		}
		second <- err
	}()
	cancel()
	require.ErrorIs(t, <-first, context.Canceled)
	require.NoError(t, <-second)
}

func TestLaunchLeavesNothingBehindWhenOpenFails(t *testing.T) {
	l := &env.Launcher{Driver: newDriver(t)}
	task := pager(t)
	task.Needs = []string{"no-such-program"}
	_, err := l.Launch(t.Context(), task, env.Options{})
	var missing *env.MissingProgramError
	require.ErrorAs(t, err, &missing)
	require.Empty(t, children(t))
}

// children lists the processes that this one has started and that still are.
func children(t *testing.T) string {
	t.Helper()
	threads, err := filepath.Glob("/proc/self/task/*/children")
	require.NoError(t, err)
	require.NotEmpty(t, threads)
	var all string
	for _, thread := range threads {
		b, err := os.ReadFile(thread)
		if !errors.Is(err, os.ErrNotExist) { // a thread that has just ended
			require.NoError(t, err)
		}
		all += string(b)
	}
	return all
}

func TestLaunchSaysThatThereIsNoSuchImage(t *testing.T) {
	l := &env.Launcher{Driver: newDriver(t)}
	task := pager(t)
	task.Image = "example.org/no/such:image"
	_, err := l.Launch(t.Context(), task, env.Options{})
	require.ErrorIs(t, err, sandbox.ErrNoImage)
	require.ErrorContains(t, err, task.ID)
}

func TestLaunchRefusesWithoutARequiredLimit(t *testing.T) {
	l := &env.Launcher{Driver: newDriver(t), Network: sandbox.NetworkHost, Require: []sandbox.Limit{sandbox.LimitNetwork}}
	_, err := l.Launch(t.Context(), pager(t), env.Options{})
	require.ErrorIs(t, err, sandbox.ErrUnenforced)
}
