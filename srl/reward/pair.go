package reward

import (
	"context"
	"strings"
	"time"

	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/srl/reward/patch"
)

// Pair scores a model's text against an expert's, one pair by itself, with the
// reward of a name. An empty language is found out from the expert's text. The
// limit is that of Target.Score.
//
// For bare and paper this is Score: the model's text is an output that has to
// be in the format. For action and patch the texts are actions to be measured,
// in [0, 1]: a thought may stand before the model's, and what is no action at
// all scores 0, with the Violation that says why.
//
// With patch, both texts may also be changes: unified diffs, or SEARCH/REPLACE
// blocks, see package patch. A model's text that is none changes nothing.
//
// An error is never the model's fault: ctx has ended, there is no such reward
// or language, or the expert's text cannot be read.
func Pair(ctx context.Context, name string, l format.Language, model, expert string, limit time.Duration) (Score, error) {
	found := l
	if l == "" {
		found = languageOf(expert)
	}
	r, err := Named(name, found)
	if err != nil {
		return Score{}, err
	}
	if name == "patch" && l == "" {
		if s, ok, err := diffs(ctx, model, expert, limit); ok || err != nil {
			return s, err
		}
	}
	t, err := r.Target(expert)
	if err != nil {
		return Score{}, err
	}
	if name != "action" && name != "patch" {
		return t.Score(ctx, model, limit)
	}
	if _, action, thought := strings.Cut(model, "</think>"); thought {
		if _, err := found.Calls(model, nil); err != nil { // else the tag is in an argument
			model = action
		}
	}
	s, err := t.Score(ctx, format.Write("", model), limit)
	if s.Violation != "" {
		s.Value = 0
	}
	return s, err
}

// languageOf finds out the language of an action: the one in which it can be
// read, or xml if it cannot be read in any.
func languageOf(action string) format.Language {
	for _, l := range []format.Language{format.XML, format.JSON, format.Bash} {
		if _, err := l.Calls(action, nil); err == nil {
			return l
		}
	}
	return format.XML
}

// diffs compares two texts as changes; ok is false if the expert's is none.
func diffs(ctx context.Context, model, expert string, limit time.Duration) (s Score, ok bool, err error) {
	if _, err := languageOf(expert).Calls(expert, nil); err == nil {
		return Score{}, false, nil // an action, which may have a diff in it
	}
	s, err = within(ctx, limit, func(ctx context.Context) (float64, error) {
		want, is, err := patch.Read(ctx, expert)
		if ok = is || strings.TrimSpace(expert) == ""; !ok || err != nil {
			return 0, err
		}
		got, _, err := patch.Read(ctx, model)
		if err != nil {
			return 0, err
		}
		return patch.Index(want).Similarity(ctx, got)
	})
	// What was given up on before it was read is no action either.
	return s, ok || s.NotScored != "", err
}
