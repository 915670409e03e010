package serve

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/srl"
	"github.com/apprentice-rl/apprentice/srl/format"
)

// A response is what /verify reads of a model's response, an object of the
// Responses API.
type response struct {
	Output []struct {
		Type    string `json:"type"`
		Summary []text `json:"summary"` // of reasoning
		Content []text `json:"content"` // of a message
		// Of a function_call.
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"output"`
}

type text struct {
	Text string `json:"text"`
}

// verify answers NeMo Gym's /verify: with the row, the model's response, and the
// reward.
func (s *Server) verify(r *http.Request, body []byte) (any, error) {
	var row map[string]jsontext.Value
	if err := parse(body, &row); err != nil {
		return nil, err
	}
	for _, name := range []string{"responses_create_params", "response", "label"} {
		if _, ok := row[name]; !ok {
			return nil, refuse(http.StatusUnprocessableEntity, "there is no %s", name)
		}
	}
	var label string
	if err := parse(row["label"], &label); err != nil {
		return nil, err
	}
	var answer response
	if err := parse(row["response"], &answer); err != nil {
		return nil, err
	}
	known, err := srl.ParseLabel(label)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "label: %w", err)
	}
	got, err := s.one(r.Context(), label, str(answer.output(known.Reward.Format.Language)))
	if err != nil {
		return nil, err
	}
	for name, v := range map[string]any{"reward": number(got.Value), "violation": got.Violation} {
		if row[name], err = json.Marshal(v); err != nil {
			return nil, err
		}
	}
	return row, nil
}

// output writes a response as the text that the prompt asked for. Where the model's
// server has taken the thought or the calls out of the text, they are put back.
func (r response) output(l format.Language) string {
	var thought, action []string
	thinks := false
	for _, item := range r.Output {
		switch item.Type {
		case "reasoning":
			thinks = true // even if its text is kept from us
			for _, t := range slices.Concat(item.Summary, item.Content) {
				thought = append(thought, t.Text)
			}
		case "message":
			var whole strings.Builder
			for _, t := range item.Content {
				whole.WriteString(t.Text)
			}
			action = append(action, whole.String())
		case "function_call":
			call, err := l.Render(env.Action{Tool: item.Name, Arguments: []byte(item.Arguments)})
			if err != nil {
				call = item.Name + item.Arguments // no call in the language: the format is broken
			}
			action = append(action, call)
		}
	}
	if !thinks {
		return strings.Join(action, "\n")
	}
	return format.Write(strings.Join(thought, "\n"), strings.Join(action, "\n"))
}

// seedSession answers /seed_session and /close_session. There is nothing to be kept
// between requests; newer versions want their own name for the session back.
func seedSession(_ *http.Request, body []byte) (any, error) {
	var request struct {
		ID string `json:"resources_session_id,omitempty"`
	}
	if err := parse(body, &request); err != nil {
		return nil, err
	}
	return request, nil
}

// reverifyMode says that answers may be verified again, whenever and wherever.
func reverifyMode(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, []byte(`"stateless"`))
}

const (
	taskIndex    = "_ng_task_index"
	rolloutIndex = "_ng_rollout_index"
)

// aggregateMetrics answers /aggregate_metrics: for each number in the replies of
// /verify, the mean, maximum, minimum, median and sample standard deviation (0 for
// a single one), by task and over all.
func aggregateMetrics(_ *http.Request, body []byte) (any, error) {
	all := map[string][]float64{}
	tasks := map[float64]map[string][]float64{}
	add := func(reply map[string]any) {
		task, _ := reply[taskIndex].(float64)
		if tasks[task] == nil {
			tasks[task] = map[string][]float64{}
		}
		for name, v := range reply {
			n, ok := v.(float64)
			if b, is := v.(bool); is {
				if ok = true; b {
					n = 1
				}
			}
			if ok && name != taskIndex && name != rolloutIndex {
				all[name] = append(all[name], n)
				tasks[task][name] = append(tasks[task][name], n)
			}
		}
	}
	var request struct {
		Replies replies `json:"verify_responses"`
	}
	request.Replies.each = add
	if err := parse(body, &request); err != nil {
		return nil, err
	}
	groups := []map[string]number{}
	for _, task := range slices.Sorted(maps.Keys(tasks)) {
		m := describe(tasks[task])
		m[taskIndex] = number(task)
		groups = append(groups, m)
	}
	total, headline := describe(all), map[string]number{}
	for name, v := range total {
		if strings.HasPrefix(name, "mean/") {
			headline[name] = v
		}
	}
	return struct {
		Groups   []map[string]number `json:"group_level_metrics"`
		Total    map[string]number   `json:"agent_metrics"`
		Headline map[string]number   `json:"key_metrics"`
	}{groups, total, headline}, nil
}

// replies are those of /verify, which are many, and of which little is kept: each is
// handed on when it has been read.
type replies struct{ each func(map[string]any) }

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (r *replies) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if kind := d.PeekKind(); kind != jsontext.KindBeginArray {
		return fmt.Errorf("want an array, and not %s", kind)
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != jsontext.KindEndArray {
		var reply map[string]any
		if err := json.UnmarshalDecode(d, &reply); err != nil {
			return err
		}
		r.each(reply)
	}
	_, err := d.ReadToken()
	return err
}

func describe(columns map[string][]float64) map[string]number {
	out := map[string]number{}
	for name, values := range columns {
		slices.Sort(values)
		n := len(values)
		out["mean/"+name] = number(mean(values))
		out["max/"+name] = number(values[n-1])
		out["min/"+name] = number(values[0])
		out["median/"+name] = number((values[(n-1)/2] + values[n/2]) / 2)
		out["std/"+name] = 0
		if n > 1 {
			out["std/"+name] = number(srl.SampleEpsilon(srl.Spread(values), n))
		}
	}
	maps.DeleteFunc(out, func(_ string, n number) bool { // JSON has no such numbers
		return math.IsNaN(float64(n)) || math.IsInf(float64(n), 0)
	})
	return out
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v / float64(len(values))
	}
	return sum
}
