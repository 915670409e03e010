package formats

import "github.com/apprentice-rl/apprentice/trajectories"

// A keeper is a sink in front of one that holds some trajectories already:
// those go no further.
type keeper struct {
	Sink
	next  bool // the next trajectory is there already
	there bool // the current one is
	kept  int  // how many were
}

// keep says that the trajectory that begins next is there already.
func (k *keeper) keep() { k.next = true }

func (k *keeper) Begin(h trajectories.Header) error {
	k.there, k.next = k.next, false
	if k.there {
		return nil
	}
	return k.Sink.Begin(h)
}

func (k *keeper) Turn(t trajectories.Turn) error {
	if k.there {
		return nil
	}
	return k.Sink.Turn(t)
}

func (k *keeper) Observation(o trajectories.Observation) error {
	if k.there {
		return nil
	}
	return k.Sink.Observation(o)
}

func (k *keeper) Message(m trajectories.Message) error {
	if k.there {
		return nil
	}
	return k.Sink.Message(m)
}

func (k *keeper) View(v trajectories.View) error {
	if k.there {
		return nil
	}
	return k.Sink.View(v)
}

func (k *keeper) End(e trajectories.End) error {
	if k.there {
		k.there = false
		k.kept++
		return nil
	}
	return k.Sink.End(e)
}

func (k *keeper) Discard() {
	if !k.there {
		k.Sink.Discard()
	}
	k.there = false
}
