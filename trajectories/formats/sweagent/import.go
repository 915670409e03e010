package sweagent

import (
	"context"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

func read(ctx context.Context, in *formats.Input, to formats.Sink) error {
	root, err := in.Document()
	if err != nil {
		return err
	}
	if formats.Member(root, "attempts") == nil {
		return newReader(in, to, root).read(ctx)
	}
	best, known := 0, formats.Member(root, "info", "best_attempt_idx") != nil
	if best, err = in.Whole(root, "info", "best_attempt_idx"); err != nil {
		return err
	}
	i := 0
	for attempt, err := range in.Elements(root, "attempts") {
		if err != nil {
			return err
		}
		if attempt.Kind() != document.Object {
			if err := in.Fault(attempt, "an attempt was to be here, not a JSON %s", attempt.Kind()); err != nil {
				return err
			}
			continue
		}
		r := newReader(in, to, attempt)
		r.attempt, r.chosen = i+1, known && i == best
		if r.chosen {
			if r.retry, err = in.Rest(formats.Member(root, "info")); err != nil {
				return err
			}
		}
		if err := r.read(ctx); err != nil {
			return err
		}
		i++
	}
	if known && formats.Has(root, "trajectory") && (best < 0 || best >= i) {
		in.Warn(root, "the best attempt is to be number %d, and there are %d", best, i)
	}
	return nil
}

// A reader reads one run.
type reader struct {
	in  *formats.Input
	to  formats.Sink
	run *document.Node

	attempt int // from 1, if there are attempts
	chosen  bool
	retry   []byte // what the file says of all attempts

	ids     formats.IDs
	turn    int
	history *history
	views   *views
	native  bool // the policy has made tool calls
}

func newReader(in *formats.Input, to formats.Sink, run *document.Node) *reader {
	return &reader{in: in, to: to, run: run}
}

func (r *reader) read(ctx context.Context) error {
	h, opening, err := r.header()
	if err != nil {
		return err
	}
	if err := r.to.Begin(h); err != nil {
		return err
	}
	r.history = newHistory(r.in, r.run, opening)
	defer r.history.close()
	r.views = &views{in: r.in, run: r.run}
	if formats.Member(r.run, "trajectory") != nil {
		for step, err := range r.in.Elements(r.run, "trajectory") {
			if err == nil {
				err = ctx.Err()
			}
			if err == nil {
				err = r.step(step)
			}
			if err != nil {
				return err
			}
		}
		err = r.leftover()
	} else {
		err = r.chat(ctx)
	}
	if err != nil {
		return err
	}
	end, err := r.end()
	if err != nil {
		return err
	}
	return r.to.End(end)
}

// leftover hands over what the history says after the last step.
func (r *reader) leftover() error {
	for {
		m, err := r.history.peek()
		if err != nil || m == nil {
			return err
		}
		if m.role == "assistant" && !m.demo {
			r.in.Warn(m.node, "an answer that is no step of the trajectory; kept as a message")
		}
		if err := r.note(m); err != nil {
			return err
		}
	}
}

// chat reads a history without steps.
func (r *reader) chat(ctx context.Context) error {
	for {
		m, err := r.history.peek()
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || m == nil {
			return err
		}
		if m.role != "assistant" || m.demo {
			if err := r.note(m); err != nil {
				return err
			}
			continue
		}
		if err := r.act(m); err != nil {
			return err
		}
	}
}

// note hands over a message that is neither a turn nor an answer, and goes on
// to the next.
func (r *reader) note(m *message) error {
	r.history.next()
	n, err := m.said(r.in)
	if err != nil {
		return err
	}
	n.After = r.turn
	switch {
	case m.demo:
		n.Kind = trajectories.MessageDemonstration
	case m.role == "tool":
		n.Kind = trajectories.MessageOrphan
		r.in.Warn(m.node, "an answer to a call that the file does not hold")
	}
	return r.to.Message(n)
}
