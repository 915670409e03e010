package formats

import "github.com/apprentice-rl/apprentice/trajectories"

// A Count says what trajectories hold, by one principle for all formats.
//
// An action is every tool call, or command block, that stands with the agent in
// the file; copied context is included, and counted apart too. An observation
// is what is addressed to such a call, by id, by cause or by its place, also
// when the call itself is missing. An answer may be an empty text.
//
// All else that an agent or its program said is kept and not counted here: a
// reply to an answer that held no call at all is unaddressed.
type Count struct {
	Trajectories int `json:"trajectories"`
	Actions      int `json:"actions"`
	Observations int `json:"observations"`

	// CopiedActions and CopiedObservations are those, among the above, that
	// were copied from another trajectory.
	CopiedActions      int `json:"copied_actions,omitempty"`
	CopiedObservations int `json:"copied_observations,omitempty"`
	// Orphans are those of the observations whose call is not in the file.
	Orphans int `json:"orphans,omitempty"`
	// Unaddressed are results that stand where answers stand, and answer no
	// call. They are not among the observations.
	Unaddressed int `json:"unaddressed,omitempty"`
}

// Add returns the sum of two counts.
func (c Count) Add(d Count) Count {
	c.Trajectories += d.Trajectories
	c.Actions += d.Actions
	c.Observations += d.Observations
	c.CopiedActions += d.CopiedActions
	c.CopiedObservations += d.CopiedObservations
	c.Orphans += d.Orphans
	c.Unaddressed += d.Unaddressed
	return c
}

// A counter counts what passes through it on the way to another sink. A
// trajectory that is discarded does not count.
type counter struct {
	Count

	to      Sink
	current Count
	copied  map[string]bool // the actions that were
}

// Begin counts one trajectory.
func (c *counter) Begin(h trajectories.Header) error {
	c.current, c.copied = Count{Trajectories: 1}, map[string]bool{}
	return c.to.Begin(h)
}

// Turn counts its actions.
func (c *counter) Turn(t trajectories.Turn) error {
	c.current.Actions += len(t.Actions)
	if t.Copied {
		c.current.CopiedActions += len(t.Actions)
		for _, a := range t.Actions {
			c.copied[a.ID] = true
		}
	}
	return c.to.Turn(t)
}

// Observation counts it.
func (c *counter) Observation(o trajectories.Observation) error {
	c.current.Observations++
	if c.copied[o.Action] {
		c.current.CopiedObservations++
	}
	return c.to.Observation(o)
}

// Message counts answers without a call, and results that answer none.
func (c *counter) Message(m trajectories.Message) error {
	switch m.Kind {
	case trajectories.MessageOrphan:
		c.current.Observations++
		c.current.Orphans++
	case trajectories.MessageFeedback, trajectories.MessageSubagent:
		if m.Role == "tool" { // else it stands elsewhere
			c.current.Unaddressed++
		}
	}
	return c.to.Message(m)
}

// View passes it on.
func (c *counter) View(v trajectories.View) error { return c.to.View(v) }

// End adds what the trajectory holds to the sum.
func (c *counter) End(e trajectories.End) error {
	if err := c.to.End(e); err != nil {
		return err
	}
	c.Count = c.Add(c.current)
	c.current = Count{}
	return nil
}

// Discard forgets what was counted of the trajectory.
func (c *counter) Discard() {
	c.current = Count{}
	c.to.Discard()
}
