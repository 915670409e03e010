package stats_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/srl"
	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/srl/reward"
	"github.com/apprentice-rl/apprentice/srl/srltest"
	"github.com/apprentice-rl/apprentice/srl/stats"
)

// example is the example of a call.
func example(t require.TestingT, id, task, tool, arguments string) srl.Example {
	action, err := format.XML.Render(env.Action{Tool: tool, Arguments: json.RawMessage(arguments)})
	require.NoError(t, err)
	return srl.Example{SchemaVersion: srl.SchemaVersion, ID: id, Task: task, Action: action, Reward: reward.Bare(format.XML),
		Calls: []srl.Call{{Tool: tool, Arguments: json.RawMessage(arguments)}}}
}

// examples are those of two tasks, with steps of two tools.
func examples(t require.TestingT) []srl.Example {
	var list []srl.Example
	for i, file := range []string{"shop/pages.py", "shop/cart.py", "api/views.py", "api/urls.py", "README.md", "setup.py", "tox.ini", "conf.py", "a/b.go", "x/y.c"} {
		for _, task := range []string{"pages", "urls"} {
			list = append(list,
				example(t, fmt.Sprintf("%s.1#%d", task, 2*i+1), task, "bash", fmt.Sprintf(`{"command":"grep -rn 'def %s_%d' /testbed/%s"}`, task, i, file)),
				example(t, fmt.Sprintf("%s.1#%d", task, 2*i+2), task, "str_replace_editor", fmt.Sprintf(`{"command":"view","path":"/testbed/%s/%s"}`, task, file)))
		}
	}
	return list
}

func sample(seed uint64, memory int, list []srl.Example) *stats.Sample {
	s := stats.NewSample(seed, memory)
	for _, e := range list {
		s.Add(e)
	}
	return s
}

type named = func(format.Language) (reward.Reward, error)

func bare(l format.Language) (reward.Reward, error)  { return reward.Bare(l), nil }
func paper(l format.Language) (reward.Reward, error) { return reward.Paper(l), nil }

func measure(t require.TestingT, s *stats.Sample, o stats.Options) stats.Report {
	r, err := stats.Measure(context.Background(), s, o)
	require.NoError(t, err)
	return r
}

func TestMeasure(t *testing.T) {
	var done atomic.Int64
	r := measure(t, sample(0, 0, examples(t)), stats.Options{Rewards: []named{bare, paper}, Done: func() { done.Add(1) }})
	require.Equal(t, []int{40, 2, 40, 2, 0, 8}, []int{r.Examples, r.Tasks, r.Measured, r.MeasuredTasks, r.LeftOut, r.Group})
	require.EqualValues(t, 40, done.Load())
	require.Len(t, r.Rewards, 2)
	for _, w := range r.Rewards {
		t.Run(w.Name, func(t *testing.T) {
			require.Equal(t, stats.ClassReport{Class: stats.Same, Scores: 40, Mean: 1, P10: 1, Median: 1, P90: 1}, w.Class(stats.Same))
			require.Zero(t, w.NotScored)
			require.Greater(t, w.Near.Value, w.Wrong.Value)
			require.Greater(t, w.Wrong.Value, 0.0)
			require.Greater(t, w.AUC.Value, 0.5)
			require.LessOrEqual(t, w.Hard.Value, w.AUC.Value, "the same tool is harder to tell")
			require.Equal(t, 40, w.AUC.Examples)
			require.Positive(t, w.AUC.Error)
			n := 0
			for _, c := range w.Classes {
				n += c.Scores
				require.LessOrEqual(t, c.P10, c.Median)
				require.LessOrEqual(t, c.Median, c.P90)
				require.GreaterOrEqual(t, c.P10, 0.0, "nothing here breaks the format")
			}
			require.Equal(t, w.Scores, n)
			require.Equal(t, 320, w.Class(stats.SameTaskSameTool).Scores+w.Class(stats.SameTaskOtherTool).Scores)
			require.InDelta(t, 80, w.Class(stats.OtherTaskSameTool).Scores, 10, "two for each, unless chance finds none")
			require.InDelta(t, 80, w.Class(stats.OtherTaskOtherTool).Scores, 10, "two for each, unless chance finds none")
			for _, by := range [][]stats.Bucket{w.ByTool, w.ByKind, w.ByLength} {
				sum := 0
				for _, b := range by {
					sum += b.Examples
				}
				require.Equal(t, 40, sum)
			}
			require.Equal(t, []string{"bash", "str_replace_editor view"}, []string{w.ByTool[0].Name, w.ByTool[1].Name})
			for _, m := range w.Mixes {
				require.Len(t, m.Kept, len(r.Epsilons))
				require.True(t, slices.IsSortedFunc(m.Kept, func(a, b float64) int { return int(1000*b - 1000*a) }), "less is kept above")
				require.Equal(t, m.Kept[0], m.KeptAt(0))
				require.Zero(t, m.KeptAt(1))
				require.Positive(t, m.Groups, m.Mix)
			}
		})
	}
}

func TestMeasureDependsOnTheSeedAlone(t *testing.T) {
	want, err := json.Marshal(measure(t, sample(1, 0, examples(t)), stats.Options{Rewards: []named{bare}, Examples: 10}))
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.Permutation(examples(t)).Draw(t, "order")
		o := stats.Options{Rewards: []named{bare}, Examples: 10, Parallel: rapid.IntRange(1, 4).Draw(t, "parallel")}
		got, err := json.Marshal(measure(t, sample(1, 0, list), o))
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
	})
	other, err := json.Marshal(measure(t, sample(2, 0, examples(t)), stats.Options{Rewards: []named{bare}, Examples: 10}))
	require.NoError(t, err)
	require.NotEqual(t, string(want), string(other))
}

func TestSampleKeepsWholeTasksWhateverTheOrder(t *testing.T) {
	var list []srl.Example
	for task := range 20 {
		for step := range 5 {
			list = append(list, example(t, fmt.Sprintf("t%d.1#%d", task, step), fmt.Sprint(task), "bash", fmt.Sprintf(`{"command":"echo %d"}`, step)))
		}
	}
	all := stats.Options{Rewards: []named{bare}}
	want := measure(t, sample(0, 25_000, list), all)
	require.Positive(t, want.LeftOut)
	require.Zero(t, want.LeftOut%5, "tasks are kept whole")
	require.Equal(t, 100, want.Measured+want.LeftOut)
	require.Equal(t, []int{100, 20, want.Measured / 5}, []int{want.Examples, want.Tasks, want.MeasuredTasks})
	rapid.Check(t, func(t *rapid.T) {
		require.Equal(t, want, measure(t, sample(0, 25_000, rapid.Permutation(list).Draw(t, "order")), all))
	})

	one := measure(t, sample(0, 1500, list[:5]), all)
	require.Positive(t, one.Measured, "of one task that is too large, the first examples stay")
	require.Positive(t, one.LeftOut)
}

func TestMeasureSaysWhichExampleIsBroken(t *testing.T) {
	broken := example(t, "a.1#1", "a", "bash", `{}`)
	broken.Action = "prose"
	_, err := stats.Measure(context.Background(), sample(0, 0, []srl.Example{broken}), stats.Options{Rewards: []named{bare}})
	var wrong *stats.ExampleError
	require.ErrorAs(t, err, &wrong)
	require.ErrorContains(t, err, "example a.1#1: expert's action: no tool call")

	unknown := errors.New("no such reward")
	_, err = stats.Measure(context.Background(), sample(0, 0, examples(t)),
		stats.Options{Rewards: []named{func(format.Language) (reward.Reward, error) { return reward.Reward{}, unknown }}})
	require.ErrorIs(t, err, unknown)
}

func TestMeasureEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := stats.Measure(ctx, sample(0, 0, examples(t)), stats.Options{Rewards: []named{bare}})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, stats.NewSample(0, 0).Read(ctx, "x", strings.NewReader(jsonl(t, examples(t))), nil), context.Canceled)
}

func jsonl(t *testing.T, list []srl.Example) string {
	t.Helper()
	var b bytes.Buffer
	for _, e := range list {
		require.NoError(t, json.NewEncoder(&b).Encode(e))
	}
	return b.String()
}

func TestReadIsAdd(t *testing.T) {
	s, n := stats.NewSample(0, 0), 0
	require.NoError(t, s.Read(context.Background(), "x", strings.NewReader(jsonl(t, examples(t))), func() { n++ }))
	require.Equal(t, 40, n)
	o := stats.Options{Rewards: []named{bare}}
	require.Equal(t, measure(t, sample(0, 0, examples(t)), o), measure(t, s, o))
	var row *env.RowError
	require.ErrorAs(t, s.Read(context.Background(), "x", strings.NewReader("\n{"), nil), &row)
	require.Equal(t, 2, row.Line)
}

func TestNothingToMeasure(t *testing.T) {
	r := measure(t, stats.NewSample(0, 0), stats.Options{Rewards: []named{bare}})
	require.Equal(t, "Nothing was measured", r.Headline())
	page, err := r.HTML()
	require.NoError(t, err)
	require.Contains(t, string(page), "Nothing was measured")

	// One example has nothing to be compared with.
	r = measure(t, sample(0, 0, examples(t)[:1]), stats.Options{Rewards: []named{bare}})
	require.Equal(t, "Nothing was measured", r.Headline())
	require.Zero(t, r.Rewards[0].AUC)
	require.Equal(t, "–", r.Rewards[0].AUC.String())
	_, err = json.Marshal(r)
	require.NoError(t, err, "no number is missing in a way that JSON cannot write")
	_, err = r.HTML()
	require.NoError(t, err)
}

func TestPictures(t *testing.T) {
	list := examples(t)
	list[0].ID += "<&>"
	r := measure(t, sample(0, 0, list), stats.Options{Rewards: []named{bare, paper}})
	svg := r.SVG()
	require.Less(t, len(svg), 100_000)
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
	}
	page, err := r.HTML()
	require.NoError(t, err)
	require.Contains(t, string(page), strings.TrimSpace(string(svg)))
	require.Contains(t, string(page), "str_replace_editor view")
	for _, outside := range []string{"<script", "src=", "href=", "@import", "url("} {
		require.NotContains(t, string(page), outside, "the page holds all it needs")
	}
}

// realExamples are the calls of SWE-smith's published sample.
func realExamples(t *testing.T) []srl.Example {
	t.Helper()
	var list []srl.Example
	for _, c := range srltest.Calls(t) {
		calls, err := format.XML.Calls(c.Text, nil)
		require.NoError(t, err)
		list = append(list, example(t, fmt.Sprintf("%s#%d", c.Task, c.Turn), c.Task, calls[0].Tool, string(calls[0].Arguments)))
	}
	return list
}

// What docs/rewards.md says in general must hold for these calls by themselves.
func TestRealCalls(t *testing.T) {
	var all []named
	for _, name := range reward.Names() {
		all = append(all, func(l format.Language) (reward.Reward, error) { return reward.Named(name, l) })
	}
	r := measure(t, sample(0, 0, realExamples(t)), stats.Options{Rewards: all})
	rewards := map[string]stats.RewardReport{}
	for _, w := range r.Rewards {
		rewards[w.Name] = w
		require.Greater(t, w.AUC.Value, 0.85, w.Name)
		for _, m := range w.Mixes {
			switch m.Mix {
			case stats.OneRight:
				require.Greater(t, m.KeptAt(0.001), 0.99, w.Name)
			case stats.OneFile:
				require.Greater(t, m.KeptAt(0.001), 0.9, w.Name)
				require.Less(t, m.KeptAt(0.1), m.KeptAt(0.001)-0.2, "%s: a high threshold drops what could be learned", w.Name)
			}
		}
	}
	bare, paper, action := rewards["bare"], rewards["paper"], rewards["action"]
	require.Less(t, bare.Floor.Value, paper.Floor.Value-0.05, "the wrapper is a floor for everyone")
	require.Less(t, action.Floor.Value, 0.1)
	require.Greater(t, bare.Hard.Value, paper.Hard.Value)
	require.Greater(t, action.Class(stats.Rewritten).AUC.Value, bare.Class(stats.Rewritten).AUC.Value)
}
