// Command perf measures comparisons beside the other implementations of Python's
// difflib, on the same pairs, in the same run and in turns, and prints tables.
//
//	go run ./srl/reward/difflib/perf -python PYTHON
//
// PYTHON has cydifflib and difflib-fast installed; 'make perf-reward' sees to
// that. A time is processor time of one thread: of each pair the least of some
// rounds, of a set the mean over its pairs. With APPRENTICE_TESTDATA set, there are
// pairs of real texts, too: what agents were shown, and what they did, in
// published trajectories.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/srl/reward/difflib"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var o options
	flag.StringVar(&o.python, "python", "python3", "a Python that has the peers")
	flag.StringVar(&o.only, "only", "", "sets whose name, such as '2000 far real off', matches this expression")
	flag.IntVar(&o.rounds, "rounds", 5, "how often each pair has its turn")
	slow := flag.Bool("slow", true, "measure CPython and cydifflib, too")
	seed := flag.Uint64("seed", 1, "of the texts")
	flag.Parse()
	o.peers = []string{"CPython", "cydifflib", "difflib-fast"}
	if !*slow {
		o.peers = o.peers[2:]
	}
	if err := run(ctx, o, rand.New(rand.NewPCG(*seed, 0))); err != nil {
		fmt.Fprintln(os.Stderr, "perf:", err)
		stop()
		os.Exit(1)
	}
}

type options struct {
	python, only string
	peers        []string
	rounds       int
}

func run(ctx context.Context, o options, random *rand.Rand) error {
	only, err := regexp.Compile(o.only)
	if err != nil {
		return err
	}
	texts, err := published()
	if err != nil {
		return err
	}
	var sets []*set
	for _, points := range []int{200, 2000, 8000, 16000} {
		for _, autojunk := range []bool{false, true} {
			sets = append(sets, pairs(random, texts.shown, points, autojunk)...)
		}
	}
	for _, autojunk := range []bool{false, true} {
		sets = append(sets, actions(random, texts.done, autojunk)...)
	}
	sets = append(sets, hard()...)
	sets = slices.DeleteFunc(sets, func(s *set) bool { return len(s.pairs) == 0 || !only.MatchString(s.String()) })

	python, err := start(ctx, o.python)
	if err != nil {
		return err
	}
	for _, s := range sets {
		if err := s.measure(python, o); err != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, s)
	}
	if err := python.stop(); err != nil {
		return err
	}
	if err := table(sets, o.peers); err != nil {
		return err
	}
	for _, autojunk := range []bool{false, true} {
		if err := step(ctx, random, texts.shown, autojunk); err != nil {
			return err
		}
	}
	return nil
}

// times are the least time of each pair; less than all where it takes too long.
type times []time.Duration

func (t *times) note(i int, took time.Duration) {
	if i == len(*t) {
		*t = append(*t, took)
	}
	(*t)[i] = min((*t)[i], took)
}

// measure measures the set's pairs in turns.
func (s *set) measure(python *peers, o options) error {
	s.theirs = map[string]*times{}
	for _, name := range o.peers {
		s.theirs[name] = &times{}
	}
	for round := range o.rounds {
		for i, p := range s.pairs {
			s.ours.note(i, least(func() { difflib.Compare(p.a, p.b, s.autojunk) }))
			for _, name := range o.peers {
				t := s.theirs[name]
				// Of what takes a second there is one pair, once.
				if len(*t) > 0 && slices.Max(*t) > time.Second && (round > 0 || i > 0) {
					continue
				}
				took, ok, err := python.ask(name, p, s.autojunk)
				if err != nil {
					return err
				}
				if ok {
					t.note(i, took)
				}
			}
		}
	}
	return nil
}

// least is the least time of one call, of batches that take 0.2 ms, in 5 ms.
func least(f func()) time.Duration {
	best, batch := time.Duration(1<<62), 1
	for spent := time.Duration(0); spent < 5*time.Millisecond; {
		start := busy()
		for range batch {
			f()
		}
		took := busy() - start
		spent, best = spent+took, min(best, took/time.Duration(batch))
		batch = max(1, int(200*time.Microsecond/max(best, 1)))
	}
	return best
}

// busy is the processor time of this process.
func busy() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

func table(sets []*set, names []string) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	fmt.Fprint(w, "| code points\t| texts\t| autojunk\t| this\t")
	for _, n := range names {
		fmt.Fprintf(w, "| %s\t", n)
	}
	fmt.Fprintln(w, "|")
	fmt.Fprintf(w, "|--:\t|---\t|---\t|%s|\n", strings.Repeat("--:\t|", len(names))+"--:\t")
	for _, s := range sets {
		fmt.Fprintf(w, "| %s\t| %s\t| %s\t| %s\t", s.points, s.name, onOff(s.autojunk), short(mean(s.ours)))
		for _, n := range names {
			theirs := *s.theirs[n]
			if len(theirs) == 0 {
				fmt.Fprint(w, "| \t")
				continue
			}
			times := float64(mean(theirs)) / float64(mean(s.ours[:len(theirs)]))
			fmt.Fprintf(w, "| %s, %s×\t", short(mean(theirs)), digits(times))
		}
		fmt.Fprintln(w, "|")
	}
	return w.Flush()
}

func mean(t times) time.Duration {
	sum := time.Duration(0)
	for _, d := range t {
		sum += d
	}
	return sum / time.Duration(max(len(t), 1))
}

func onOff(on bool) string { return map[bool]string{false: "off", true: "on"}[on] }

// digits writes x with three digits that count, and no exponent.
func digits(x float64) string {
	if x >= 999.5 {
		s := fmt.Sprintf("%.0f", x)
		return s[:len(s)-3] + "," + s[len(s)-3:]
	}
	return fmt.Sprintf("%.3g", x)
}

func short(d time.Duration) string {
	unit := time.Second
	for _, u := range []time.Duration{time.Millisecond, time.Microsecond} {
		if d < unit {
			unit = u
		}
	}
	name := map[time.Duration]string{time.Second: "s", time.Millisecond: "ms", time.Microsecond: "µs"}[unit]
	return digits(float64(d)/float64(unit)) + " " + name
}
