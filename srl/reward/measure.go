package reward

import (
	"context"
	"sync/atomic"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/srl/reward/action"
	"github.com/apprentice-rl/apprentice/srl/reward/difflib"
	"github.com/apprentice-rl/apprentice/srl/reward/patch"
)

// A measure is an expert's action, prepared for one way to compare.
type measure interface {
	// similarity is in [0, 1]. The error is that of ctx, or says that the
	// model's action cannot be compared.
	similarity(ctx context.Context, model format.Output) (float64, error)
}

// measure prepares an expert's action for the comparison that the reward's name
// stands for.
func (r Reward) measure(expert format.Output) (measure, error) {
	switch {
	case r.Name == "paper" || r.Format.Language == format.Text: // there are no calls in text
		return whole{difflib.Index(expert.Action, r.Autojunk)}, nil
	case r.Name == "action":
		return parts{action.Index(expert.Calls)}, nil
	case r.Name == "patch":
		return newChanges(expert.Calls), nil
	}
	text, err := format.Bare(expert.Calls)
	return bare{difflib.Index(text, r.Autojunk)}, err
}

// whole compares the text of the action.
type whole struct{ expert *difflib.Indexed }

func (w whole) similarity(ctx context.Context, model format.Output) (float64, error) {
	return w.expert.Ratio(ctx, model.Action)
}

// bare compares what is left of the action without the wrapper.
type bare struct{ expert *difflib.Indexed }

func (b bare) similarity(ctx context.Context, model format.Output) (float64, error) {
	text, err := format.Bare(model.Calls)
	if err != nil {
		return 0, err
	}
	return b.expert.Ratio(ctx, text)
}

// parts compares the calls part by part.
type parts struct{ expert *action.Indexed }

func (p parts) similarity(ctx context.Context, model format.Output) (float64, error) {
	return p.expert.Similarity(ctx, model.Calls)
}

// changes compares what the calls do to files, if the expert's do anything, and
// else the calls.
type changes struct {
	expert []env.Action
	// What the expert changes is found out by whoever asks first, in its time: that
	// takes long for some edits. The channel has room for one at a time.
	asking   chan struct{}
	prepared atomic.Pointer[measure]
}

func newChanges(expert []env.Action) *changes {
	return &changes{expert: expert, asking: make(chan struct{}, 1)}
}

func (c *changes) similarity(ctx context.Context, model format.Output) (float64, error) {
	m, err := c.measure(ctx)
	if err != nil {
		return 0, err
	}
	return m.similarity(ctx, model)
}

func (c *changes) measure(ctx context.Context) (measure, error) {
	if m := c.prepared.Load(); m != nil {
		return *m, nil
	}
	select {
	case c.asking <- struct{}{}:
		defer func() { <-c.asking }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if m := c.prepared.Load(); m != nil { // meanwhile
		return *m, nil
	}
	change, err := patch.Calls(ctx, c.expert)
	if err != nil {
		return nil, err
	}
	var m measure = edits{patch.Index(change)}
	if len(change) == 0 {
		m = parts{action.Index(c.expert)}
	}
	c.prepared.Store(&m)
	return m, nil
}

// edits compares what the calls do to files.
type edits struct{ expert *patch.Indexed }

func (e edits) similarity(ctx context.Context, model format.Output) (float64, error) {
	change, err := patch.Calls(ctx, model.Calls)
	if err != nil {
		return 0, err
	}
	return e.expert.Similarity(ctx, change)
}
