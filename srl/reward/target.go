package reward

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sourcegraph/conc/pool"

	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/srl/reward/difflib"
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
	reward Reward
	calls  int
	index  *difflib.Indexed
}

// Target prepares an expert's action, which is text in the reward's language. An
// error says that it cannot be read, or that the reward has a setting that does
// not exist.
func (r Reward) Target(expert string) (*Target, error) {
	calls, err := r.Format.Language.Calls(expert, nil)
	if err != nil {
		return nil, fmt.Errorf("expert's action: %w", err)
	}
	want, err := r.compared(expert, calls)
	if err != nil {
		return nil, fmt.Errorf("expert's action: %w", err)
	}
	return &Target{reward: r, calls: len(calls), index: difflib.Index(want, r.Autojunk)}, nil
}

// Score scores one output, thought and all. An error says that ctx has ended;
// that the limit on time was reached (zero is none) is a Score without a value.
func (t *Target) Score(ctx context.Context, output string, limit time.Duration) (Score, error) {
	if err := ctx.Err(); err != nil {
		return Score{}, err
	}
	read, err := t.reward.Format.Read(output, t.calls)
	if v, ok := errors.AsType[format.Violation](err); ok {
		return Score{Value: FormatError, Violation: v}, nil
	}
	if err != nil {
		return Score{}, err
	}
	got, err := t.reward.compared(read.Action, read.Calls)
	if err != nil {
		return Score{}, fmt.Errorf("model's action: %w", err)
	}
	return Score{Value: t.index.Compare(got).Ratio}, nil
}

// Group scores the outputs of one group, on all processors, in their order.
func (t *Target) Group(ctx context.Context, outputs []string, limit time.Duration) ([]Score, error) {
	scores := make([]Score, len(outputs))
	p := pool.New().WithContext(ctx).WithCancelOnError().WithFirstError()
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
