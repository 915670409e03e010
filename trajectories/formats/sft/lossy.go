package sft

import (
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/chat"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
	"github.com/apprentice-rl/apprentice/trajectories/formats/swesmith"
)

// lossy lists what a model should see, and will not.
func lossy(t *trajectories.Trajectory) []formats.Loss {
	l := common(t, func(m *trajectories.Message) bool { return chat.Holds(m, false) })
	for i := range t.Turns {
		if slices.ContainsFunc(t.Turns[i].Calls, func(c trajectories.Call) bool { return c.Invalid }) {
			l.Add("turn.calls", t.Turns[i].N, "arguments that are no JSON object become {}: loaders decode them")
		}
	}
	return l.All()
}

func lossyXML(t *trajectories.Trajectory) []formats.Loss {
	l := common(t, func(m *trajectories.Message) bool { return m.Shown })
	swesmith.Unspoken(l, t)
	return l.All()
}

// common lists what neither form has.
func common(t *trajectories.Trajectory, held func(*trajectories.Message) bool) *formats.Losses {
	const parts = "of content in parts, the texts alone are written"
	var l formats.Losses
	for _, turn := range t.Turns {
		if turn.Lost {
			l.Add("turn.lost", turn.N, "there is no text to write")
		}
		if inParts(turn.Origin) {
			l.Add("turn.origin.parts", turn.N, parts)
		}
	}
	for _, o := range t.Observations {
		if inParts(o.Origin) {
			l.Add("observation.origin.parts", o.Turn, parts)
		}
	}
	for i := range t.Messages {
		m := &t.Messages[i]
		switch {
		case !m.Shown:
			l.Add("message."+string(m.Kind), m.After, "the policy was not shown it")
		case !held(m):
			l.Add("message."+string(m.Kind), m.After, "an answer needs its call, which is not there")
		case inParts(m.Origin):
			l.Add("message.origin.parts", m.After, parts)
		}
	}
	for _, v := range t.Views {
		if v.Turn > 0 {
			l.Add("view", v.Turn, "the policy saw other messages here than all that come before")
		}
	}
	return &l
}

// inParts reports whether a text had parts that are no text, such as images.
func inParts(o *trajectories.Origin) bool {
	if o == nil || o.Parts == nil {
		return false
	}
	var parts []jsontext.Value
	if json.Unmarshal(o.Parts, &parts) != nil {
		return jsontext.Value(o.Parts).Kind() == '{' && members.Get(o.Parts, "text") == nil
	}
	return slices.ContainsFunc(parts, func(p jsontext.Value) bool {
		return p.Kind() == '{' && members.Get(p, "text") == nil
	})
}
