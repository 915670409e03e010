// Package stats measures how well rewards tell right actions from wrong ones, on
// step examples, so that a reward and the threshold of the group filter can be
// chosen from evidence.
//
// No model is at hand when a reward is chosen, so what is scored against an
// expert's action are answers of which it is known how right they are: the
// action itself, the same written otherwise, or with one word changed; and
// what the expert did at other steps, of the same task or of another one. See
// [Class].
//
//   - The AUC is how often a nearly right answer ([Rewritten], [OneWord]) scores
//     higher than a wrong one ([SameTaskSameTool], [SameTaskOtherTool]) to the
//     same example; equal scores count half. It is taken within each example and
//     then averaged, because a trainer compares answers to one prompt and never
//     those to different ones. 0.5 is chance. The expert's action itself is left
//     out: every reward gives it 1.
//   - The floor is the mean score of unrelated answers: those of other tasks.
//     What a reward gives to everyone it cannot give to the better one.
//   - The spread is the population standard deviation of a simulated group of
//     rollouts, see [Mix]; the share of groups whose spread exceeds ε is what the
//     filter keeps.
//
// Errors are standard errors that take the examples of one task as one
// observation: they are alike.
//
// What all of this cannot tell is what a model will answer. Package stats reads
// the rewards of real groups, too, see [Scored].
package stats

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/sourcegraph/conc/pool"

	"github.com/apprentice-rl/apprentice/srl"
	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/srl/reward"
	"github.com/apprentice-rl/apprentice/trajectories/behaviour"
)

// Options say what is measured.
type Options struct {
	// Rewards are given the language of each example and return what scores it.
	Rewards []func(format.Language) (reward.Reward, error)
	// Examples is how many are measured, drawn from the sample; zero means all.
	Examples int
	// Group is the size of simulated groups; zero means 8, as in the paper.
	Group int
	// Epsilons are thresholds of the group filter; none means [Epsilons].
	Epsilons []float64
	// Limit is the time for one score; zero means 2 s. What takes longer is
	// counted and left out.
	Limit time.Duration
	// Parallel is how many examples are measured at once; zero means one for each
	// processor.
	Parallel int
	// Done is told of each example that was measured. It may be nil, and is called
	// from several goroutines.
	Done func()
}

// Epsilons returns the thresholds that reports show if none are asked for.
func Epsilons() []float64 { return []float64{0, 0.0001, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1} }

// An ExampleError says that nothing can be scored against an example's action.
type ExampleError struct {
	ID  string
	Err error
}

func (e *ExampleError) Error() string { return fmt.Sprintf("example %s: %v", e.ID, e.Err) }

func (e *ExampleError) Unwrap() error { return e.Err }

// A measured example is the scores of the answers to it.
type measured struct {
	example srl.Example
	rewards []scored // one for each reward
}

// scored is what one reward says of them.
type scored struct {
	name      string
	version   int
	answers   []score // as they were drawn
	notScored int
}

type score struct {
	class Class
	value float64
}

// Measure scores answers to the examples of a sample, and returns what that says
// of the rewards. The same sample, seed and options give the same report, as
// long as no score is given up for its time.
func Measure(ctx context.Context, s *Sample, o Options) (Report, error) {
	o.Group = cmp.Or(o.Group, 8)
	o.Limit = cmp.Or(o.Limit, 2*time.Second)
	if len(o.Epsilons) == 0 {
		o.Epsilons = Epsilons()
	}
	examples := s.all()
	p := newAnswers(examples)
	n := len(examples)
	if o.Examples > 0 {
		n = min(n, o.Examples)
	}
	results := make([]measured, n)
	work := pool.New().WithContext(ctx).WithCancelOnError().WithFirstError().
		WithMaxGoroutines(cmp.Or(o.Parallel, runtime.GOMAXPROCS(0)))
	for i := range n {
		work.Go(func(ctx context.Context) (err error) {
			if results[i], err = p.measure(ctx, i, s.seed, o); err != nil {
				return err
			}
			if o.Done != nil {
				o.Done()
			}
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		return Report{}, err
	}
	r := report(results, o)
	r.Seed, r.Examples, r.Tasks, r.LeftOut = s.seed, s.read, len(s.names), s.read-len(examples)
	return r, nil
}

// measure scores the answers to one example with each reward.
func (p *answers) measure(ctx context.Context, at int, seed uint64, o Options) (measured, error) {
	e := p.examples[at]
	list := p.draw(at, o.Group, rand.New(rand.NewPCG(seed, hashOf(seed, e.ID))))
	m := measured{example: e}
	for _, named := range o.Rewards {
		r, err := named(e.Reward.Format.Language)
		if err != nil {
			return m, &ExampleError{ID: e.ID, Err: err}
		}
		r.Format = e.Reward.Format
		t, err := r.Target(e.Action)
		if err != nil {
			return m, &ExampleError{ID: e.ID, Err: err}
		}
		s := scored{name: r.Name, version: r.Version}
		for _, a := range list {
			got, err := t.Score(ctx, format.Write("", a.action), o.Limit)
			if err != nil {
				return m, fmt.Errorf("example %s: %w", e.ID, err)
			}
			if got.NotScored != "" {
				s.notScored++
				continue
			}
			s.answers = append(s.answers, score{a.class, got.Value})
		}
		m.rewards = append(m.rewards, s)
	}
	return m, nil
}

// of returns the scores of several classes.
func (s scored) of(classes ...Class) []float64 {
	var list []float64
	for _, a := range s.answers {
		if slices.Contains(classes, a.class) {
			list = append(list, a.value)
		}
	}
	return list
}

func (s scored) near() []float64      { return s.of(Rewritten, OneWord) }
func (s scored) wrong() []float64     { return s.of(SameTaskSameTool, SameTaskOtherTool) }
func (s scored) unrelated() []float64 { return s.of(OtherTaskSameTool, OtherTaskOtherTool) }

// kind is what an example's action is mainly for.
func kind(e srl.Example) string {
	if len(e.Calls) == 0 {
		return "text"
	}
	return string(behaviour.Main(behaviour.Classify(e.Calls[0].Tool, e.Calls[0].Arguments)).Kind)
}

// length names the length of an example's action, in characters. From 200 on, a
// reward with autojunk works differently.
func length(e srl.Example) string {
	switch n := utf8.RuneCountInString(e.Action); {
	case n < 100:
		return "below 100"
	case n < 200:
		return "100 to 199"
	case n < 500:
		return "200 to 499"
	case n < 1000:
		return "500 to 999"
	}
	return "1000 and more"
}

func lengths() []string {
	return []string{"below 100", "100 to 199", "200 to 499", "500 to 999", "1000 and more"}
}
