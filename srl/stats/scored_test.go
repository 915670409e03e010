package stats_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/srl"
	"github.com/apprentice-rl/apprentice/srl/stats"
)

const groups = `{"id":"a#1","step":0,"tool":"bash","rewards":[1,0.5,0.5,0.5]}
{"id":"a#2","step":1,"tool":"bash","rewards":[1,1,1,1]}

{"id":"a#3","step":10,"rewards":[-1,0.5,0.5,0.5]}
{"id":"a#4","step":11,"rewards":[-1,-1,-1,-1],"other":"is not read"}
{"id":"a#5","rewards":[0.5,null,null,null]}
{"id":"a#6","rewards":[0.25,0.26,null,0.25]}
`

func TestScored(t *testing.T) {
	r, err := stats.ReadScored(context.Background(), "groups", strings.NewReader(groups), stats.ScoredOptions{
		Epsilons: []float64{0, 0.05, 0.7}, At: 0.05, Steps: 10, Batch: 2, Most: 4,
		Tool: func(id string) string { return map[string]string{"a#1": "not asked for", "a#3": "submit"}[id] },
	})
	require.NoError(t, err)
	require.Equal(t, []int{6, 20, 4, 5}, []int{r.Groups, r.Rewards, r.Unscored, r.FormatErrors})
	require.InDelta(t, 4.26/20, r.Mean, 1e-12)
	require.InDelta(t, 9.26/15, r.Similarity, 1e-12)
	require.Equal(t, []stats.FilterReport{
		{Epsilon: 0, FormatOnly: 1, Verdicts: map[srl.Verdict]int{srl.Kept: 3, srl.AllRight: 1, srl.AllFormatErrors: 1, srl.Unscored: 1}},
		{Epsilon: 0.05, FormatOnly: 1, Verdicts: map[srl.Verdict]int{srl.Kept: 2, srl.AllRight: 1, srl.AllFormatErrors: 1, srl.Unscored: 1, srl.NoSpread: 1}},
		{Epsilon: 0.7, Verdicts: map[srl.Verdict]int{srl.AllRight: 1, srl.AllFormatErrors: 1, srl.Unscored: 1, srl.NoSpread: 3}},
	}, r.Filters)
	require.Equal(t, []string{"0 to 9", "10 to 19"}, []string{r.ByStep[0].Name, r.ByStep[1].Name})
	require.Equal(t, stats.ScoredPart{Name: "bash", Groups: 2, Kept: 1, Mean: 6.5 / 8, Spread: r.ByTool[0].Spread}, r.ByTool[0])
	require.InDelta(t, 0.2165/2, r.ByTool[0].Spread, 0.0001)
	require.Equal(t, []any{"submit", 1, 0.25}, []any{r.ByTool[1].Name, r.ByTool[1].Kept, r.ByTool[1].FormatErrors})
	require.Equal(t, []int{1, 0, 0, 6}, []int{r.Refill.Batches, r.Refill.Short, r.Refill.Waiting, r.Refill.Groups})
}

func TestScoredRefusesWhatIsNoReward(t *testing.T) {
	for text, want := range map[string]string{
		`{"id":"a"}`:                   "groups:2:1: field rewards: it is missing: a list of numbers and nulls is wanted",
		`{"id":"a","rewards":[0,1.5]}`: "groups:2:1: field rewards: number 2 is 1.5: rewards are from -1 to 1",
		`{"id":"a","rewards":[-1.01]}`: "groups:2:1: field rewards: number 1 is -1.01: rewards are from -1 to 1",
		`{"id":"a","rewards":["1"]}`:   "groups:2:22: field rewards/0: a JSON string was not to be here",
		`{"id":"a","rewards":`:         "groups:2:22: the line is not a JSON object: unexpected EOF",
	} {
		_, err := stats.ReadScored(context.Background(), "groups", strings.NewReader("\n"+text+"\n"), stats.ScoredOptions{})
		var row *env.RowError
		require.ErrorAs(t, err, &row)
		require.EqualError(t, err, want)
	}
	_, err := stats.ReadScored(context.Background(), "groups", strings.NewReader(groups), stats.ScoredOptions{Batch: 2, Most: 1})
	require.EqualError(t, err, "at most 1 groups for a batch of 2: want at least as many, or 0 for no bound")
}

// Whatever stands in a file is read or refused.
func FuzzReadScored(f *testing.F) {
	f.Add(groups)
	f.Add(`{"id":"a","rewards":[1e308,-1]}`)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := stats.ReadScored(context.Background(), "groups", strings.NewReader(text), stats.ScoredOptions{Batch: 1, Steps: 7})
		if err != nil {
			return
		}
		for _, f := range r.Filters {
			sum := 0
			for _, n := range f.Verdicts {
				sum += n
			}
			require.Equal(t, r.Groups, sum)
		}
		require.Equal(t, r.Groups, r.Refill.Groups)
	})
}
