package atif

import (
	"encoding/json"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// argumentsText is the member of a call's extra that holds arguments which are
// no object, the only thing that the schema takes.
const argumentsText = "arguments_text"

// turn begins the step of a turn.
func (x *exporter) turn(t *trajectories.Turn) {
	s := x.begin("agent", t.N)
	origin := x.origin(t.Origin)
	timestamp(s, t.Time, origin.Extra)
	s.AddRaw("message", origin.Parts)
	s.Add("message", t.Message)
	if t.Model != "" {
		s.Add("model_name", t.Model)
	}
	s.AddRaw("reasoning_effort", member(origin.Extra, "reasoning_effort"))
	if t.Reasoning != "" && !t.Synthetic {
		s.Add("reasoning_content", t.Reasoning)
	}
	if len(t.Actions) > 0 {
		s.Add("tool_calls", x.calls(t))
	}
	if !t.Synthetic {
		var m members.List
		addUsage(&m, t.Usage, "")
		for name, value := range members.All(member(origin.Extra, "metrics")) {
			switch name {
			case "prompt_token_ids", "completion_token_ids", "logprobs", "extra":
				m.Add(name, value)
			}
		}
		if object := m.Object(); object != nil {
			s.Add("metrics", object)
		}
	}
	if t.Copied {
		s.Add("is_copied_context", true)
	}
	switch {
	case t.Synthetic:
		s.Add("llm_call_count", 0)
	case t.Usage.Calls > 1, t.Copied && t.Usage.Calls > 0:
		s.Add("llm_call_count", t.Usage.Calls)
	}
	s.AddRaw("extra", member(origin.Extra, "extra"))
	x.complaint = t.FormatError
}

func (x *exporter) calls(t *trajectories.Turn) []json.RawMessage {
	var all []json.RawMessage
	for i, a := range t.Actions {
		var source trajectories.Call
		if i < len(t.Calls) {
			source = t.Calls[i]
		}
		id := a.ID
		var extra []byte
		if x.own {
			extra = member(source.Extra, "extra")
			if source.ID != "" {
				id = source.ID
			}
		}
		x.step.calls[a.ID] = id
		var call, more members.List
		call.Add("tool_call_id", id)
		call.Add("function_name", a.Tool)
		call.Add("arguments", jsontext.Value(a.Arguments))
		if source.Invalid {
			more.Add(argumentsText, source.Text)
			more.AddAll(extra)
			extra = more.Object()
		}
		call.AddRaw("extra", extra)
		all = append(all, call.Object())
	}
	return all
}

// observation adds a result to its step. One that comes when the next step has
// begun can no longer name its call.
func (x *exporter) observation(o *trajectories.Observation) {
	var r members.List
	origin := x.origin(o.Origin)
	if x.step == nil || o.Turn != x.step.turn {
		x.content(&r, origin, o.Text)
		x.unaddressed(&r)
		return
	}
	if origin.Index == 0 { // else its place says which call it answers
		r.Add("source_call_id", x.step.calls[o.Action])
	}
	x.content(&r, origin, o.Text)
	x.step.results = append(x.step.results, r.Object())
}

// content adds what a result holds.
func (x *exporter) content(r *members.List, origin trajectories.Origin, text string) {
	r.AddRaw("content", origin.Parts)
	for name, value := range members.All(origin.Extra) {
		switch name {
		case "content", "extra":
			r.Add(name, value)
		case "subagent_trajectory_ref":
			if refs := references(value); refs != nil {
				r.Add(name, refs)
			}
		}
	}
	r.Add("content", text)
}

// references are those that can be resolved: since 1.7 an id or a path is
// needed.
func references(list jsontext.Value) []json.RawMessage {
	var all, good []json.RawMessage
	if json.Unmarshal(list, &all) != nil {
		return nil
	}
	for _, raw := range all {
		var ref members.List
		for name, value := range members.All(raw) {
			if slices.Contains(referenceMembers(), name) {
				ref.Add(name, value)
			}
		}
		if object := ref.Object(); member(object, "trajectory_id") != nil || member(object, "trajectory_path") != nil {
			good = append(good, object)
		}
	}
	return good
}

func referenceMembers() []string {
	return []string{"trajectory_id", "trajectory_path", "session_id", "extra"}
}

// message writes a message: as a result of the step before it where it is one
// that answers no call, else as a step of the user or the system.
func (x *exporter) message(m *trajectories.Message) {
	if !held(m) {
		return
	}
	origin := x.origin(m.Origin)
	if m.Role == "tool" {
		var r members.List
		x.content(&r, origin, m.Text)
		if x.step != nil && (m.Kind == trajectories.MessageFeedback || m.Kind == trajectories.MessageSubagent) && x.own {
			x.step.results = append(x.step.results, r.Object())
		} else {
			x.unaddressed(&r)
		}
		return
	}
	source := "system"
	if m.Role == "user" {
		source = "user"
	}
	s := x.begin(source, 0)
	timestamp(s, m.Time, origin.Extra)
	s.AddRaw("message", origin.Parts)
	s.Add("message", m.Text)
	if m.Kind == trajectories.MessageContext {
		s.Add("is_copied_context", true)
	}
	s.AddRaw("extra", member(origin.Extra, "extra"))
}

// held reports whether a message can be written: most changes of a program's
// state have no text, and a step without one would say nothing.
func held(m *trajectories.Message) bool {
	return m.Kind != trajectories.MessageState && m.Kind != trajectories.MessageAbandoned
}
