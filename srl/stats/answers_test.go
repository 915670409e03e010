package stats

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/srl"
	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/srl/reward"
)

func TestOtherCommand(t *testing.T) {
	tests := []struct{ command, want string }{
		{"ls", "cd /testbed && ls"},
		{"cd /testbed && ls", "ls"},
		{"grep -rn 'def f' src", `cd /testbed && grep -rn "def f" src`},
		{"echo '$HOME' 'a'", "cd /testbed && echo '$HOME' 'a'"},
		{`echo "it's" 'a'`, `cd /testbed && echo "it's" 'a'`},
		{"cat <<'EOF'\nx\nEOF", "cd /testbed && cat <<'EOF'\nx\nEOF"},
		{"# don't 'x'", "cd /testbed && # don't 'x'"},
		{"echo '", "cd /testbed && echo '"},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, otherCommand(tt.command))
	}
}

func one(t *testing.T, tool, arguments string) srl.Example {
	t.Helper()
	action, err := format.XML.Render(env.Action{Tool: tool, Arguments: json.RawMessage(arguments)})
	require.NoError(t, err)
	return srl.Example{ID: tool + arguments, Task: "t", Action: action, Reward: reward.Bare(format.XML),
		Calls: []srl.Call{{Tool: tool, Arguments: json.RawMessage(arguments)}}}
}

func TestRewritten(t *testing.T) {
	got, ok := rewritten(one(t, "str_replace_editor", `{"command":"view","path":"/a <b>","view_range":[1,2]}`))
	require.True(t, ok)
	require.Equal(t, "<function=str_replace_editor>\n<parameter=view_range>[1,2]</parameter>\n<parameter=path>/a <b></parameter>\n"+
		"<parameter=command>view</parameter>\n</function>", got)
	got, ok = rewritten(one(t, "bash", `{"command":"ls"}`))
	require.True(t, ok)
	require.Equal(t, "<function=bash>\n<parameter=command>cd /testbed && ls</parameter>\n</function>", got)
	_, ok = rewritten(srl.Example{Action: "x = 1", Reward: reward.Bare(format.XML)})
	require.False(t, ok, "a text has no calls")
	e := one(t, "bash", `{}`)
	e.Calls[0].Arguments = json.RawMessage(`[1]`)
	_, ok = rewritten(e)
	require.False(t, ok)
}

func TestTool(t *testing.T) {
	require.Equal(t, "bash", Tool(one(t, "bash", `{"command":"ls"}`)))
	require.Equal(t, "str_replace_editor create", Tool(one(t, "str_replace_editor", `{"command":"create"}`)))
	require.Equal(t, "str_replace_editor", Tool(one(t, "str_replace_editor", `{}`)))
	require.Equal(t, "text", Tool(srl.Example{}))
}

func TestDrawnAnswersAreWhatTheirClassesSay(t *testing.T) {
	var list []srl.Example
	for _, task := range []string{"t", "u"} {
		for _, e := range []srl.Example{
			one(t, "bash", `{"command":"cat shop/pages.py"}`),
			one(t, "bash", `{"command":"ls `+task+`"}`),
			one(t, "bash", `{"command":"ls `+task+`"}`), // twice
			one(t, "submit", `{}`),
			one(t, "think", `{"thought":"`+task+`"}`),
		} {
			e.Task = task
			list = append(list, e)
		}
	}
	// Two calls at once are no answer to one.
	two := one(t, "bash", `{"command":"pwd"}`)
	two.Calls = append(two.Calls, two.Calls[0])
	two.Action += "\n" + two.Action
	// Nor is what is written in another language.
	other := one(t, "bash", `{"command":"who"}`)
	other.Reward = reward.Bare(format.JSON)
	list = append(list, two, other)

	p := newAnswers(list)
	byAction := map[string][]srl.Example{}
	for _, e := range list {
		byAction[e.Action] = append(byAction[e.Action], e)
	}
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		got := map[Class]int{}
		seen := map[string]bool{}
		for _, a := range p.draw(0, 8, rand.New(rand.NewPCG(seed, 0))) {
			got[a.class]++
			require.False(t, seen[a.action], "each answer is drawn once")
			seen[a.action] = true
			require.NotEqual(t, two.Action, a.action)
			require.NotEqual(t, other.Action, a.action)
			tasks, tools := map[string]bool{}, map[string]bool{}
			for _, e := range byAction[a.action] {
				tasks[e.Task], tools[Tool(e)] = true, true
			}
			switch a.class {
			case Same:
				require.Equal(t, list[0].Action, a.action)
			case SameTaskSameTool:
				require.True(t, tasks["t"] && tools["bash"])
			case SameTaskOtherTool:
				require.True(t, tasks["t"] && !tools["bash"])
			case OtherTaskSameTool:
				require.True(t, tasks["u"] && tools["bash"])
			case OtherTaskOtherTool:
				require.True(t, tasks["u"] && !tools["bash"])
			}
		}
		for class, n := range map[Class]int{Same: 1, Rewritten: 1, OneWord: 1, OtherFile: 1, SameTaskSameTool: 1, SameTaskOtherTool: 2} {
			require.Equal(t, n, got[class], class)
		}
		require.LessOrEqual(t, got[OtherTaskSameTool], 1, "the other one is the expert's own action")
	})
}

func TestAUC(t *testing.T) {
	tests := []struct {
		name        string
		near, wrong []float64
		want        float64
	}{
		{"apart", []float64{0.9, 0.8}, []float64{0.1, 0.2, 0.3}, 1},
		{"the wrong way round", []float64{0.1}, []float64{0.2}, 0},
		{"equal scores count half", []float64{0.5}, []float64{0.5, 0.5}, 0.5},
		{"one pair of four", []float64{0.1, 0.3}, []float64{0.2, 0.4}, 0.25},
	}
	for _, tt := range tests {
		got, ok := auc(tt.near, tt.wrong)
		require.True(t, ok)
		require.Equal(t, tt.want, got, tt.name)
	}
	_, ok := auc(nil, []float64{1})
	require.False(t, ok)
	_, ok = auc([]float64{1}, nil)
	require.False(t, ok)
}

func TestEstimateTakesATaskAsOneObservation(t *testing.T) {
	value := func(task string, v float64) measured {
		return measured{example: srl.Example{Task: task}, rewards: []scored{{answers: []score{{Same, v}}}}}
	}
	first := func(s scored) (float64, bool) { return s.answers[0].value, s.answers[0].value >= 0 }
	same := estimate([]measured{value("a", 1), value("a", 1), value("b", 0), value("b", 0), value("c", -1)}, 0, first)
	// As two observations, 1 and 0: sqrt(0.5 / 2) by the textbook.
	require.Equal(t, Estimate{Examples: 4, Value: 0.5, Error: 0.5}, same)
	require.Equal(t, Estimate{Examples: 2, Value: 0.5}, estimate([]measured{value("a", 1), value("a", 0)}, 0, first))
	require.Equal(t, Estimate{}, estimate([]measured{value("c", -1)}, 0, first))
}

func TestKeptAtIsTheFilter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spreads := rapid.SliceOfN(rapid.SampledFrom([]float64{0, 0.1, 0.2, 0.3}), 1, 8).Draw(t, "spreads")
		eps := rapid.SampledFrom([]float64{0, 0.05, 0.1, 0.2, 0.3, 0.4}).Draw(t, "eps")
		kept := 0
		for _, s := range spreads {
			if srl.Keep([]float64{0, 2 * s}, eps) {
				kept++
			}
		}
		sorted := slices.Clone(spreads)
		slices.Sort(sorted)
		require.Equal(t, float64(kept)/float64(len(spreads)), MixReport{spreads: sorted}.KeptAt(eps))
	})
	require.Zero(t, MixReport{}.KeptAt(0))
}

func TestQuantile(t *testing.T) {
	list := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	require.Equal(t, []float64{1, 1, 5, 9, 10}, []float64{quantile(list, 0), quantile(list, 0.1), quantile(list, 0.5), quantile(list, 0.9), quantile(list, 1)})
	require.Zero(t, quantile(nil, 0.5))
}

func TestHistogram(t *testing.T) {
	var h [bins]int
	count(&h, []float64{-1, 0, 0.049, 0.05, 0.999, 1})
	require.Equal(t, []int{2, 1, 2}, []int{h[0], h[1], h[bins-1]})
}
