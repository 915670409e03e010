package sweagent

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

// export writes one run. What was imported from a .traj comes out as it was, in
// the form of its version; anything else as version 1.1 would have it, as far
// as it can: see lossy.
func export(t formats.Source, w io.Writer) (err error) {
	f := file{w: bufio.NewWriterSize(w, chunk)}
	defer func() { err = errors.Join(err, f.free()) }()
	if err := write(t, &f); err != nil {
		return fmt.Errorf("writing %s: %w", Name, err)
	}
	return f.w.Flush()
}

// A teller puts events into a file, each after the other.
type teller interface {
	turn(trajectories.Turn) error
	observation(trajectories.Observation) error
	message(trajectories.Message) error
	view(trajectories.View) error
	// close writes what is left. An episode without an end has a zero one.
	close(trajectories.End) error
}

// isOwn says whether the origins of a trajectory are of this format. Those of
// another one would only be noise.
func isOwn(h trajectories.Header) bool { return h.Source != nil && h.Source.Format == Name }

func write(t formats.Source, f *file) error {
	var to teller
	var err error
	if isOwn(t.Header()) {
		to, err = newRestorer(f, t.Header())
	} else {
		to, err = newTranslator(f, t.Header())
	}
	if err != nil {
		return err
	}
	end := trajectories.End{Status: trajectories.ExitUnknown, PatchUnknown: true}
	for e, err := range t.Events() {
		switch {
		case err != nil:
			return err
		case e.Turn != nil:
			err = to.turn(*e.Turn)
		case e.Observation != nil:
			err = to.observation(*e.Observation)
		case e.Message != nil:
			err = to.message(*e.Message)
		case e.View != nil:
			err = to.view(*e.View)
		case e.End != nil:
			end = *e.End
		}
		if err != nil {
			return err
		}
	}
	return to.close(end)
}
