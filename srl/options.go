package srl

import (
	"fmt"
	"slices"

	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/srl/reward"
)

// Targets says which steps become examples.
type Targets string

const (
	// TargetsAll makes every step an example.
	TargetsAll Targets = "all"
	// TargetsButLast leaves the last step out, as the paper's k in {1, …, N-1}
	// does; it usually is the submission. The prompts stay the same.
	TargetsButLast Targets = "n-1"
)

// Options are the choices to be made. The zero value is usable, and is that of the
// default profile; [Profile.Options] gives those of others.
type Options struct {
	// Window is the number of latest steps that a prompt shows; zero means 2,
	// as in the paper, and anything negative the full history.
	Window int
	// Targets is TargetsAll if empty.
	Targets Targets
	// Exclude names the steps that are no targets. They are shown as past steps all
	// the same.
	Exclude []Exclusion
	// Reward scores the answers, and its rules name the action language of
	// prompt and target; zero means reward.Action(format.XML).
	Reward reward.Reward
	// ObservationCap is the number of characters (code points) that a prompt
	// shows of one observation; zero means 8000, and anything negative all of
	// it. Of a longer one the prompt shows the first and the last half, and says
	// in between how many are missing.
	ObservationCap int
	// ObservationTokens is the same in estimated tokens (see Tokens), and
	// then takes the place of ObservationCap; zero is no such limit.
	ObservationTokens int
	// Reasoning shows what the expert thought and said at past steps. It is never
	// part of an action.
	Reasoning bool
	// Hint tells the title of the step to be taken, where steps have titles.
	Hint bool

	// Excluded is told of each step, from 1, that is no target, and why. Nil is
	// nobody.
	Excluded func(step int, why Exclusion)

	made Made
}

// Check says what is wrong with options, if anything is.
func (o Options) Check() error {
	_, err := o.withDefaults()
	return err
}

func (o Options) withDefaults() (Options, error) {
	if o.Window == 0 {
		o.Window = 2
	}
	if o.Targets == "" {
		o.Targets = TargetsAll
	}
	if o.Targets != TargetsAll && o.Targets != TargetsButLast {
		return o, fmt.Errorf("unknown targets %q: use all or n-1", string(o.Targets))
	}
	for _, d := range o.Exclude {
		if !slices.Contains(Exclusions(), d) {
			return o, fmt.Errorf("there are no steps called %q to exclude: use %v", string(d), Exclusions())
		}
	}
	if o.Reward == (reward.Reward{}) {
		o.Reward = reward.Action(format.XML)
	}
	if o.ObservationCap == 0 {
		o.ObservationCap = 8000
	}
	if o.ObservationCap < 0 {
		o.ObservationCap = -1
	}
	if o.Window < 0 {
		o.Window = -1
	}
	if o.ObservationTokens < 0 {
		return o, fmt.Errorf("tokens of an observation are %d: they cannot be negative", o.ObservationTokens)
	}
	return o, nil
}
