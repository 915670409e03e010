package events

import (
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/redact"
)

// How much a sink holds back of a trajectory at most. A patch that is shown, or
// handed in, is among the last events.
const (
	mostHeld      = 64      // events
	mostHeldBytes = 4 << 20 // of texts
)

// A Sink redacts trajectories on their way to another sink. An error of that one
// may come with a later event than the one that it is about.
type Sink struct {
	redactor *redact.Redactor
	to       formats.Sink
	current  *Redaction
	// held are the events since the first that may hold the patch's text. They
	// are as they came.
	held  []trajectories.Event
	bytes int
	taken counts
}

// NewSink returns a sink that redacts what goes to another.
func NewSink(r *redact.Redactor, to formats.Sink) *Sink {
	return &Sink{redactor: r, to: to}
}

// Taken returns how many secrets of each kind the trajectories held that have
// ended since it was last asked; nil for none.
func (s *Sink) Taken() map[string]int {
	taken := s.taken
	s.taken = nil
	return taken
}

// Begin passes the header on.
func (s *Sink) Begin(h trajectories.Header) error {
	s.current = New(s.redactor)
	s.drop()
	return s.to.Begin(*s.current.Event(trajectories.Event{Header: &h}).Header)
}

// Turn passes the turn on, at once or later.
func (s *Sink) Turn(t trajectories.Turn) error { return s.put(trajectories.Event{Turn: &t}) }

// Observation passes the observation on, at once or later.
func (s *Sink) Observation(o trajectories.Observation) error {
	return s.put(trajectories.Event{Observation: &o})
}

// Message passes the message on, at once or later.
func (s *Sink) Message(m trajectories.Message) error { return s.put(trajectories.Event{Message: &m}) }

// View passes the view on, at once or later.
func (s *Sink) View(v trajectories.View) error { return s.put(trajectories.Event{View: &v}) }

// End passes on what was held back, and the end.
func (s *Sink) End(e trajectories.End) error {
	if s.current == nil {
		return s.to.End(e)
	}
	s.current.redactor = s.redactor.Sparing(patches(e)...)
	if err := s.release(); err != nil {
		return err
	}
	end := s.current.Event(trajectories.Event{End: &e}).End
	if err := s.to.End(*end); err != nil {
		return err
	}
	if len(s.current.counts) > 0 {
		if s.taken == nil {
			s.taken = counts{}
		}
		s.taken.add(s.current.counts)
	}
	s.current = nil
	return nil
}

// Discard drops the trajectory.
func (s *Sink) Discard() {
	s.current = nil
	s.drop()
	s.to.Discard()
}

func (s *Sink) put(e trajectories.Event) error {
	if s.current == nil {
		return formats.Pass(s.to, e) // which will say that none has begun
	}
	if len(s.held) == 0 {
		out, _, changed := redacted(s.redactor, e)
		if !changed {
			return formats.Pass(s.to, out)
		}
	}
	s.held = append(s.held, e)
	s.bytes += size(e)
	if len(s.held) > mostHeld || s.bytes > mostHeldBytes {
		return s.release()
	}
	return nil
}

func (s *Sink) release() error {
	held := s.held
	s.drop()
	for _, e := range held {
		if err := formats.Pass(s.to, s.current.Event(e)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sink) drop() { s.held, s.bytes = nil, 0 }
