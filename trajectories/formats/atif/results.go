package atif

import (
	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats/chat"
	"github.com/apprentice-rl/apprentice/trajectories/formats/episode"
	"github.com/apprentice-rl/apprentice/trajectories/formats/loose"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// results writes what a step observed. A result that names a call answers it.
// Others answer the calls of their step by their place: the first result the
// first call that no result names, and so on; but a single result is the state
// after all calls, so it answers the last. What is left over answers no call.
func (w *walk) results(n *document.Node, s *step) error {
	if s.Observation == nil {
		return nil
	}
	results := s.Observation.Results
	answers := make([]*episode.Call, len(results))
	var unnamed []int
	for i, r := range results {
		if r.SourceCallID == "" {
			unnamed = append(unnamed, i)
		} else if c, ok := w.out.Claim(string(r.SourceCallID)); ok {
			answers[i] = &c
			if c.Turn != w.out.Turns() || s.Source != "agent" {
				w.in.Warn(n, "result %d answers the call %q of an earlier step", i+1, r.SourceCallID)
			}
		}
	}
	if s.Source == "agent" {
		open := w.out.Open()
		if len(unnamed) == 1 && len(open) > 1 {
			open = open[len(open)-1:]
		}
		for k, i := range unnamed[:min(len(unnamed), len(open))] {
			answers[i] = &open[k]
		}
	}
	for i := range results {
		if err := w.result(n, s, &results[i], answers[i], i); err != nil {
			return err
		}
	}
	return nil
}

// result writes one result: the answer to a call, or a message if it answers
// none.
func (w *walk) result(n *document.Node, s *step, r *result, to *episode.Call, i int) error {
	for _, ref := range r.SubagentTrajectoryRef {
		if ref.TrajectoryID != "" {
			w.asked[string(ref.TrajectoryID)] = w.out.Turns()
		}
		var session loose.String
		if session.UnmarshalJSON(members.Get(ref.Rest, "session_id")) == nil {
			w.in.Refer(string(session), w.out.Turns())
		}
	}
	var extra members.List
	if len(r.SubagentTrajectoryRef) > 0 {
		extra.Add("subagent_trajectory_ref", r.SubagentTrajectoryRef)
	}
	extra.AddAll(r.Rest)
	if !r.Content.There {
		extra.Add("content", nil)
	}
	if to != nil {
		o := trajectories.Observation{Observation: env.Observation{Text: r.Content.Text}, Time: s.Timestamp.Time}
		o.Origin = chat.Origin(r.Content, &extra)
		if r.SourceCallID == "" { // its place said which call it answers
			if o.Origin == nil {
				o.Origin = &trajectories.Origin{}
			}
			o.Origin.Index = i + 1
		}
		return w.out.Answer(*to, o)
	}
	m := trajectories.Message{Role: "tool", Kind: trajectories.MessageFeedback, Text: r.Content.Text, Time: s.Timestamp.Time}
	switch {
	case r.SourceCallID != "":
		m.Kind, m.Shown = trajectories.MessageOrphan, true
		extra.Add("source_call_id", r.SourceCallID)
		w.in.Warn(n, "result %d answers the call %q, which is not there or has its answer", i+1, r.SourceCallID)
	case len(r.SubagentTrajectoryRef) > 0:
		m.Kind = trajectories.MessageSubagent
		w.in.Warn(n, "result %d points to other trajectories and answers no call; it is kept as a message", i+1)
	default:
		m.Shown = s.Source == "agent" || s.boundary()
		w.in.Warn(n, "result %d answers no call; it is kept as a message", i+1)
	}
	m.Origin = chat.Origin(r.Content, &extra)
	return w.out.Message(m)
}
