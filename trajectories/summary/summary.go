// Package summary says of a trajectory in a few hundred bytes what lists,
// filters and statistics ask about it, so that they need not read it again.
package summary

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/minhash"
)

// Version changes whenever Of says something else of the same trajectory.
// Whoever keeps summaries makes them anew then.
const Version = 4

// A Summary is what is kept of one trajectory.
type Summary struct {
	ID      string `json:"id"`
	Run     string `json:"run,omitempty"`
	Attempt int    `json:"attempt"`
	Task    string `json:"task"`
	Repo    string `json:"repo,omitempty"`
	Policy  string `json:"policy"`
	Model   string `json:"model,omitempty"`
	// Format is that of the file it was imported from, "" for our own.
	Format     string                  `json:"format,omitempty"`
	Source     *trajectories.Source    `json:"source,omitempty"` // nil for our own
	Parent     string                  `json:"parent,omitempty"` // the trajectory that it is a part of
	ParentKind trajectories.ParentKind `json:"parent_kind,omitempty"`
	Start      time.Time               `json:"start,omitzero"`

	// Status is empty while the trajectory has no end.
	Status trajectories.ExitStatus `json:"status,omitempty"`
	Limit  trajectories.ExitStatus `json:"limit,omitempty"` // that forced a submission

	// What was copied from another trajectory counts there, and not here.
	Turns        int `json:"turns"`
	Steps        int `json:"steps"` // turns with actions
	Trainable    int `json:"trainable"`
	Actions      int `json:"actions"`
	Observations int `json:"observations"`
	FormatErrors int `json:"format_errors,omitempty"`
	// Usage is that of the end, where the source may count what belongs to no
	// turn; what the end does not count is the sum of the turns.
	Usage trajectories.Usage `json:"usage,omitzero"`

	PatchBytes   int    `json:"patch_bytes"`
	PatchDigest  string `json:"patch_digest,omitempty"` // SHA-256 of a patch that is not empty
	PatchUnknown bool   `json:"patch_unknown,omitempty"`
	Redactions   int    `json:"redactions,omitempty"` // secrets that were replaced

	// Sketch tells how alike the actions of two trajectories are. It leaves out
	// what was copied, too, and what no policy did.
	Sketch minhash.Sketch `json:"sketch,omitzero"`
}

// Of reads a trajectory to its end, or to where it breaks off.
func Of(from formats.Source) (Summary, error) {
	h := from.Header()
	s := Summary{
		ID: h.ID, Run: h.Run, Attempt: h.Attempt, Start: h.Started,
		Task: h.Task.ID, Repo: h.Task.Repo, Policy: h.Policy.Name, Model: h.Policy.Model,
	}
	if h.Source != nil {
		s.Format, s.Source = h.Source.Format, h.Source
	}
	if h.Parent != nil {
		s.Parent, s.ParentKind = h.Parent.Trajectory, h.Parent.Kind
	}
	var actions minhash.Sketcher
	copied := map[string]bool{} // actions
	for e, err := range from.Events() {
		if err != nil {
			return Summary{}, err
		}
		switch {
		case e.Turn != nil && e.Turn.Copied:
			for _, action := range e.Turn.Actions {
				copied[action.ID] = true
			}
		case e.Turn != nil:
			s.turn(*e.Turn)
			sketch(&actions, *e.Turn)
		case e.Observation != nil:
			if !copied[e.Observation.Action] {
				s.Observations++
			}
		case e.End != nil:
			s.end(*e.End)
		}
	}
	s.Sketch = actions.Sketch()
	return s, nil
}

func sketch(actions *minhash.Sketcher, t trajectories.Turn) {
	if t.Synthetic {
		return
	}
	for i, a := range t.Actions {
		actions.Add(a.Tool, t.ArgumentText(i))
	}
}

func (s *Summary) turn(t trajectories.Turn) {
	s.Turns++
	s.Actions += len(t.Actions)
	if len(t.Actions) > 0 {
		s.Steps++
	}
	if t.Trainable() {
		s.Trainable++
	}
	if t.FormatError != "" {
		s.FormatErrors++
	}
	s.Usage = s.Usage.Add(t.Usage)
}

func (s *Summary) end(e trajectories.End) {
	s.Status, s.Limit = e.Status, e.Limit
	s.Usage = e.Usage.Or(s.Usage)
	s.PatchBytes, s.PatchUnknown = len(e.Patch), e.PatchUnknown
	if e.Patch != "" {
		digest := sha256.Sum256([]byte(e.Patch))
		s.PatchDigest = hex.EncodeToString(digest[:])
	}
	for _, n := range e.Redactions {
		s.Redactions += n
	}
}
