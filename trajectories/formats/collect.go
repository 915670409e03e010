package formats

import (
	"fmt"

	"github.com/apprentice-rl/apprentice/trajectories"
)

// A Collector is a Sink that keeps trajectories in memory, for those that are
// small and for tests. It checks the order of events as a log does.
type Collector struct {
	// Whole are the trajectories that have ended, in their order.
	Whole []*trajectories.Trajectory

	log     *trajectories.Encoder
	current *trajectories.Trajectory
}

type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }

// Begin starts the next trajectory.
func (c *Collector) Begin(h trajectories.Header) error {
	if c.current != nil {
		return fmt.Errorf("trajectory %s begins before %s has ended", h.ID, c.current.Header.ID)
	}
	c.log = trajectories.NewEncoder(nowhere{})
	if err := c.log.Header(h); err != nil {
		return err
	}
	h.Version = trajectories.Version
	c.current = &trajectories.Trajectory{Header: h}
	return nil
}

// Turn keeps a turn.
func (c *Collector) Turn(t trajectories.Turn) error {
	if err := c.check(trajectories.Event{Turn: &t}); err != nil {
		return err
	}
	c.place(trajectories.EventTurn, len(c.current.Turns))
	c.current.Turns = append(c.current.Turns, t)
	return nil
}

// Observation keeps an observation.
func (c *Collector) Observation(o trajectories.Observation) error {
	if err := c.check(trajectories.Event{Observation: &o}); err != nil {
		return err
	}
	c.place(trajectories.EventObservation, len(c.current.Observations))
	c.current.Observations = append(c.current.Observations, o)
	return nil
}

// Message keeps a message.
func (c *Collector) Message(m trajectories.Message) error {
	if err := c.check(trajectories.Event{Message: &m}); err != nil {
		return err
	}
	c.place(trajectories.EventMessage, len(c.current.Messages))
	c.current.Messages = append(c.current.Messages, m)
	return nil
}

// View keeps a view.
func (c *Collector) View(v trajectories.View) error {
	if err := c.check(trajectories.Event{View: &v}); err != nil {
		return err
	}
	c.place(trajectories.EventView, len(c.current.Views))
	c.current.Views = append(c.current.Views, v)
	return nil
}

// End moves the trajectory to Whole.
func (c *Collector) End(e trajectories.End) error {
	if err := c.check(trajectories.Event{End: &e}); err != nil {
		return err
	}
	c.current.End = &e
	c.Whole = append(c.Whole, c.current)
	c.current = nil
	return nil
}

// Discard drops the trajectory that has not ended.
func (c *Collector) Discard() { c.current = nil }

func (c *Collector) check(e trajectories.Event) error {
	if c.current == nil {
		return fmt.Errorf("an event before its trajectory has begun")
	}
	return c.log.Event(e)
}

func (c *Collector) place(kind trajectories.EventType, index int) {
	c.current.Order = append(c.current.Order, trajectories.Ref{Type: kind, Index: index})
}
