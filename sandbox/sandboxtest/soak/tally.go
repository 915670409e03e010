//go:build linux

package main

import (
	"fmt"
	"maps"
	"slices"
)

// A tally is what a worker has done, and what went wrong. Workers send theirs
// as JSON, one a line.
type tally struct {
	Live       int            `json:"live"`
	Started    map[string]int `json:"started"`  // by driver
	Ended      map[string]int `json:"ended"`    // by how
	Actions    map[string]int `json:"actions"`  // by kind
	Expected   map[string]int `json:"expected"` // errors, by what explains them
	Unexpected map[string]int `json:"unexpected"`
	Leaks      []string       `json:"leaks,omitempty"`
}

func newTally() tally {
	return tally{Started: map[string]int{}, Ended: map[string]int{}, Actions: map[string]int{}, Expected: map[string]int{}, Unexpected: map[string]int{}}
}

func (t *tally) add(o tally) {
	t.Live += o.Live
	for _, m := range []struct{ to, from map[string]int }{
		{t.Started, o.Started}, {t.Ended, o.Ended}, {t.Actions, o.Actions}, {t.Expected, o.Expected}, {t.Unexpected, o.Unexpected},
	} {
		for k, n := range m.from {
			m.to[k] += n
		}
	}
	t.Leaks = append(t.Leaks, o.Leaks...)
}

func total(m map[string]int) int {
	n := 0
	for _, v := range m {
		n += v
	}
	return n
}

func (t tally) line() string {
	return fmt.Sprintf("%d sandboxes now, %d started, %d ended, %d actions; errors: %d expected, %d unexpected",
		t.Live, total(t.Started), total(t.Ended), total(t.Actions), total(t.Expected), total(t.Unexpected))
}

// report prints the sum of it all; its error says that the soak has failed.
func (c *conductor) report() error {
	t := c.tally()
	fmt.Fprintf(c.out, "\n| what | how many |\n|---|--:|\n")
	for _, group := range []struct {
		what   string
		counts map[string]int
	}{
		{"started", t.Started}, {"ended", t.Ended}, {"action", t.Actions}, {"expected error", t.Expected}, {"UNEXPECTED error", t.Unexpected},
	} {
		for _, k := range slices.Sorted(maps.Keys(group.counts)) {
			fmt.Fprintf(c.out, "| %s: %s | %d |\n", group.what, k, group.counts[k])
		}
	}
	faults := append(c.faults, t.Leaks...)
	for _, f := range faults {
		fmt.Fprintf(c.out, "| LEFT: %s | 1 |\n", f)
	}
	fmt.Fprintln(c.out)
	if n := total(t.Unexpected); n > 0 || len(faults) > 0 {
		return fmt.Errorf("%d unexpected errors, and %d things left", n, len(faults))
	}
	c.say("nothing is left (container, process, state, control group, mount, temporary file, descriptor, goroutine), and nothing unexpected has happened")
	return nil
}
