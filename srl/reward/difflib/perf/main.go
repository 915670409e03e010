// Command perf measures comparisons beside the other implementations of Python's
// difflib, on the same pairs and in the same run, and prints a table.
//
//	go run ./srl/reward/difflib/perf -python PYTHON
//
// PYTHON has cydifflib and difflib-fast installed; 'make perf-reward' sees to
// that. Times are medians of processor time, of one thread. With
// APPRENTICE_TESTDATA set, there are pairs of real texts, too: what agents were
// shown in published trajectories.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/srl/reward/difflib"
)

//go:embed peers.py
var peers string

// A set is the pairs of one row of the table.
type set struct {
	Name     string `json:"name"`
	Points   int    `json:"points"`
	Autojunk bool   `json:"autojunk"`
	Pairs    []pair `json:"pairs"`
}

type pair struct {
	A string `json:"a"`
	B string `json:"b"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	python := flag.String("python", "python3", "a Python that has the peers")
	seed := flag.Uint64("seed", 1, "of the texts")
	flag.Parse()
	if err := run(ctx, *python, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "perf:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, python string, seed uint64) error {
	random := rand.New(rand.NewPCG(seed, 0))
	texts, err := realTexts()
	if err != nil {
		return err
	}
	var sets []set
	for _, points := range []int{200, 2000, 8000, 16000} {
		for _, autojunk := range []bool{false, true} {
			sets = append(sets, made(random, texts, points, autojunk)...)
		}
	}
	before := ours(sets)
	theirs, err := ask(ctx, python, sets)
	if err != nil {
		return err
	}
	after := ours(sets)
	return table(sets, before, after, theirs)
}

// made makes the pairs of one size. A pair is near where the model has changed
// one word of twenty, and far where it has written something else.
func made(random *rand.Rand, texts []string, points int, autojunk bool) []set {
	const pairs = 5
	sets := []set{
		{Name: "near", Points: points, Autojunk: autojunk},
		{Name: "far", Points: points, Autojunk: autojunk},
	}
	for range pairs {
		expert := code(random, points)
		sets[0].Pairs = append(sets[0].Pairs, pair{edited(random, expert), expert})
		sets[1].Pairs = append(sets[1].Pairs, pair{code(random, points), expert})
	}
	long := slices.DeleteFunc(slices.Clone(texts), func(s string) bool { return len(s) < points })
	if len(long) == 0 {
		return sets
	}
	near, far := set{Name: "near, real", Points: points, Autojunk: autojunk}, set{Name: "far, real", Points: points, Autojunk: autojunk}
	for range pairs {
		a, b := part(random, long, points), part(random, long, points)
		near.Pairs = append(near.Pairs, pair{edited(random, b), b})
		far.Pairs = append(far.Pairs, pair{a, b})
	}
	return append(sets, near, far)
}

// part returns a stretch of one of the texts.
func part(random *rand.Rand, texts []string, points int) string {
	s := texts[random.IntN(len(texts))]
	from := random.IntN(len(s) - points + 1)
	return s[from : from+points]
}

// code returns text that looks like source code.
func code(random *rand.Rand, points int) string {
	words := strings.Fields("self return if not else for in range None def value index result self.assertEqual path open name items key " +
		"append join split strip = == + ( ) [ ] : , import os sys re data config error")
	var b strings.Builder
	for b.Len() < points {
		for range 3 + random.IntN(6) {
			b.WriteString(words[random.IntN(len(words))])
			if random.IntN(3) == 0 {
				fmt.Fprintf(&b, "_%x", random.IntN(1<<12))
			}
			b.WriteByte(' ')
		}
		b.WriteString("\n" + strings.Repeat("    ", random.IntN(4)))
	}
	return b.String()[:points]
}

// edited returns a text with one word of twenty in another form.
func edited(random *rand.Rand, s string) string {
	words := strings.Split(s, " ")
	for i, w := range words {
		if random.IntN(20) == 0 {
			words[i] = strings.ToUpper(w) + "_new"
		}
	}
	return strings.Join(words, " ")
}

// measured is the median time of each set, in the order of sets; 0 means that
// the implementation does not do it.
type measured []time.Duration

// ours measures this package.
func ours(sets []set) measured {
	var all measured
	for _, s := range sets {
		var times []time.Duration
		for _, p := range s.Pairs {
			times = append(times, median(func() { difflib.Compare(p.A, p.B, s.Autojunk) }))
		}
		slices.Sort(times)
		all = append(all, times[len(times)/2])
	}
	return all
}

// median is that of the times of f, of as many as are made in a tenth of a
// second, and at least three.
func median(f func()) time.Duration {
	const enough, least, most = 100 * time.Millisecond, 3, 200
	var times []time.Duration
	var sum time.Duration
	for len(times) < least || sum < enough && len(times) < most {
		start := busy()
		f()
		took := busy() - start
		times, sum = append(times, took), sum+took
	}
	slices.Sort(times)
	return times[len(times)/2]
}

// busy is the processor time of this process.
func busy() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// ask has the peers measured, each by its name.
func ask(ctx context.Context, python string, sets []set) (map[string]measured, error) {
	in, err := json.Marshal(sets)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, python, "-c", peers)
	cmd.Stdin, cmd.Stderr = strings.NewReader(string(in)), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("asking Python's implementations: %w; 'make perf-reward' installs them", err)
	}
	var seconds map[string][]float64
	if err := json.Unmarshal(out, &seconds); err != nil {
		return nil, err
	}
	theirs := map[string]measured{}
	for name, all := range seconds {
		for _, s := range all {
			theirs[name] = append(theirs[name], time.Duration(s*float64(time.Second)))
		}
		if len(all) != len(sets) {
			return nil, errors.New(name + " has not measured all pairs")
		}
	}
	return theirs, nil
}

func table(sets []set, before, after measured, theirs map[string]measured) error {
	names := []string{"CPython", "cydifflib", "difflib-fast"}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	fmt.Fprint(w, "| code points\t| texts\t| autojunk\t| this\t")
	for _, n := range names {
		fmt.Fprintf(w, "| %s\t", n)
	}
	fmt.Fprintln(w, "|")
	fmt.Fprintf(w, "|--:\t|---\t|---\t|%s|\n", strings.Repeat("--:\t|", len(names))+"--:\t")
	for i, s := range sets {
		mine := (before[i] + after[i]) / 2
		fmt.Fprintf(w, "| %d\t| %s\t| %s\t| %s\t", s.Points, s.Name, map[bool]string{false: "off", true: "on"}[s.Autojunk], short(mine))
		for _, n := range names {
			if t := theirs[n][i]; t > 0 {
				fmt.Fprintf(w, "| %s, %.3g×\t", short(t), float64(t)/float64(mine))
			} else {
				fmt.Fprint(w, "| \t")
			}
		}
		fmt.Fprintln(w, "|")
	}
	return w.Flush()
}

func short(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%.3g µs", float64(d)/float64(time.Microsecond))
	case d < time.Second:
		return fmt.Sprintf("%.3g ms", float64(d)/float64(time.Millisecond))
	}
	return fmt.Sprintf("%.3g s", d.Seconds())
}
