package reward_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/srl/reward"
	"github.com/apprentice-rl/apprentice/srl/reward/difflib"
)

const expert = "<function=bash>\n<parameter=command>ls -l</parameter>\n</function>"

func TestScore(t *testing.T) {
	const (
		think = "<think>look</think>"
		other = "<function=bash>\n<parameter=command>pwd</parameter>\n</function>"
	)
	paper, bare := reward.Paper(format.XML), reward.Bare(format.XML)
	tests := []struct {
		name   string
		reward reward.Reward
		output string
		want   float64
	}{
		{"the same", paper, think + expert, 1},
		{"the same, bare", bare, think + expert, 1},
		{"another thought", bare, "<think>something else</think>\n" + expert, 1},
		{"another command, wrapper kept", paper, think + other, difflib.Compare(other, expert, true).Ratio},
		{"another command, wrapper stripped", bare, think + other, difflib.Compare("bash\npwd", "bash\nls -l", false).Ratio},
		{"layout counts when the wrapper is kept", paper, think + "<function=bash><parameter=command>ls -l</parameter></function>",
			2 * 62.0 / (62 + 64)},
		{"layout does not count without it", bare, think + "<function=bash><parameter=command>ls -l</parameter></function>", 1},
		{"prose", bare, think + "I would list the files.", -1},
		{"no end of the thought", paper, expert, -1},
		{"two calls for one", bare, think + expert + expert, -1},
		{"an empty output", bare, "", -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.reward.Score(tt.output, expert)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
	require.Less(t, difflib.Compare("bash\npwd", "bash\nls -l", false).Ratio, difflib.Compare(other, expert, true).Ratio)
}

func TestScoreTakesTheModelFirst(t *testing.T) {
	action := func(command string) string { return "```bash\n" + command + "\n```" }
	r := reward.Bare(format.Bash)
	got, err := r.Score("</think>"+action("tide"), action("diet"))
	require.NoError(t, err)
	require.Equal(t, difflib.Compare("bash\ntide", "bash\ndiet", false).Ratio, got)
	require.NotEqual(t, difflib.Compare("bash\ndiet", "bash\ntide", false).Ratio, got)
}

func TestScoreBlamesTheModelForItsOutputOnly(t *testing.T) {
	r := reward.Bare(format.XML)
	_, err := r.Score("<think></think>"+expert, "just prose")
	require.EqualError(t, err, "expert's action: no tool call after </think>")

	_, err = reward.Bare("yaml").Score("anything", expert)
	require.ErrorContains(t, err, `unknown action language "yaml"`)

	r.Wrapper = ""
	_, err = r.Score("<think></think>"+expert, expert)
	require.ErrorContains(t, err, `unknown wrapper setting ""`)
}

func TestRewardIsRecordedWhole(t *testing.T) {
	got, err := json.Marshal(reward.Paper(format.XML))
	require.NoError(t, err)
	require.JSONEq(t, `{"name":"paper","version":1,"autojunk":true,"wrapper":"kept","format":{"language":"xml"}}`, string(got))
}
