//go:build linux

package main

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// A contender is one way to do the thing that a table compares. It times what
// counts and leaves out what does not.
type contender struct {
	every int // it takes part in every so many rounds only; 0 means in all
	do    func(ctx context.Context, s *samples) error
}

// samples are durations by name, in the order in which names came up.
type samples struct {
	names []string
	took  map[string][]time.Duration
}

// time does something and keeps how long it took.
func (s *samples) time(name string, do func() error) error {
	began := time.Now()
	if err := do(); err != nil {
		return err
	}
	took := time.Since(began)
	if s.took == nil {
		s.took = map[string][]time.Duration{}
	}
	if _, known := s.took[name]; !known {
		s.names = append(s.names, name)
	}
	s.took[name] = append(s.took[name], took)
	return nil
}

// ending is those of the samples whose names end so.
func (s *samples) ending(suffix string) *samples {
	return &samples{took: s.took, names: slices.DeleteFunc(slices.Clone(s.names), func(name string) bool { return !strings.HasSuffix(name, suffix) })}
}

// longest is how long the rounds of one table may take on a machine that is
// slow or busy; the column n tells of it.
const longest = 12 * time.Minute

// rounds lets all contenders do their thing, round by round. The first rounds
// are for warming up and do not count, but fix the order of names.
func rounds(ctx context.Context, n int, all []contender) (*samples, error) {
	const warm = 2
	s := &samples{}
	for range warm {
		for _, c := range all {
			if err := c.do(ctx, s); err != nil {
				return nil, err
			}
		}
	}
	for name := range s.took {
		s.took[name] = nil
	}
	end := time.Now().Add(longest)
	for i := range n {
		if time.Now().After(end) {
			break
		}
		for _, k := range rand.Perm(len(all)) {
			if e := all[k].every; e > 0 && i%e != 0 {
				continue
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if err := all[k].do(ctx, s); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// A timing sums up the samples of one name.
type timing struct {
	Name string        `json:"name"`
	N    int           `json:"n"`
	P50  time.Duration `json:"p50_ns"`
	P99  time.Duration `json:"p99_ns"`
	Best time.Duration `json:"best_ns"`
}

func (s *samples) timings() []timing {
	var all []timing
	for _, name := range s.names {
		took := slices.Clone(s.took[name])
		if len(took) == 0 {
			continue
		}
		slices.Sort(took)
		all = append(all, timing{Name: name, N: len(took), P50: percentile(took, 50), P99: percentile(took, 99), Best: took[0]})
	}
	return all
}

// percentile is by nearest rank; sorted must not be empty.
func percentile(sorted []time.Duration, p float64) time.Duration {
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[max(rank, 1)-1]
}
