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
// [Paper] is what the paper's words and figures say when taken literally:
// difflib as it is called plainly, which is with autojunk, on the whole text of
// the action. [Bare] differs twice. Autojunk is off, as in SWE-RL. With it, the
// reward jumps where the expert's action reaches 200 characters, which 28 % of
// the actions in SWE-smith's published sample do: an action of 481 characters
// with one letter changed in each of 30 lines scores 0.154 with autojunk and
// 0.938 without, and swapping the order moves the ratio by up to 0.34 instead
// of 0.07. And the wrapper is stripped. Two different bash calls drawn from that
// sample score 0.74 on average with the wrapper, and 0.53 when only the tool's
// name and the values of its arguments are compared (0.31 and 0.17 for calls of
// different tools): a floor that everyone gets for the syntax, which the format
// check rewards already, and that leaves less room between a good and a bad
// action.
//
// [Action] and [Patch] are not about characters. The first compares calls by
// their parts, see package action, the second edits by what they do to files,
// see package patch.
//
// All are in [0, 1] for an output in the format, exactly 1 for the expert's own
// action, and FormatError for any other output.
package reward

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

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

// Bare returns the reward with neither autojunk nor wrapper.
func Bare(l format.Language) Reward { return stripped("bare", l) }

// Action returns the reward that compares calls part by part. Actions that are
// plain text are compared as by difflib without autojunk.
func Action(l format.Language) Reward { return stripped("action", l) }

// Patch returns the reward that compares what edits do to files. An expert's
// step that edits nothing, or in a way that only shows when it runs, is compared
// as by Action. For one that edits files, an output that does not scores 0.
func Patch(l format.Language) Reward { return stripped("patch", l) }

func stripped(name string, l format.Language) Reward {
	return Reward{Name: name, Version: 1, Wrapper: WrapperStripped, Format: format.Rules{Language: l}}
}

// Names are those that Named knows.
func Names() []string { return []string{"bare", "paper", "action", "patch"} }

// Named returns the reward of a name for actions in a language. An error says
// that there is no such reward or language.
func Named(name string, l format.Language) (Reward, error) {
	if _, err := l.Manual(); err != nil {
		return Reward{}, err
	}
	switch name {
	case "bare":
		return Bare(l), nil
	case "paper":
		return Paper(l), nil
	case "action":
		return Action(l), nil
	case "patch":
		return Patch(l), nil
	}
	return Reward{}, fmt.Errorf("unknown reward %q: use %s", name, strings.Join(Names(), ", "))
}

// Check says what is wrong with a reward that was read or put together: a name
// or a version that this program does not have, or settings that are not those
// of the name. The format rules but for their language are free.
func (r Reward) Check() error {
	known, err := Named(r.Name, r.Format.Language)
	if err != nil {
		return err
	}
	known.Format = r.Format
	switch {
	case r.Version != known.Version:
		return fmt.Errorf("reward %s has version %d in this program, and not %d: their scores may differ", r.Name, known.Version, r.Version)
	case r.Wrapper != known.Wrapper:
		return fmt.Errorf("reward %s is with wrapper %q, and not %q", r.Name, string(known.Wrapper), string(r.Wrapper))
	case r.Autojunk != known.Autojunk:
		return fmt.Errorf("reward %s is with autojunk %t, and not %t", r.Name, known.Autojunk, r.Autojunk)
	}
	return nil
}

// UnmarshalJSON reads the record of a reward, and refuses what Check refuses.
func (r *Reward) UnmarshalJSON(data []byte) error {
	type plain Reward
	var p plain
	if err := json.Unmarshal(data, &p); err != nil {
		return err
	}
	if err := Reward(p).Check(); err != nil {
		return err
	}
	*r = Reward(p)
	return nil
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
