package srl_test

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/srl"
	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/srl/reward"
	"github.com/apprentice-rl/apprentice/trajectories"
)

const worked = `{"question": "What is 2+3?", "solution": "ignored", "deepseek_attempt": "Let me see.\n\n1. **Add**: take\n   1. two\n   2. **three**\n\n2. **Check:** 5-3=2\n### 3. **Answer**\n\\boxed{5}\n"}`

func solutions(t *testing.T, text string, fields srl.SolutionFields) (whole []*trajectories.Trajectory, wrong []error) {
	t.Helper()
	for tr, err := range srl.Solutions("f", strings.NewReader(text), fields) {
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		whole = append(whole, tr)
	}
	return whole, wrong
}

func TestSolutionsBecomeExamples(t *testing.T) {
	whole, wrong := solutions(t, worked+"\n", srl.SolutionFields{})
	require.Empty(t, wrong)
	p, err := srl.Find("paper-math")
	require.NoError(t, err)
	opts := p.Options
	opts.Targets, opts.Hint = srl.TargetsAll, true
	list := collect(t, srl.Examples(whole[0], p.Make(opts)))
	require.Len(t, list, 3)

	// The lists in the first step, with a title of their own even, are no steps.
	require.Equal(t, "1. **Add**: take\n   1. two\n   2. **three**", list[0].Action)
	require.Equal(t, "2. **Check:** 5-3=2", list[1].Action)
	require.Equal(t, "### 3. **Answer**\n\\boxed{5}", list[2].Action)
	require.Equal(t, []string{"Add", "Check", "Answer"}, []string{list[0].Title, list[1].Title, list[2].Title})
	require.Equal(t, "f-1#3", list[2].ID)
	require.True(t, strings.HasPrefix(list[0].Messages[0].Content, "You are a helpful assistant for solving mathematical problems."))
	require.Equal(t, "What is 2+3?\n\nThe next step is: 1. **Add**", list[0].Messages[1].Content)
	require.Equal(t, "What is 2+3?\n\n1. **Add**: take\n   1. two\n   2. **three**\n\nThe next step is: 2. **Check**", list[1].Messages[1].Content)
	require.Equal(t, srl.Made{Name: "paper-math", Version: 1, Epsilon: 0.001, Changed: []string{"hint=true", "targets=all"}}, list[0].Profile)
	for _, e := range list {
		score, err := e.Reward.Score("<think>so</think>\n"+e.Action, e.Action)
		require.NoError(t, err)
		require.Equal(t, 1.0, score)
		score, err = e.Reward.Score(e.Action, e.Action)
		require.NoError(t, err)
		require.Equal(t, -1.0, score)
	}

	require.Len(t, collect(t, srl.Examples(whole[0], p.Options)), 2, "as the paper does, the last step is none")
}

func TestRowsThatAreNoSolutions(t *testing.T) {
	row := func(solution string) string { return `{"id":"r","question":"q","solution":"` + solution + `"}` }
	for name, text := range map[string]string{
		"prose":               row("It is 5."),
		"one step":            row(`1. **All** 5`),
		"a step is missing":   row(`1. **A** x\n3. **B** y`),
		"no titles":           row(`1. x\n2. y`),
		"begins in the midst": row(`2. **A** x\n3. **B** y`),
	} {
		whole, wrong := solutions(t, text+"\n"+worked, srl.SolutionFields{})
		require.Len(t, wrong, 1, name)
		require.ErrorIs(t, wrong[0], srl.ErrUnstructured, name)
		require.ErrorContains(t, wrong[0], "f:1: ", name)
		require.Len(t, whole, 1, "the next row follows")
	}
	for text, want := range map[string]string{
		"\n{\"question\":":              "f:2:13: unexpected end of JSON input",
		`{"problem":"q"}`:               "f:1:1: field question: there is no text of the problem",
		`{"question":"q","solution":1}`: "f:1:1: field deepseek_attempt: there is no text of the solution",
	} {
		_, wrong := solutions(t, text+"\n"+worked, srl.SolutionFields{})
		require.Len(t, wrong, 1, "nothing follows a broken row")
		require.EqualError(t, wrong[0], want)
		var broken *env.RowError
		require.ErrorAs(t, wrong[0], &broken)
	}
	whole, wrong := solutions(t, `{"n":"x","p":"q","s":"1. **A** x\n2. **B** y"}`, srl.SolutionFields{ID: "n", Problem: "p", Solution: "s"})
	require.Empty(t, wrong)
	require.Equal(t, "x", whole[0].Header.Task.ID)
	for _, err := range srl.Solutions("f", iotest.ErrReader(errors.New("gone")), srl.SolutionFields{}) {
		require.EqualError(t, err, "reading f: gone")
	}
}

func FuzzSolutions(f *testing.F) {
	f.Add(worked)
	f.Add("{}\n[]")
	f.Fuzz(func(t *testing.T, text string) {
		for tr, err := range srl.Solutions("f", strings.NewReader(text), srl.SolutionFields{}) {
			if err != nil {
				continue
			}
			p, err := srl.Find("paper-math")
			require.NoError(t, err)
			for e, err := range srl.Examples(tr, p.Options) {
				require.NoError(t, err)
				score, err := e.Reward.Score("</think>"+e.Action, e.Action)
				require.NoError(t, err)
				require.True(t, score == 1 || strings.Contains(e.Action, "think>"), "%q", e.Action)
			}
		}
	})
}

func TestOptionsOfPrompts(t *testing.T) {
	last := func(opts srl.Options) string {
		list := collect(t, srl.Examples(episode(), opts))
		return list[2].Messages[1].Content
	}
	require.NotContains(t, last(srl.Options{}), "An expert's prose.")
	require.Contains(t, last(srl.Options{Reasoning: true}), "--- step 2 ---\nAn expert's prose.\n<function=")

	cut := last(srl.Options{ObservationTokens: 10})
	require.Contains(t, cut, "\n"+strings.Repeat("é", 8)+"\n[about 42 tokens are left out here]\n"+strings.Repeat("z", 17)+"\n")
	require.Contains(t, last(srl.Options{ObservationTokens: 9, ObservationCap: 1}), "\n"+strings.Repeat("é", 8)+"\n[about 43 tokens are left out here]\n"+strings.Repeat("z", 14)+"\n")
	require.ErrorContains(t, srl.Options{Exclude: []srl.Exclusion{"x"}}.Check(), `there are no steps called "x" to exclude`)
}

func TestProfilesAreWhole(t *testing.T) {
	for _, p := range srl.Profiles() {
		require.NoError(t, p.Options.Check(), p.Name)
		require.Positive(t, p.Epsilon)
		require.NotEmpty(t, p.Gaps)
		found, err := srl.Find(p.Name)
		require.NoError(t, err)
		require.Equal(t, p, found)
	}
	_, err := srl.Find("x")
	require.EqualError(t, err, `there is no profile "x": use one of [default paper paper-math]`)
}

func TestExamplesSayWhatWasChanged(t *testing.T) {
	paper, err := srl.Find("paper")
	require.NoError(t, err)
	made := func(change func(*srl.Options)) srl.Made {
		o := paper.Options
		change(&o)
		return collect(t, srl.Examples(episode(), paper.Make(o)))[0].Profile
	}
	require.Equal(t, srl.Made{Name: "paper", Version: 1, Epsilon: 0.001}, made(func(*srl.Options) {}))
	// What is asked for and is the profile's own is no change.
	require.Empty(t, made(func(o *srl.Options) { o.Window, o.Targets = 2, srl.TargetsButLast }).Changed)
	require.Equal(t, []string{"exclude=submit,views", "language=json", "observation-cap=-1", "reward=action", "window=-1"},
		made(func(o *srl.Options) {
			o.Exclude = []srl.Exclusion{srl.ExcludeViews, srl.ExcludeSubmit}
			o.Reward = reward.Action(format.JSON)
			o.ObservationCap, o.Window = -5, -7
		}).Changed)
}
