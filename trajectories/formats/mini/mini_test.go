package mini_test

import (
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/formatstest"
	"github.com/apprentice-rl/apprentice/trajectories/formats/mini"
)

func all() []formats.Format { return []formats.Format{mini.Format1(), mini.Format11()} }

func suite11() formatstest.Suite {
	return formatstest.Suite{
		Format:   mini.Format11(),
		Detected: all(),
		Files:    func(p string) bool { ok, _ := path.Match("mini-swe-agent/gpt-5-mini/*/*.traj.json", p); return ok },
		Want:     30,
		Count:    count11,
		Samples:  map[string]string{"calls": sampleCalls, "blocks": sampleBlocks, "responses": sampleResponses},
	}
}

func suite1() formatstest.Suite {
	return formatstest.Suite{
		Format:   mini.Format1(),
		Detected: all(),
		Files: func(p string) bool {
			return p == "mini-swe-agent/v1/mini-swe-agent-trajectory.json" || p == "mini-swe-agent/fixtures/github_issue.traj.json"
		},
		Want:    2,
		Count:   count1,
		Measure: measure1,
		Samples: map[string]string{"version 1": sample1, "bare": sampleBare},
	}
}

func TestVersion11(t *testing.T) { formatstest.Run(t, suite11()) }

func TestVersion1(t *testing.T) { formatstest.Run(t, suite1()) }

func FuzzVersion11(f *testing.F) { formatstest.Fuzz(f, suite11()) }

func FuzzVersion1(f *testing.F) { formatstest.Fuzz(f, suite1()) }

// count11 counts calls, and messages of the role tool.
func count11(document any) formatstest.Tally {
	n := formatstest.Tally{Trajectories: 1}
	for _, m := range document.(map[string]any)["messages"].([]any) {
		m := m.(map[string]any)
		calls, _ := m["tool_calls"].([]any)
		for _, c := range calls {
			n.Actions++
			n.ActionBytes += len(c.(map[string]any)["function"].(map[string]any)["arguments"].(string))
		}
		if m["role"] == "tool" {
			n.Observations++
			n.ObservationBytes += len(content(m["content"]))
		}
	}
	return n
}

// count1 counts answers with one fence, and messages of the user after an
// answer.
func count1(document any) formatstest.Tally {
	n := formatstest.Tally{Trajectories: 1}
	messages, ok := document.([]any)
	if !ok {
		messages = document.(map[string]any)["messages"].([]any)
	}
	block := regexp.MustCompile("(?s)```(?:bash|mswea_bash_command)\\s*\\n(.*?)\\n```")
	var before any
	for _, m := range messages {
		m := m.(map[string]any)
		found := block.FindAllStringSubmatch(content(m["content"]), -1)
		switch {
		case m["role"] == "assistant" && len(found) == 1:
			n.Actions++
			n.ActionBytes += len(found[0][1])
		case m["role"] == "user" && before == "assistant":
			n.Observations++
			n.ObservationBytes += len(content(m["content"]))
		}
		before = m["role"]
	}
	return n
}

func content(v any) string {
	parts, ok := v.([]any)
	if !ok {
		s, _ := v.(string)
		return s
	}
	var s strings.Builder
	for _, p := range parts {
		s.WriteString(p.(map[string]any)["text"].(string))
	}
	return s.String()
}

// measure1 takes a command for what the agent wrote: version 1 has no
// arguments.
func measure1(t *trajectories.Trajectory) (actions, observations int) {
	for _, turn := range t.Turns {
		for _, a := range turn.Actions {
			actions += len(commandOf(a.Arguments))
		}
	}
	for _, o := range t.Observations {
		observations += len(o.Text)
	}
	return actions, observations
}

func BenchmarkVersion11(b *testing.B) { formatstest.Benchmark(b, suite11()) }
