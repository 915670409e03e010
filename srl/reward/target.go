package reward

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/sourcegraph/conc/pool"

	"github.com/apprentice-rl/apprentice/srl/format"
)

// A Score is what a reward says of one output.
type Score struct {
	// Value is the similarity in [0, 1], or FormatError. It is zero and means
	// nothing where NotScored says why there is none.
	Value float64
	// Violation is why Value is FormatError, and empty otherwise.
	Violation format.Violation
	// NotScored is why there is no value, for instance that the time was up. A
	// trainer must leave such an output out: any number would be made up.
	NotScored string
}

// A Target is an expert's action, prepared for the comparison with many outputs.
// It may be used by several goroutines at once.
type Target struct {
	format format.Rules
	calls  int
	expert measure
}

// Target prepares an expert's action, which is text in the reward's language. An
// error says that it cannot be read, or that the reward is none, see Check.
func (r Reward) Target(expert string) (*Target, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	calls, err := r.Format.Language.Calls(expert, nil)
	if err != nil {
		return nil, fmt.Errorf("expert's action: %w", err)
	}
	m, err := r.measure(format.Output{Action: expert, Calls: calls})
	if err != nil {
		return nil, fmt.Errorf("expert's action: %w", err)
	}
	return &Target{format: r.Format, calls: len(calls), expert: m}, nil
}

// Score scores one output, thought and all. An error says that ctx has ended;
// that the limit on time was reached (zero is none) is a Score without a value.
func (t *Target) Score(ctx context.Context, output string, limit time.Duration) (Score, error) {
	if err := ctx.Err(); err != nil {
		return Score{}, err
	}
	read, err := t.format.Read(output, t.calls)
	if v, ok := errors.AsType[format.Violation](err); ok {
		return Score{Value: FormatError, Violation: v}, nil
	}
	if err != nil {
		return Score{}, err
	}
	return within(ctx, limit, func(ctx context.Context) (float64, error) {
		return t.expert.similarity(ctx, read)
	})
}

// within makes a Score of a similarity, if it comes in time.
func within(ctx context.Context, limit time.Duration, similarity func(context.Context) (float64, error)) (Score, error) {
	limited := ctx
	if limit > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	v, err := similarity(limited)
	switch {
	case err == nil:
		return Score{Value: v}, nil
	case ctx.Err() != nil:
		return Score{}, ctx.Err()
	case limited.Err() != nil:
		return Score{NotScored: LimitReached(limit)}, nil
	}
	return Score{}, fmt.Errorf("model's action: %w", err)
}

// LimitReached is what Score.NotScored says of a limit on time.
func LimitReached(limit time.Duration) string {
	return fmt.Sprintf("time limit of %s reached", limit)
}

// Group scores the outputs of one group, on all processors, in their order.
func (t *Target) Group(ctx context.Context, outputs []string, limit time.Duration) ([]Score, error) {
	scores := make([]Score, len(outputs))
	p := pool.New().WithMaxGoroutines(runtime.GOMAXPROCS(0)).WithContext(ctx).WithCancelOnError().WithFirstError()
	for i, output := range outputs {
		p.Go(func(ctx context.Context) (err error) {
			scores[i], err = t.Score(ctx, output, limit)
			return err
		})
	}
	if err := p.Wait(); err != nil {
		return nil, err
	}
	return scores, nil
}
