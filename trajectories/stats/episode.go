package stats

import (
	"encoding/json"
	"time"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/behaviour"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

// An Episode is what statistics need of one trajectory.
type Episode struct {
	Task, Policy, Model string
	Repo                string // as [trajectories.RepositoryOf] names it
	Format              string // of the file it was imported from, "" for our own
	Status              trajectories.ExitStatus
	Limit               trajectories.ExitStatus // that forced a submission

	Turns, Steps, Observations, FormatErrors int
	// Usage is that of the end, and the sum of the turns where the end knows none.
	Usage   trajectories.Usage
	Seconds int // from start to end, where Timed
	Timed   bool

	// FirstEdit and FirstTest are the first steps, from 1, that change a file and
	// that run tests; 0 if none does.
	FirstEdit, FirstTest int
	PatchBytes           int
	PatchUnknown         bool

	Acts []Act
}

// An Act is what one action was for, and how it went. An action that does
// several things is what [behaviour.Main] says of it.
type Act struct {
	Step     int // of the action, from 1
	Tool     string
	Program  string // "" for a tool that runs none
	Kind     behaviour.Kind
	Answered bool
	Failed   bool
	Bytes    int // of the observation's text
}

// Classify says what a call does, as [behaviour.Classify] and the method of
// [behaviour.Memo] do.
type Classify func(tool string, arguments json.RawMessage) []behaviour.Act

// Of reads a trajectory to its end, or to where it breaks off. Classify may be
// nil, which stands for [behaviour.Classify]. Turns that were
// copied from another trajectory, which is where they count, are left out.
func Of(from formats.Source, classify Classify) (Episode, error) {
	if classify == nil {
		classify = behaviour.Classify
	}
	h := from.Header()
	r := reading{classify: classify, started: h.Started, open: map[string]int{}}
	r.Task, r.Policy, r.Model = h.Task.ID, h.Policy.Name, h.Policy.Model
	r.Repo = trajectories.RepositoryOf(h.Task.Repo, h.Task.ID)
	if h.Source != nil {
		r.Format = h.Source.Format
	}
	for e, err := range from.Events() {
		if err != nil {
			return Episode{}, err
		}
		switch {
		case e.Turn != nil:
			r.turn(e.Turn)
		case e.Observation != nil:
			r.observation(e.Observation, len(e.Observation.Text)+e.Omitted)
		case e.End != nil:
			r.end(e.End, len(e.End.Patch)+e.Omitted)
		}
	}
	return r.Episode, nil
}

// A reading is an episode as far as it was read.
type reading struct {
	Episode
	classify Classify
	started  time.Time
	open     map[string]int // actions without an observation, and where they are in Acts
}

func (r *reading) turn(t *trajectories.Turn) {
	if t.Copied {
		return
	}
	r.Turns++
	r.Usage = r.Usage.Add(t.Usage)
	if t.FormatError != "" {
		r.FormatErrors++
	}
	if len(t.Actions) == 0 {
		return
	}
	r.Steps++
	for i, a := range t.Actions {
		arguments := a.Arguments
		if i < len(t.Calls) && t.Calls[i].Invalid {
			arguments = json.RawMessage(t.Calls[i].Text)
		}
		acts := r.classify(a.Tool, arguments)
		for _, act := range acts {
			if act.Kind.Changes() && r.FirstEdit == 0 {
				r.FirstEdit = r.Steps
			}
			if act.Kind == behaviour.Test && r.FirstTest == 0 {
				r.FirstTest = r.Steps
			}
		}
		main := behaviour.Main(acts)
		act := Act{Step: r.Steps, Tool: a.Tool, Kind: main.Kind}
		if main.End > 0 { // it stands in a command
			act.Program = main.Program
		}
		r.open[a.ID] = len(r.Acts)
		r.Acts = append(r.Acts, act)
	}
}

func (r *reading) observation(o *trajectories.Observation, bytes int) {
	i, ok := r.open[o.Action]
	if !ok {
		return // of a copied turn
	}
	delete(r.open, o.Action)
	r.Observations++
	act := &r.Acts[i]
	act.Answered, act.Failed, act.Bytes = true, o.Failed, bytes
}

func (r *reading) end(e *trajectories.End, patch int) {
	r.Status, r.Limit = e.Status, e.Limit
	r.Usage = e.Usage.Or(r.Usage)
	r.PatchBytes, r.PatchUnknown = patch, e.PatchUnknown
	if r.Timed = !r.started.IsZero() && !e.Time.Before(r.started); r.Timed {
		r.Seconds = int(e.Time.Sub(r.started).Seconds())
	}
}
