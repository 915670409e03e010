// Package replay acts a recorded trajectory again: the same turns, one after
// another, in a fresh environment.
//
// What comes back is compared with what came back then, and every difference
// is a [Divergence]. Things that differ between any two runs of the same
// command (how long it took, process ids, addresses in memory, the names of
// temporary files) are made equal first, by package normalize.
//
// A recording whose secrets were taken out is acted with those that its redactor
// knows: see [NewRedacted].
//
// A replay shows whether an environment behaves the same twice, brings a
// sandbox to the state that an episode left it in, and costs nothing: no model
// is asked.
package replay

import (
	"context"
	"fmt"
	"slices"

	"github.com/apprentice-rl/apprentice/agent"
	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/normalize"
	"github.com/apprentice-rl/apprentice/trajectories/redact"
	"github.com/apprentice-rl/apprentice/trajectories/redact/events"
)

// A Policy is the replay of one recording. It implements agent.Policy.
type Policy struct {
	recorded    *trajectories.Trajectory
	divergences []Divergence
	compared    int // turns whose observations have been compared
	// redactor has redacted the recording; nil if none has.
	redactor *redact.Redactor
}

// New returns a policy that acts recorded again. It ends by itself with the
// recording; where the recording was not submitted, it gives up there.
func New(recorded *trajectories.Trajectory) *Policy {
	return &Policy{recorded: recorded}
}

// NewRedacted returns a policy that acts again what r has redacted. Turns come
// with the secrets that r knows, as they have to be for an action to do what it
// did; who writes them down redacts them anew. What comes back is compared as r
// would have written it.
func NewRedacted(recorded *trajectories.Trajectory, r *redact.Redactor) *Policy {
	return &Policy{recorded: recorded, redactor: r}
}

// Describe implements agent.Policy. The model is who acted in the recording.
func (p *Policy) Describe() trajectories.Policy {
	who := p.recorded.Header.Policy
	model := who.Model
	if model == "" {
		model = who.Name
	}
	return trajectories.Policy{Name: "replay", Model: model, SyntheticReasoning: who.SyntheticReasoning}
}

// Next implements agent.Policy. The recorded turn comes without what it cost,
// which is not paid again, and without the bodies exchanged with an endpoint.
func (p *Policy) Next(_ context.Context, t *trajectories.Trajectory) (trajectories.Turn, error) {
	for ; p.compared < min(len(t.Turns), len(p.recorded.Turns)); p.compared++ {
		p.divergences = append(p.divergences, compareTurn(p.recorded, t, p.compared, p.logged)...)
	}
	n := len(t.Turns)
	if n >= len(p.recorded.Turns) {
		return trajectories.Turn{}, fmt.Errorf("%w: the recording ends after %d turns", agent.ErrGaveUp, n)
	}
	turn := p.recorded.Turns[n]
	turn.Usage = trajectories.Usage{}
	turn.Request, turn.Response = nil, nil
	if p.redactor != nil {
		turn = events.Restore(p.redactor, turn)
	}
	return turn, nil
}

// logged is a text as the recording would have it.
func (p *Policy) logged(text string) string {
	if p.redactor == nil {
		return text
	}
	text, _ = p.redactor.Text(text)
	return text
}

// Divergences returns the differences found so far, the turn that is under way
// excepted. [Compare] says the same of two whole trajectories.
func (p *Policy) Divergences() []Divergence { return slices.Clone(p.divergences) }

// A Divergence is a difference between a recording and its replay.
type Divergence struct {
	Turn   int    // from 1; zero for the final patch
	Action string // the action's id; empty for the final patch
	What   What
	// Recorded and Replayed are the two sides; texts are normalized.
	Recorded, Replayed string
}

// What is the kind of a divergence.
type What string

const (
	// Missing says that one side has no observation, since its episode ended before.
	Missing What = "missing"
	// Ending says that the command or the tool ended in another way.
	Ending What = "ending"
	// Text says that what the policy saw differs.
	Text What = "text"
	// Patch says that the final difference of the working tree differs.
	Patch What = "patch"
)

// String says in one line where the two part.
func (d Divergence) String() string {
	if d.What == Patch {
		return "the final patch differs"
	}
	return fmt.Sprintf("turn %d, action %s: the %s differs: %.80q, then %.80q", d.Turn, d.Action, d.What, d.Recorded, d.Replayed)
}

// Compare returns the differences between a recording and its replay: of each
// observation that at least one of them has, and of the final patches where
// both have an end.
func Compare(recorded, replayed *trajectories.Trajectory) []Divergence {
	var all []Divergence
	for i := range recorded.Turns {
		all = append(all, compareTurn(recorded, replayed, i, asItIs)...)
	}
	if recorded.End != nil && replayed.End != nil && recorded.End.Patch != replayed.End.Patch {
		all = append(all, Divergence{What: Patch, Recorded: recorded.End.Patch, Replayed: replayed.End.Patch})
	}
	return all
}

func asItIs(text string) string { return text }

// compareTurn compares the observations of the turn with index i; logged says how
// the recording would have the text of a replayed one.
func compareTurn(recorded, replayed *trajectories.Trajectory, i int, logged func(string) string) []Divergence {
	var all []Divergence
	turn := recorded.Turns[i]
	for k, a := range turn.Actions {
		was, hadThen := find(recorded, a.ID)
		var is env.Observation
		var hasNow bool
		if i < len(replayed.Turns) && k < len(replayed.Turns[i].Actions) {
			is, hasNow = find(replayed, replayed.Turns[i].Actions[k].ID)
		}
		d := Divergence{Turn: turn.N, Action: a.ID}
		switch {
		case !hadThen && !hasNow:
			continue
		case hadThen != hasNow:
			d.What, d.Recorded, d.Replayed = Missing, presence(hadThen), presence(hasNow)
			all = append(all, d)
			continue
		}
		if then, now := ending(was), ending(is); then != now {
			d.What, d.Recorded, d.Replayed = Ending, then, now
			all = append(all, d)
		}
		if then, now := normalize.Text(was.Text), normalize.Text(logged(is.Text)); then != now {
			d.What, d.Recorded, d.Replayed = Text, then, now
			all = append(all, d)
		}
	}
	return all
}

func find(t *trajectories.Trajectory, action string) (env.Observation, bool) {
	i := slices.IndexFunc(t.Observations, func(o trajectories.Observation) bool { return o.Action == action })
	if i < 0 {
		return env.Observation{}, false
	}
	return t.Observations[i].Observation, true
}

func presence(there bool) string {
	if there {
		return "an observation"
	}
	return "none"
}

// ending says in words how an action ended.
func ending(o env.Observation) string {
	switch {
	case o.Submitted:
		return "submitted"
	case o.Result != nil && o.Result.Signal != "":
		return fmt.Sprintf("%s %s", o.Result.End, o.Result.Signal)
	case o.Result != nil:
		return fmt.Sprintf("%s %d", o.Result.End, o.Result.ExitCode)
	case o.Failed:
		return "refused"
	}
	return "done"
}
