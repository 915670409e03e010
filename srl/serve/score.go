package serve

import (
	"context"
	"errors"
	"net/http"
	"runtime"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/sourcegraph/conc/iter"

	"github.com/apprentice-rl/apprentice/srl"
	"github.com/apprentice-rl/apprentice/srl/reward"
	"github.com/apprentice-rl/apprentice/srl/score"
)

// A group is what was answered to one example, and what scores it: a label, or the
// id of an example that the server has loaded.
type group struct {
	ID      string `json:"id"`
	Label   string `json:"label"`
	Outputs []str  `json:"outputs"`
}

type scoreRequest struct {
	Groups []group `json:"groups"`
	// Epsilon is what the population standard deviation of a group's rewards has
	// to exceed for there to be something to learn.
	Epsilon float64 `json:"epsilon"`
}

type scoreReply struct {
	Groups []scored `json:"groups"`
}

// scored is a group with its rewards, in the order of the outputs.
type scored struct {
	ID      string  `json:"id"`
	Rewards []value `json:"rewards"`
	// Violations and NotScored are missing where there are none, and else have a
	// text for each output, which is empty for most.
	Violations []string    `json:"violations,omitempty"`
	NotScored  []string    `json:"not_scored,omitempty"`
	Std        number      `json:"std"` // population, of the rewards that there are
	Verdict    srl.Verdict `json:"verdict"`
	Keep       bool        `json:"keep"`
}

// A number is written so that Python reads a float: 1.0, and not 1. A tensor of
// integers has no mean.
type number float64

// MarshalJSONTo implements json.MarshalerTo.
func (n number) MarshalJSONTo(e *jsontext.Encoder) error {
	return e.WriteValue(jsontext.Value(score.Float(float64(n))))
}

// A value is the number of a score, or null if it has none.
type value reward.Score

// MarshalJSONTo implements json.MarshalerTo.
func (v value) MarshalJSONTo(e *jsontext.Encoder) error {
	if v.NotScored != "" {
		return e.WriteToken(jsontext.Null)
	}
	return number(v.Value).MarshalJSONTo(e)
}

func (s *Server) score(r *http.Request, body []byte) (any, error) {
	var request scoreRequest
	// A misspelled epsilon would pass for none.
	if err := parse(body, &request, json.RejectUnknownMembers(true), s.counted()); err != nil {
		return nil, err
	}
	if request.Epsilon < 0 {
		return nil, refuse(http.StatusBadRequest, "epsilon is %v: want 0 or more", request.Epsilon)
	}
	results, err := s.groups(r.Context(), request.Groups)
	if err != nil {
		return nil, err
	}
	filter := srl.Filter{Epsilon: request.Epsilon}
	reply := scoreReply{Groups: make([]scored, len(results))}
	for i, g := range results {
		reply.Groups[i] = g.scored(filter)
	}
	return reply, nil
}

// A result is a group's scores.
type result struct {
	label  srl.Label
	scores []reward.Score
}

func (r result) scored(filter srl.Filter) scored {
	out := scored{ID: r.label.ID, Rewards: make([]value, len(r.scores))}
	judged := srl.Group{ID: r.label.ID, Rewards: make([]float64, 0, len(r.scores))}
	for i, s := range r.scores {
		out.Rewards[i] = value(s)
		if s.NotScored != "" {
			judged.Unscored++
			out.NotScored = put(out.NotScored, i, s.NotScored, len(r.scores))
			continue
		}
		judged.Rewards = append(judged.Rewards, s.Value)
		if s.Violation != "" {
			out.Violations = put(out.Violations, i, string(s.Violation), len(r.scores))
		}
	}
	out.Std = number(srl.Spread(judged.Rewards))
	out.Verdict = filter.Judge(judged)
	out.Keep = out.Verdict == srl.Kept
	return out
}

// counted ends the reading of a request with too many groups or outputs, since what
// takes two bytes in a request takes a hundred in memory.
func (s *Server) counted() json.Options {
	groups, outputs := 0, 0
	most := s.options.MaxOutputs
	return json.WithUnmarshalers(json.JoinUnmarshalers(
		json.UnmarshalFromFunc(func(*jsontext.Decoder, *group) error {
			if groups++; groups > most {
				return tooMany("groups", most)
			}
			return errors.ErrUnsupported // read it as ever
		}),
		json.UnmarshalFromFunc(func(*jsontext.Decoder, *str) error {
			if outputs++; outputs > most {
				return tooMany("outputs", most)
			}
			return errors.ErrUnsupported
		}),
	))
}

func tooMany(what string, most int) error {
	return refuse(http.StatusRequestEntityTooLarge, "the request has more than %d %s: send fewer groups at once", most, what)
}

// put sets one of n texts.
func put(texts []string, i int, text string, n int) []string {
	if texts == nil {
		texts = make([]string, n)
	}
	texts[i] = text
	return texts
}

// groups scores groups, on all processors. An error is about a whole request, and
// names the first group that has one.
func (s *Server) groups(ctx context.Context, groups []group) ([]result, error) {
	type unit struct{ group, output int }
	var units []unit
	for i, g := range groups {
		if len(g.Outputs) == 0 {
			return nil, refuse(http.StatusBadRequest, "groups.%d: it has no outputs", i)
		}
		for k := range g.Outputs {
			units = append(units, unit{i, k})
		}
	}
	switch {
	case len(units) == 0:
		return nil, refuse(http.StatusBadRequest, "the request has no groups")
	case len(units) > s.options.MaxOutputs:
		return nil, tooMany("outputs", s.options.MaxOutputs)
	}
	results := make([]result, len(groups))
	prepared := make([]*reward.Target, len(groups))
	errs := make([]error, len(groups))
	all := iter.Iterator[group]{MaxGoroutines: runtime.GOMAXPROCS(0)}
	all.ForEachIdx(groups, func(i int, g *group) {
		results[i].label, prepared[i], errs[i] = s.targets.of(*g)
		results[i].scores = make([]reward.Score, len(g.Outputs))
	})
	for i, err := range errs {
		if err != nil {
			return nil, refuse(http.StatusBadRequest, "groups.%d: %w", i, err)
		}
	}
	errs = make([]error, len(units))
	each := iter.Iterator[unit]{MaxGoroutines: runtime.GOMAXPROCS(0)}
	each.ForEachIdx(units, func(i int, u *unit) {
		select {
		case s.slots <- struct{}{}:
			defer func() { <-s.slots }()
			got, err := prepared[u.group].Score(ctx, string(groups[u.group].Outputs[u.output]), s.options.Limit)
			if err != nil && ctx.Err() == nil {
				// One output is no reason to withhold the rewards of all others.
				s.options.Log.ErrorContext(ctx, "an output was not scored", "example", results[u.group].label.ID, "error", err)
				got, err = reward.Score{NotScored: err.Error()}, nil
			}
			results[u.group].scores[u.output], errs[i] = got, err
		case <-ctx.Done():
			errs[i] = ctx.Err()
		}
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	s.metrics.scored(results)
	return results, nil
}

// one scores one output, for protocols that have no way to say that there is no
// score.
func (s *Server) one(ctx context.Context, label string, output str) (reward.Score, error) {
	results, err := s.groups(ctx, []group{{Label: label, Outputs: []str{output}}})
	if err != nil {
		return reward.Score{}, err
	}
	got := results[0].scores[0]
	if got.NotScored != "" {
		return reward.Score{}, refuse(http.StatusServiceUnavailable, "not scored: %s", got.NotScored)
	}
	return got, nil
}
