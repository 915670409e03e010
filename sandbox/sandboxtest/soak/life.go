//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
)

// A life is that of one sandbox.
type life struct {
	*shift
	driver closingDriver
	name   string // the value of markVariable inside
	epoch  int64  // when it began

	sb     *guest.Sandbox
	killed atomic.Bool // by us, from outside
	closed atomic.Bool // by us, while it was in use
}

// patience is more than any one thing may take, on however busy a machine.
const patience = time.Minute

// live starts a sandbox, uses it, and ends it.
func (l *life) live(ctx context.Context) {
	if !l.open(ctx) {
		return
	}
	l.mu.Lock()
	l.tally.Live++
	l.mu.Unlock()
	end, violence := "closed", func() {}
	switch n := rand.IntN(10); {
	case n < 2:
		end, violence = "killed from outside", l.kill
	case n < 4:
		end, violence = "closed while in use", func() {
			l.closed.Store(true)
			l.close()
		}
	}
	done := make(chan struct{})
	timer := time.AfterFunc(time.Duration(rand.IntN(3000))*time.Millisecond, func() {
		defer close(done)
		violence()
	})
	for range 1 + rand.IntN(12) {
		if ctx.Err() != nil || !l.use(ctx) {
			break
		}
	}
	if timer.Stop() {
		end = "closed"
	} else {
		<-done
	}
	l.close()
	l.count(ended, l.driver.Name()+", "+end)
	l.mu.Lock()
	l.tally.Live--
	l.mu.Unlock()
}

// open starts the sandbox; now and then the start is cancelled in the middle.
func (l *life) open(ctx context.Context) bool {
	limit, cancelled := patience, false
	if rand.IntN(20) == 0 {
		limit, cancelled = time.Duration(rand.IntN(300))*time.Millisecond, true
	}
	octx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	sb, err := guest.Open(octx, l.driver, sandbox.Spec{Run: "soak", Env: map[string]string{markVariable: l.name}})
	if err != nil {
		l.judge("start", err, cancelled)
		if l.affected() { // do not hammer on an engine that is not there
			select {
			case <-time.After(200 * time.Millisecond):
			case <-ctx.Done():
			}
		}
		return false
	}
	l.sb = sb
	l.count(started, l.driver.Name())
	return true
}

// affected reports whether the engine was away at some time of this life.
func (l *life) affected() bool {
	return l.driver.Name() == "docker" && (l.epoch%2 == 1 || l.shift.epoch.Load() != l.epoch)
}

// judge tells what we have caused from what must not happen.
func (l *life) judge(doing string, err error, cancelled bool) {
	gone := errors.Is(err, sandbox.ErrBroken) || errors.Is(err, sandbox.ErrUnavailable)
	switch {
	case cancelled && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)):
		l.count(expected, "cancelled by us")
	case l.killed.Load() && errors.Is(err, sandbox.ErrBroken):
		l.count(expected, "broken after we killed it")
	case l.closed.Load() && errors.Is(err, sandbox.ErrBroken):
		l.count(expected, "broken after we closed it")
	case l.affected() && gone:
		l.count(expected, "the engine was away")
	default:
		l.unforeseen(l.driver.Name()+": "+doing, err)
	}
}

// close must succeed at once, unless the engine is away; then it does when the
// engine is back.
func (l *life) close() {
	for began := time.Now(); ; {
		err := l.sb.Close()
		if err == nil {
			return
		}
		if !l.affected() || time.Since(began) > patience {
			l.judge("close", err, false)
			return
		}
		l.count(expected, "the engine was away")
		time.Sleep(500 * time.Millisecond)
	}
}

// kill ends the sandbox behind the driver's back.
func (l *life) kill() {
	l.killed.Store(true)
	if l.driver.Name() == "docker" {
		out, err := exec.Command("docker", "kill", l.sb.Instance().ID()).CombinedOutput()
		if err != nil && !l.affected() {
			l.unforeseen("docker kill", fmt.Errorf("%w: %s", err, out))
		}
		return
	}
	pid, err := first(markVariable + "=" + l.name)
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGKILL)
	}
	if err != nil {
		l.unforeseen("killing a guest", err)
	}
}
