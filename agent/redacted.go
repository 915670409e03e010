package agent

import (
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/redact/events"
)

// create starts the log of an episode, behind a redactor if there is one.
func (r *Recorder) create(path string, h trajectories.Header) (log Log, done func(), err error) {
	var redaction *events.Redaction
	if r.Redactor != nil {
		redaction = events.New(r.Redactor)
		h = *redaction.Event(trajectories.Event{Header: &h}).Header
	}
	w, err := trajectories.Create(path, h)
	if err != nil {
		return nil, nil, err
	}
	done = func() { _ = w.Close() } // every event is on disk already
	if redaction == nil {
		return w, done, nil
	}
	return redactedLog{redaction, w}, done, nil
}

// logged is a header as the log of an episode has it.
func (r *Recorder) logged(h trajectories.Header) trajectories.Header {
	if r.Redactor == nil {
		return h
	}
	return *events.New(r.Redactor).Event(trajectories.Event{Header: &h}).Header
}

// A redactedLog takes secrets out of events on their way to a log.
type redactedLog struct {
	redaction *events.Redaction
	to        Log
}

func (l redactedLog) Turn(t trajectories.Turn) error {
	return l.to.Turn(*l.redaction.Event(trajectories.Event{Turn: &t}).Turn)
}

func (l redactedLog) Observation(o trajectories.Observation) error {
	return l.to.Observation(*l.redaction.Event(trajectories.Event{Observation: &o}).Observation)
}

func (l redactedLog) End(e trajectories.End) error {
	return l.to.End(*l.redaction.Event(trajectories.Event{End: &e}).End)
}
