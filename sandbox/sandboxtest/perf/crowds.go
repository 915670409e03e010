//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sourcegraph/conc/pool"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
)

// A crowd is many sandboxes of one driver at once.
type crowd struct {
	Driver     string        `json:"driver"`
	Sandboxes  int           `json:"sandboxes"`
	Starts     float64       `json:"starts_per_second"`
	Closes     float64       `json:"closes_per_second"`
	Ours       int64         `json:"our_bytes_per_sandbox"`   // growth of this process, while all are idle
	Guests     int64         `json:"guest_bytes_per_sandbox"` // of all processes inside
	Actions    float64       `json:"actions_per_second"`      // all together
	Host       float64       `json:"host_per_second"`         // fork+exec on all cores, just before
	P50        time.Duration `json:"action_p50_ns"`
	P99        time.Duration `json:"action_p99_ns"`
	Goroutines float64       `json:"goroutines_per_sandbox"`
}

const (
	crowdTime = 3 * time.Second // that actions are counted
	starters  = 8               // sandboxes that are started or closed at a time
)

func (b *bench) crowds(ctx context.Context) error {
	for _, size := range []int{1, 8, 64, 256} {
		for _, d := range b.drivers() {
			if d == b.docker && size > 64 {
				continue // a minute and more, for a figure that does not change
			}
			b.say("crowds: %d on %s", size, d.Name())
			c, err := b.crowd(ctx, d, size)
			if err != nil {
				return err
			}
			b.results.Crowds = append(b.results.Crowds, c)
		}
	}
	head := []string{"driver", "sandboxes", "starts/s", "closes/s", "our memory each", "goroutines each", "guest memory each", "actions/s in all", "fork+exec/s on all cores", "ratio", "action p50", "p99"}
	var rows [][]string
	for _, c := range b.results.Crowds {
		rows = append(rows, []string{
			c.Driver, fmt.Sprint(c.Sandboxes), fmt.Sprintf("%.1f", c.Starts), fmt.Sprintf("%.1f", c.Closes),
			kib(c.Ours), fmt.Sprintf("%.1f", c.Goroutines), kib(c.Guests),
			fmt.Sprintf("%.0f", c.Actions), fmt.Sprintf("%.0f", c.Host), fmt.Sprintf("%.2f×", c.Actions/c.Host), ms(c.P50), ms(c.P99),
		})
	}
	b.print("Many at once, each with one action after another", head, rows)
	return nil
}

func kib(n int64) string { return fmt.Sprintf("%d KiB", n>>10) }

// hostRate is how many bare fork+exec of `true` the machine does in a second.
func hostRate(ctx context.Context) (float64, error) {
	done, elapsed, err := repeat(ctx, time.Second, runtime.NumCPU(), func(int) error { return startTrue(nil) })
	return float64(len(done)) / elapsed.Seconds(), err
}

// crowd measures one.
func (b *bench) crowd(ctx context.Context, d sandbox.Driver, size int) (c crowd, err error) {
	c = crowd{Driver: d.Name(), Sandboxes: size}
	before, routines := ourMemory(), runtime.NumGoroutine()

	all := make([]*guest.Sandbox, size)
	var closing sync.Once
	var closed time.Duration
	closeAll := func() (err error) {
		closing.Do(func() {
			began := time.Now()
			p := pool.New().WithErrors().WithMaxGoroutines(starters)
			for _, sb := range all {
				if sb != nil {
					p.Go(sb.Close)
				}
			}
			err = p.Wait()
			closed = time.Since(began)
		})
		return err
	}
	defer func() { err = errors.Join(err, closeAll()) }()

	began := time.Now()
	p := pool.New().WithContext(ctx).WithCancelOnError().WithMaxGoroutines(starters)
	for i := range all {
		p.Go(func(ctx context.Context) (err error) {
			if all[i], err = guest.Open(ctx, d, b.spec()); err != nil {
				return err
			}
			return runTrue(ctx, all[i])
		})
	}
	if err := p.Wait(); err != nil {
		return c, err
	}
	c.Starts = float64(size) / time.Since(began).Seconds()
	c.Ours = max(ourMemory()-before, 0) / int64(size)
	c.Goroutines = float64(runtime.NumGoroutine()-routines) / float64(size)
	if c.Guests, err = guestMemory(all); err != nil {
		return c, err
	}
	c.Guests /= int64(size)

	if c.Host, err = hostRate(ctx); err != nil {
		return c, err
	}
	took, elapsed, err := repeat(ctx, crowdTime, size, func(i int) error { return runTrue(ctx, all[i]) })
	if err != nil {
		return c, err
	}
	c.Actions = float64(len(took)) / elapsed.Seconds()
	c.P50, c.P99 = percentile(took, 50), percentile(took, 99)
	if err := closeAll(); err != nil {
		return c, err
	}
	c.Closes = float64(size) / closed.Seconds()
	return c, nil
}

// repeat lets so many goroutines do something over and over for a while, and
// returns how long each took, sorted.
func repeat(ctx context.Context, length time.Duration, goroutines int, do func(i int) error) ([]time.Duration, time.Duration, error) {
	var mu sync.Mutex
	var took []time.Duration
	var over atomic.Bool
	timer := time.AfterFunc(length, func() { over.Store(true) })
	defer timer.Stop()
	began := time.Now()
	p := pool.New().WithErrors()
	for i := range goroutines {
		p.Go(func() error {
			var mine []time.Duration
			for !over.Load() {
				if err := ctx.Err(); err != nil {
					return err
				}
				start := time.Now()
				if err := do(i); err != nil {
					return err
				}
				mine = append(mine, time.Since(start))
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
			return nil
		})
	}
	err := p.Wait()
	slices.Sort(took)
	return took, time.Since(began), err
}
