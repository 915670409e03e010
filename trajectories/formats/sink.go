package formats

import (
	"iter"

	"github.com/apprentice-rl/apprentice/trajectories"
)

// A Sink takes imported trajectories, one after the other, an event at a time.
// Its order is that of a log: Begin, then turns, observations, messages and
// views as [trajectories.Encoder] wants them, then End; or Discard in place of
// End, when the source turned out to be unusable. What a sink wants to change
// or count it does on the way to another sink.
//
// An error of a sink is about where things go to, not about the source: it ends
// the import, whatever may be wrong with the files.
type Sink interface {
	Begin(trajectories.Header) error
	Turn(trajectories.Turn) error
	Observation(trajectories.Observation) error
	Message(trajectories.Message) error
	View(trajectories.View) error
	// End says that the trajectory is whole.
	End(trajectories.End) error
	// Discard drops the trajectory that was begun and has not ended. It does
	// nothing if there is none.
	Discard()
}

// A Source is a trajectory to export. An exporter may go over the events more
// than once, and holds one at a time.
type Source interface {
	Header() trajectories.Header
	// Events yields what follows the header.
	Events() iter.Seq2[trajectories.Event, error]
}

// Of is a trajectory in memory as a Source.
func Of(t *trajectories.Trajectory) Source { return held{t} }

type held struct{ t *trajectories.Trajectory }

func (h held) Header() trajectories.Header { return h.t.Header }

func (h held) Events() iter.Seq2[trajectories.Event, error] {
	return func(yield func(trajectories.Event, error) bool) {
		for e := range h.t.Events() {
			if e.Header == nil && !yield(e, nil) {
				return
			}
		}
	}
}

// Copy hands a trajectory over to a sink.
func Copy(to Sink, from Source) error {
	if err := to.Begin(from.Header()); err != nil {
		return err
	}
	for e, err := range from.Events() {
		if err == nil {
			err = Pass(to, e)
		}
		if err != nil {
			to.Discard()
			return err
		}
	}
	return nil
}

// Pass hands over an event other than the header. Events of unknown types and
// torn ones hold nothing.
func Pass(to Sink, e trajectories.Event) error {
	switch {
	case e.Turn != nil:
		return to.Turn(*e.Turn)
	case e.Observation != nil:
		return to.Observation(*e.Observation)
	case e.Message != nil:
		return to.Message(*e.Message)
	case e.View != nil:
		return to.View(*e.View)
	case e.End != nil:
		return to.End(*e.End)
	}
	return nil
}
