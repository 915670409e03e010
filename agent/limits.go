package agent

import (
	"fmt"
	"time"

	"github.com/apprentice-rl/apprentice/trajectories"
)

// Limits bound an episode. A zero field is no limit.
type Limits struct {
	Steps        int           // turns with at least one action
	Tokens       int           // prompt and completion tokens of all calls together
	Cost         float64       // US dollars of all calls together
	Time         time.Duration // wall time of the episode, the start of its sandbox excepted
	FormatErrors int           // malformed answers in a row
}

// DefaultLimits are 100 steps, 3 format errors in a row and 30 minutes, and
// no limit on tokens and money.
func DefaultLimits() Limits {
	return Limits{Steps: 100, FormatErrors: 3, Time: 30 * time.Minute}
}

// A tally is how far an episode has come.
type tally struct {
	steps     int
	malformed int // in a row
	usage     trajectories.Usage
}

func (c *tally) add(t trajectories.Turn) {
	c.usage = c.usage.Add(t.Usage)
	if t.FormatError != "" {
		c.malformed++
		return
	}
	c.malformed = 0
	c.steps++
}

// reached says which limit the tally has reached, if any. Time is the
// context's to watch.
func (l Limits) reached(c tally) (trajectories.ExitStatus, string) {
	tokens := c.usage.PromptTokens + c.usage.CompletionTokens
	switch {
	case l.FormatErrors > 0 && c.malformed >= l.FormatErrors:
		return trajectories.ExitFormatErrors, fmt.Sprintf("%d malformed answers in a row", c.malformed)
	case l.Steps > 0 && c.steps >= l.Steps:
		return trajectories.ExitStepLimit, fmt.Sprintf("%d of %d steps", c.steps, l.Steps)
	case l.Tokens > 0 && tokens >= l.Tokens:
		return trajectories.ExitTokenLimit, fmt.Sprintf("%d of %d tokens", tokens, l.Tokens)
	case l.Cost > 0 && c.usage.Cost >= l.Cost:
		return trajectories.ExitCostLimit, fmt.Sprintf("$%.4f of $%.4f", c.usage.Cost, l.Cost)
	}
	return "", ""
}
