package store

import (
	"iter"

	"github.com/apprentice-rl/apprentice/trajectories"
)

// Outline is the log without the texts and raw parts that [trajectories.Outline]
// leaves out, for whoever counts and does not read.
func (l *Log) Outline() *Outline { return &Outline{l} }

// An Outline is a Log in outline.
type Outline struct{ log *Log }

// Header returns the whole header.
func (o *Outline) Header() trajectories.Header { return o.log.header }

// Events yields what follows the header.
func (o *Outline) Events() iter.Seq2[trajectories.Event, error] {
	return func(yield func(trajectories.Event, error) bool) {
		text, err := o.log.Text()
		if err != nil {
			yield(trajectories.Event{}, err)
			return
		}
		defer func() { _ = text.Close() }()
		for e, err := range trajectories.Outline(o.log.Name(), text) {
			if e.Header == nil && !yield(e, err) {
				return
			}
		}
	}
}
