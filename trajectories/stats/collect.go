package stats

import (
	"context"
	"iter"
	"sync"

	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

// Options are what Collect is asked for.
type Options struct {
	Workers  int // trajectories that are read at a time; at least 1
	Classify Classify
	// Group names the group of an episode. Nil means that all are in one, "".
	Group func(Episode) string
	// Forgive is asked about the error of a trajectory: it returns nil where the
	// others are to be counted without that one, or else the error to end with.
	// It may be nil, and is called from one goroutine at a time.
	Forgive func(error) error
	// Done is told of each trajectory that was read. It may be nil, and is called
	// from one goroutine at a time.
	Done func()
}

// A piece is one trajectory to read.
type piece struct {
	place int
	from  formats.Source
}

// Collect reads trajectories, several at a time, and adds them up by groups. The
// sources are asked for in their order from one goroutine. Of several errors,
// that of the first source that has one is returned, however the work was shared
// out.
func Collect(ctx context.Context, sources iter.Seq2[formats.Source, error], o Options) (map[string]*Stats, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := collection{options: o, groups: map[string]*Stats{}, stop: cancel}
	work := make(chan piece)
	var workers sync.WaitGroup
	for range max(1, o.Workers) {
		workers.Go(func() { c.work(work) })
	}
	place := 0
feed:
	for from, err := range sources {
		if place++; err != nil {
			if c.failed(place, err) {
				break
			}
			continue
		}
		select {
		case work <- piece{place, from}:
		case <-ctx.Done():
			break feed
		}
	}
	close(work)
	workers.Wait()
	if c.err == nil {
		c.err = ctx.Err()
	}
	return c.groups, c.err
}

// A collection is what the workers share.
type collection struct {
	options Options
	stop    func() // no more pieces

	mu     sync.Mutex
	groups map[string]*Stats
	err    error
	place  int // of the source that has the error
}

// work reads pieces until there are none. Each worker has sums of its own, which
// are put together at the end: they are whole numbers, so who read what does not
// show.
func (c *collection) work(pieces <-chan piece) {
	groups := map[string]*Stats{}
	for p := range pieces {
		e, err := Of(p.from, c.options.Classify)
		if err != nil {
			c.failed(p.place, err)
			continue
		}
		name := ""
		if c.options.Group != nil {
			name = c.options.Group(e)
		}
		if groups[name] == nil {
			groups[name] = &Stats{}
		}
		groups[name].Add(e)
		c.done()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, s := range groups {
		if c.groups[name] == nil {
			c.groups[name] = &Stats{}
		}
		c.groups[name].Merge(s)
	}
}

func (c *collection) done() {
	if c.options.Done != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.options.Done()
	}
}

// failed takes the error of a source, and reports whether it ends the
// collection.
func (c *collection) failed(place int, err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.options.Forgive != nil {
		if err = c.options.Forgive(err); err == nil {
			return false
		}
	}
	if c.err == nil || place < c.place {
		c.err, c.place = err, place
	}
	c.stop()
	return true
}
