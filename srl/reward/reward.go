// Package reward scores what a model did in one step against what an expert
// did there.
//
// The reward of SRL (arXiv 2510.25992) is the similarity of the two actions by
// Python's difflib, in [0, 1], and -1 if the model's output breaks the format.
// It is dense: a nearly right action earns nearly everything. What is compared
// is left open by the paper and changes the numbers, so a [Reward] is a named
// and versioned set of choices that goes into every record which it made:
//
//   - the order is the model's text, then the expert's (the paper writes
//     R(y', y), and the measure is not symmetric);
//   - the elements are code points;
//   - autojunk, difflib's rule for popular elements, is on or off;
//   - the wrapper, the syntax of the action language around the command, is
//     kept or stripped;
//   - the rules of package format say what breaks the format.
//
// Two are ready. [Paper] is what the paper's words and figures say when taken
// literally: difflib as it is called plainly, which is with autojunk, on the
// whole text of the action. [Bare] is the one to use unless the paper is to be
// repeated; it differs twice.
//
// Autojunk is off, as in SWE-RL. With it, the reward jumps where the expert's
// action reaches 200 characters, which 28 % of the actions in SWE-smith's
// published sample do: an action of 481 characters with one letter changed in
// each of 30 lines scores 0.154 with autojunk and 0.938 without, and swapping
// the order moves the ratio by up to 0.34 instead of 0.07.
//
// The wrapper is stripped. Two different bash calls drawn from that sample
// score 0.74 on average with the wrapper, and 0.53 when only the tool's name
// and the values of its arguments are compared (0.31 and 0.17 for calls of
// different tools): a floor that everyone gets for the syntax, which the
// format check rewards already, and that leaves less room between a good and
// a bad action.
package reward

import (
	"context"
	"fmt"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/srl/format"
)

// FormatError is the score of an output that breaks the format.
const FormatError = -1.0

// A Wrapper says what happens to the syntax around the command.
type Wrapper string

const (
	// WrapperKept compares the text of the action as it is written.
	WrapperKept Wrapper = "kept"
	// WrapperStripped compares what format.Bare leaves of it.
	WrapperStripped Wrapper = "stripped"
)

// A Reward is a pure function from a model's output and an expert's action to
// a score, and the record of how it is computed.
type Reward struct {
	Name string `json:"name"`
	// Version changes whenever any score could.
	Version  int          `json:"version"`
	Autojunk bool         `json:"autojunk"`
	Wrapper  Wrapper      `json:"wrapper"`
	Format   format.Rules `json:"format"`
}

// Paper returns the reward of the SRL paper for actions in a language.
func Paper(l format.Language) Reward {
	return Reward{Name: "paper", Version: 1, Autojunk: true, Wrapper: WrapperKept, Format: format.Rules{Language: l}}
}

// Bare returns the default reward for actions in a language: no autojunk, no
// wrapper.
func Bare(l format.Language) Reward {
	return Reward{Name: "bare", Version: 1, Autojunk: false, Wrapper: WrapperStripped, Format: format.Rules{Language: l}}
}

// Score scores a model's output, thought and all, against the expert's action,
// which is text in the reward's language: the similarity of the actions in
// [0, 1], or FormatError. An error is never the model's fault: the expert's
// action cannot be read, or the reward has a setting that does not exist.
func (r Reward) Score(model, expert string) (float64, error) {
	t, err := r.Target(expert)
	if err != nil {
		return 0, err
	}
	s, err := t.Score(context.Background(), model, 0)
	return s.Value, err
}

// compared returns the part of an action that is compared.
func (r Reward) compared(action string, calls []env.Action) (string, error) {
	switch r.Wrapper {
	case WrapperKept:
		return action, nil
	case WrapperStripped:
		return format.Bare(calls)
	}
	return "", fmt.Errorf("unknown wrapper setting %q: use kept or stripped", string(r.Wrapper))
}
