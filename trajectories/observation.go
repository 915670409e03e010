package trajectories

import (
	"time"

	"github.com/apprentice-rl/apprentice/env"
)

// An Observation is what came back for one action of a turn. Its Text is what
// the policy saw. A nil Result means that the end of a command is not known, or
// that there was none.
type Observation struct {
	Turn int `json:"turn"`
	env.Observation
	Time time.Time `json:"time,omitzero"`
	// Raw is the output as it was before the source shortened or decorated it
	// for the policy; nil where it is Text, or can be derived from it.
	Raw    *string `json:"raw,omitempty"`
	Origin *Origin `json:"origin,omitempty"`
}
