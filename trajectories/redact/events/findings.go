package events

import (
	"encoding/json"
	"iter"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/redact"
)

// A Finding is a secret, or what may be one, with its place in a trajectory. It
// does not hold the secret.
type Finding struct {
	Kind redact.Kind `json:"kind"`
	// Name is that of a known secret.
	Name string `json:"name,omitempty"`
	// Turn is the turn that the event belongs to, 0 for the header and the end.
	Turn int `json:"turn"`
	// Field is where it stands, as the log names it: "observation.text".
	Field string `json:"field"`
	// Head is what every key of the kind begins with.
	Head string `json:"head,omitempty"`
	// Placeholder is what would stand for it; empty where nothing would be
	// changed: in a patch, and for what only looks random.
	Placeholder string `json:"placeholder,omitempty"`
}

// Findings yields what a redactor finds in a trajectory, in the order of the log.
// Placeholders are not among it. An error of the source comes last.
func Findings(r *redact.Redactor, t formats.Source) iter.Seq2[Finding, error] {
	return func(yield func(Finding, error) bool) {
		header := t.Header()
		for _, f := range findings(r, 0, trajectories.Event{Header: &header}) {
			if !yield(f, nil) {
				return
			}
		}
		for e, err := range t.Events() {
			if err != nil {
				yield(Finding{}, err)
				return
			}
			for _, f := range findings(r, turnOf(e), e) {
				if !yield(f, nil) {
					return
				}
			}
		}
	}
}

func turnOf(e trajectories.Event) int {
	switch {
	case e.Turn != nil:
		return e.Turn.N
	case e.Observation != nil:
		return e.Observation.Turn
	case e.Message != nil:
		return e.Message.After
	case e.View != nil:
		return e.View.Turn
	}
	return 0
}

// findings are what is found in one event.
func findings(r *redact.Redactor, turn int, e trajectories.Event) (all []Finding) {
	again := r.Again()
	note := func(field, s string, hits []redact.Hit) {
		for _, h := range hits {
			if h.Kind != redact.Literal {
				all = append(all, Finding{
					Kind: h.Kind, Name: h.Name, Turn: turn, Field: field,
					Head: redact.Head(h.Kind, s[h.Start:h.End]), Placeholder: h.Placeholder,
				})
			}
		}
	}
	text := func(field, s string) string {
		out, hits := again.Text(s)
		note(field, s, hits)
		return out
	}
	visitor{
		id:   text,
		text: text,
		json: func(field string, raw json.RawMessage) json.RawMessage {
			out, hits := again.JSON(raw)
			note(field, string(raw), hits)
			return out
		},
	}.event(e)
	if e.End != nil {
		all = append(all, InPatch(r, *e.End)...)
	}
	return all
}

// InPatch returns what blocks the export of a trajectory's patch, and of what was
// handed in, until somebody has confirmed it.
func InPatch(r *redact.Redactor, end trajectories.End) (all []Finding) {
	for i, s := range patches(end) {
		field := [...]string{"end.patch", "end.submission"}[i]
		for _, h := range r.Patch(s) {
			all = append(all, Finding{Kind: h.Kind, Name: h.Name, Field: field, Head: redact.Head(h.Kind, s[h.Start:h.End])})
		}
	}
	return all
}
