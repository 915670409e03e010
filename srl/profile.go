package srl

import (
	"fmt"
	"slices"
	"strings"

	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/srl/reward"
)

// A Profile is a named and versioned set of choices. A version never changes: other
// choices are another version, or another profile.
type Profile struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	// About says whom it is for.
	About   string  `json:"about"`
	Options Options `json:"-"`
	// Epsilon is the population standard deviation that a group's rewards have to
	// exceed, see Keep.
	Epsilon float64 `json:"epsilon"`
	// Gaps are what the paper leaves open, and what was chosen.
	Gaps []Gap `json:"gaps"`
}

// A Gap is a question to which the SRL paper (arXiv 2510.25992, version 3) has no
// answer, or two.
type Gap struct {
	Question string `json:"question"`
	Paper    string `json:"paper"`
	Choice   string `json:"choice"`
}

// Made says how an example was made: by a profile, and by what differed from it.
type Made struct {
	Name    string  `json:"name"`
	Version int     `json:"version"`
	Epsilon float64 `json:"epsilon"`
	// Changed are the options that were not the profile's, as "name=value".
	Changed []string `json:"changed,omitempty"`
}

// Make returns options that examples are made with in the name of a profile. The
// examples say which of them are not the profile's own.
func (p Profile) Make(o Options) Options {
	o.made = Made{p.Name, p.Version, p.Epsilon, p.changed(o)}
	return o
}

// changed lists the options that are not the profile's own, as "name=value".
func (p Profile) changed(o Options) []string {
	own, now := p.Options.values(), o.values()
	var all []string
	for i := range now {
		if now[i] != own[i] {
			all = append(all, now[i])
		}
	}
	return all
}

// values are the choices as "name=value", in one order.
func (o Options) values() []string {
	if d, err := o.withDefaults(); err == nil {
		o = d
	}
	var exclude []string
	for _, e := range Exclusions() {
		if slices.Contains(o.Exclude, e) {
			exclude = append(exclude, string(e))
		}
	}
	return []string{
		"exclude=" + strings.Join(exclude, ","),
		fmt.Sprintf("hint=%t", o.Hint),
		"language=" + string(o.Reward.Format.Language),
		fmt.Sprintf("observation-cap=%d", o.ObservationCap),
		fmt.Sprintf("observation-tokens=%d", o.ObservationTokens),
		fmt.Sprintf("reasoning=%t", o.Reasoning),
		"reward=" + o.Reward.Name,
		fmt.Sprintf("tags-stripped=%t", o.Reward.Format.TagsStripped),
		"targets=" + string(o.Targets),
		fmt.Sprintf("window=%d", o.Window),
	}
}

// Find returns a profile by its name.
func Find(name string) (Profile, error) {
	var names []string
	for _, p := range Profiles() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Profile{}, fmt.Errorf("there is no profile %q: use one of %v", name, names)
}

// epsilon is from docs/rewards.md: a larger one drops groups in which all but the
// file is right, and a smaller one keeps none that those drop.
const epsilon = 0.001

// Profiles lists the profiles: our own first.
func Profiles() []Profile {
	return []Profile{
		{
			Name: "default", Version: 1, Epsilon: epsilon,
			About: "software engineering, with the choices that docs/rewards.md gives reasons for",
			Options: Options{
				Window: 2, Targets: TargetsAll, ObservationCap: 8000, Reward: reward.Action(format.XML),
			},
			Gaps: slices.Concat([]Gap{
				{"what is compared", "difflib's ratio of the two actions, as text", "tool by tool, argument by argument, by its kind (reward action): AUC 0.96 instead of 0.93 on docs/rewards.md's measure, and unrelated calls score 0.05 instead of 0.50"},
				{"autojunk", "not mentioned; on if SequenceMatcher is called plainly", "no difflib with autojunk anywhere: it makes the reward jump where an action reaches 200 characters"},
				{"the wrapper", "not said; figures draw it around both actions", "not compared: the format check rewards it already"},
				{"the last step", "k in 1 to N-1: it is no target", "it is a target (--targets n-1, --exclude submit)"},
			}, shared()),
		},
		{
			Name: "paper", Version: 1, Epsilon: epsilon,
			About: "software engineering as in the paper, taken literally where it speaks",
			Options: Options{
				Window: 2, Targets: TargetsButLast, ObservationCap: 8000, Reward: reward.Paper(format.XML),
			},
			Gaps: slices.Concat([]Gap{
				{"what is compared", "difflib's ratio of the two actions, as text", "the same (reward paper), code point by code point, the model's first"},
				{"autojunk", "not mentioned; on if SequenceMatcher is called plainly", "on"},
				{"the wrapper", "not said; figures draw it around both actions", "compared with the rest"},
				{"the last step", "k in 1 to N-1: it is no target", "it is no target"},
			}, shared()),
		},
		{
			Name: "paper-math", Version: 1, Epsilon: epsilon,
			About: "numbered, titled solutions, the paper's mathematical setting (srl steps --solutions)",
			Options: Options{
				Window: -1, Targets: TargetsButLast, ObservationCap: 8000, Reward: reward.Paper(format.Text),
			},
			Gaps: []Gap{
				{"the prompt", "published for training (appendix B)", "that one, word for word, as the system message; the problem and the steps so far are the user's"},
				{"which solutions", "numbered ones of s1K-1.1; rewritten by a model in version 3 (B.3)", "rows whose solution has steps \"1. **Title** …\", numbered from 1 without a gap, two or more; the others are counted and left out"},
				{"the step's title as a hint", "a footnote: it improved results further; not said whether the tables use it", "off (--hint)"},
				{"autojunk", "not mentioned; on if SequenceMatcher is called plainly", "on"},
				{"the last step", "k in 1 to N-1: it is no target", "it is no target"},
				{"<solution> tags", "figure 3 has them, the prompt does not", "none: the action is what follows </think>"},
				{"what is malformed", "not defined", "no </think>, a second think tag, nothing after </think>, text before <think>"},
				epsilonGap(),
			},
		},
	}
}

func epsilonGap() Gap {
	return Gap{"ε of dynamic sampling", "greater than zero; no value", "0.001, population standard deviation"}
}

// shared are the gaps that the two profiles for software engineering fill alike.
func shared() []Gap {
	return []Gap{
		{"the prompt", "published for mathematics only", "the wording of that one, with the tools and how to call them; one user message with the issue and the latest steps"},
		{"past steps", "the two latest pairs of action and observation; figures show no prose of the expert", "the same, without its prose (--window, --reasoning)"},
		{"long observations", "not said", "the first and the last 4,000 characters (--observation-cap, --observation-tokens)"},
		{"several calls in a step", "not said; its data have one", "a step is all calls of a turn; an output may have as many as the expert's"},
		{"<solution> tags", "figure 3 has them, the prompt does not", "none: the action is what follows </think>"},
		{"what is malformed", "not defined", "the table of docs/rewards.md: -1"},
		{"views and undone steps as targets", "not said", "targets like all (--exclude)"},
		epsilonGap(),
	}
}
