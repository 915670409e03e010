package reward

import (
	"context"

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
		return changes(expert)
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

// edits compares what the calls do to files.
type edits struct{ expert *patch.Indexed }

func (e edits) similarity(ctx context.Context, model format.Output) (float64, error) {
	change, err := patch.Calls(ctx, model.Calls)
	if err != nil {
		return 0, err
	}
	return e.expert.Similarity(ctx, change)
}

// changes compares edits, if the expert's action is one.
func changes(expert format.Output) (measure, error) {
	change, err := patch.Calls(context.Background(), expert.Calls)
	if err != nil {
		return nil, err
	}
	if len(change) == 0 {
		return parts{action.Index(expert.Calls)}, nil
	}
	return edits{patch.Index(change)}, nil
}
