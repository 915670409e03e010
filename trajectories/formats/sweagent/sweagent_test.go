package sweagent_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats/formatstest"
	"github.com/apprentice-rl/apprentice/trajectories/formats/sweagent"
)

func suite() formatstest.Suite {
	return formatstest.Suite{
		Format:  sweagent.Format(),
		Files:   func(p string) bool { return strings.HasSuffix(p, ".traj") },
		Want:    13,
		Count:   count,
		Measure: measure,
		Samples: samples(),
	}
}

func TestImport(t *testing.T) { formatstest.Run(t, suite()) }

func FuzzImport(f *testing.F) { formatstest.Fuzz(f, suite()) }

// count counts steps whose action is not blank, and those of them that have an
// observation; in a history alone, calls, and messages of tools.
func count(document any) formatstest.Tally {
	run := document.(map[string]any)
	n := formatstest.Tally{}
	if attempts, ok := run["attempts"].([]any); ok {
		for _, a := range attempts {
			n = n.Add(count(a))
		}
		return n
	}
	n.Trajectories = 1
	steps, ok := run["trajectory"].([]any)
	if !ok {
		return n.Add(countHistory(run["history"].([]any)))
	}
	for _, s := range steps {
		s := s.(map[string]any)
		action := s["action"].(string)
		if strings.TrimSpace(action) == "" {
			continue
		}
		n.Actions++
		n.ActionBytes += len(action)
		if observation, ok := s["observation"].(string); ok {
			n.Observations++
			n.ObservationBytes += len(observation)
		}
	}
	return n
}

func countHistory(history []any) (n formatstest.Tally) {
	for _, m := range history {
		m := m.(map[string]any)
		if m["is_demo"] == true {
			continue
		}
		calls, _ := m["tool_calls"].([]any)
		for _, c := range calls {
			n.Actions++
			n.ActionBytes += len(c.(map[string]any)["function"].(map[string]any)["arguments"].(string))
		}
		if m["role"] == "tool" {
			n.Observations++
			n.ObservationBytes += len(m["content"].(string))
		}
	}
	return n
}

// measure finds the command and the raw output of each step where the import
// has put them.
func measure(t *trajectories.Trajectory) (actions, observations int) {
	chat := t.Header.Source.Version == ""
	for _, turn := range t.Turns {
		for i := range turn.Actions {
			actions += len(actionOf(turn, i, chat))
		}
	}
	for _, o := range t.Observations {
		observations += len(rawOf(o, chat))
	}
	return actions, observations
}

func actionOf(turn trajectories.Turn, i int, chat bool) string {
	var extra struct {
		Action *string
		Step   struct{ Action *string }
	}
	if turn.Origin != nil && turn.Origin.Extra != nil {
		_ = json.Unmarshal(turn.Origin.Extra, &extra)
	}
	switch {
	case chat:
		return turn.ArgumentText(i)
	case extra.Action != nil:
		return *extra.Action
	case extra.Step.Action != nil:
		return *extra.Step.Action
	}
	var arguments struct{ Command string }
	_ = json.Unmarshal(turn.Actions[i].Arguments, &arguments)
	return arguments.Command
}

func rawOf(o trajectories.Observation, chat bool) string {
	var extra struct{ Before, After string }
	if o.Origin != nil && o.Origin.Extra != nil {
		_ = json.Unmarshal(o.Origin.Extra, &extra)
	}
	switch {
	case chat:
		return o.Text
	case o.Raw != nil:
		return *o.Raw
	}
	return strings.TrimSuffix(strings.TrimPrefix(o.Text, extra.Before), extra.After)
}

func BenchmarkImport(b *testing.B) { formatstest.Benchmark(b, suite()) }
