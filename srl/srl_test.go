package srl_test

import (
	"encoding/json"
	"flag"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/srl"
	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/srl/reward"
	"github.com/apprentice-rl/apprentice/trajectories"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a file below testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o777))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o666))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run the test with -update to write it")
	require.Equal(t, string(want), got)
}

// A turn is what one answer of the expert does, and what came back.
type turn struct {
	actions      []env.Action
	observations []string
	formatError  string
	failed       bool
}

func call(id, tool, arguments string) env.Action {
	return env.Action{ID: id, Tool: tool, Arguments: json.RawMessage(arguments)}
}

// trajectory puts turns on record.
func trajectory(turns ...turn) *trajectories.Trajectory {
	t := &trajectories.Trajectory{
		Header: trajectories.Header{
			Version: trajectories.Version,
			ID:      "shop__pages-1.1",
			Attempt: 1,
			Task: trajectories.Task{
				ID:               "shop__pages-1",
				Repo:             "shop/pages",
				ProblemStatement: "The last page is empty when total % size == 0.\n\nI expect `pages(20, 10) == 2`, but it is 3 <sic>.\n",
			},
			Policy: trajectories.Policy{Name: "oracle", SyntheticReasoning: true},
			Tools: []trajectories.Tool{
				{Name: "bash", Description: "Runs a command in a bash session.",
					Parameters: json.RawMessage(`{"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}`)},
				{Name: "str_replace_editor", Description: "Views and edits files.",
					Parameters: json.RawMessage(`{"type": "object", "properties": {"command": {"enum": ["view", "str_replace"]}, "path": {"type": "string"},` +
						` "old_str": {"type": "string"}, "new_str": {"type": "string"}, "view_range": {"type": "array"}}}`)},
				{Name: "submit", Description: "Ends the task."},
			},
		},
		End: &trajectories.End{Status: trajectories.ExitSubmitted},
	}
	for i, turn := range turns {
		t.Turns = append(t.Turns, trajectories.Turn{N: i + 1, Time: time.Unix(int64(i), 0), Reasoning: "An expert's prose.",
			Actions: turn.actions, FormatError: turn.formatError})
		for j, text := range turn.observations {
			t.Observations = append(t.Observations, trajectories.Observation{Turn: i + 1,
				Observation: env.Observation{Action: turn.actions[j].ID, Text: text, Failed: turn.failed}})
		}
	}
	return t
}

// episode is a small episode with everything that is special in it.
func episode() *trajectories.Trajectory {
	return trajectory(
		turn{actions: []env.Action{call("a1", "bash", `{"command": "grep -rn 'def pages' /testbed | head"}`)},
			observations: []string{"/testbed/shop/pages.py:4:def pages(total, size):\n"}},
		turn{formatError: "no tool call"},
		turn{actions: []env.Action{call("a2", "str_replace_editor", `{"command": "view", "path": "/testbed/shop/pages.py", "view_range": [1, 6]}`),
			call("a3", "bash", `{"command": "cat /testbed/shop/log.txt"}`)},
			observations: []string{"     4\tdef pages(total, size):\n     5\t    return total // size + 1", strings.Repeat("é", 60) + strings.Repeat("z", 60)}},
		turn{actions: []env.Action{call("a4", "str_replace_editor", `{"command":"str_replace","path":"/testbed/shop/pages.py",`+
			`"old_str":"    return total // size + 1\n","new_str":"    return -(-total // size) if total > 0 else 0\n"}`)},
			observations: []string{"The file /testbed/shop/pages.py has been edited."}},
		turn{actions: []env.Action{call("a5", "submit", `{}`)}},
	)
}

func collect(t *testing.T, examples iter.Seq2[srl.Example, error]) []srl.Example {
	t.Helper()
	var list []srl.Example
	for e, err := range examples {
		require.NoError(t, err)
		list = append(list, e)
	}
	return list
}

// jsonl writes examples as 'apprentice srl steps' does.
func jsonl(t *testing.T, examples []srl.Example) string {
	t.Helper()
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	for _, e := range examples {
		require.NoError(t, encoder.Encode(e))
	}
	return b.String()
}

func TestExamplesAsJSONL(t *testing.T) {
	golden(t, "examples.jsonl", jsonl(t, collect(t, srl.Examples(episode(), srl.Options{ObservationCap: 100}))))
}

func TestPrompt(t *testing.T) {
	for _, l := range []format.Language{format.XML, format.JSON, format.Bash} {
		t.Run(string(l), func(t *testing.T) {
			list := collect(t, srl.Examples(episode(), srl.Options{ObservationCap: 100, Reward: reward.Bare(l)}))
			var b strings.Builder
			for _, e := range []srl.Example{list[0], list[1], list[3]} {
				b.WriteString("=== " + e.ID + "\n")
				for _, m := range e.Messages {
					b.WriteString("--- " + m.Role + "\n" + m.Content + "\n")
				}
				b.WriteString("--- expert\n" + e.Action + "\n")
			}
			golden(t, "prompt."+string(l)+".txt", b.String())
		})
	}
}

// long is an episode of n steps, in which step i runs "echo step-i".
func long(n int) *trajectories.Trajectory {
	var turns []turn
	for i := range n {
		s := string(rune('a' + i))
		turns = append(turns, turn{actions: []env.Action{call(s, "bash", `{"command":"echo step-`+s+`"}`)}, observations: []string{"seen-" + s}})
	}
	return trajectory(turns...)
}

func TestWindow(t *testing.T) {
	tests := []struct {
		name   string
		window int
		shown  []string // in the prompt of step 5
		said   string
	}{
		{"two steps by default", 0, []string{"c", "d"}, "steps 1 to 2 are left out"},
		{"one step", 1, []string{"d"}, "steps 1 to 3 are left out"},
		{"one step is left out", 3, []string{"b", "c", "d"}, "step 1 is left out"},
		{"as many as there are", 4, []string{"a", "b", "c", "d"}, "These are the steps so far."},
		{"more than there are", 40, []string{"a", "b", "c", "d"}, "These are the steps so far."},
		{"full history", -1, []string{"a", "b", "c", "d"}, "These are the steps so far."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list := collect(t, srl.Examples(long(6), srl.Options{Window: tt.window}))
			require.Len(t, list, 6)
			e := list[4]
			require.Equal(t, 5, e.Step)
			require.Contains(t, e.Messages[1].Content, tt.said)
			for _, s := range []string{"a", "b", "c", "d", "e", "f"} {
				shown := strings.Contains(strings.Join(tt.shown, ""), s)
				require.Equal(t, shown, strings.Contains(e.Messages[1].Content, "echo step-"+s), s)
				require.Equal(t, shown, strings.Contains(e.Messages[1].Content, "seen-"+s), s)
			}
		})
	}
}

func TestTargetsButLastLeavesOnlyTheLastStepOut(t *testing.T) {
	all := collect(t, srl.Examples(long(5), srl.Options{Window: 1}))
	butLast := collect(t, srl.Examples(long(5), srl.Options{Window: 1, Targets: srl.TargetsButLast}))
	require.Equal(t, all[:4], butLast)
	require.Empty(t, collect(t, srl.Examples(long(1), srl.Options{Targets: srl.TargetsButLast})))
	require.Empty(t, collect(t, srl.Examples(long(0), srl.Options{Targets: srl.TargetsButLast})))
}

func TestObservationsAreCutInTheMiddle(t *testing.T) {
	tests := []struct {
		name, text string
		cap        int
		want       string
	}{
		{"as long as allowed", strings.Repeat("é", 8000), 0, strings.Repeat("é", 8000)},
		{"one more", strings.Repeat("é", 8001), 0, strings.Repeat("é", 4000) + "\n[1 characters are left out here]\n" + strings.Repeat("é", 4000)},
		{"no cap", strings.Repeat("é", 8001), -1, strings.Repeat("é", 8001)},
		{"odd cap", "abcdefgh", 3, "ab\n[5 characters are left out here]\nh"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tr := trajectory(
				turn{actions: []env.Action{call("1", "bash", `{"command":"ls"}`)}, observations: []string{tt.text}},
				turn{actions: []env.Action{call("2", "submit", `{}`)}})
			list := collect(t, srl.Examples(tr, srl.Options{ObservationCap: tt.cap}))
			require.Contains(t, list[1].Messages[1].Content, "\nOBSERVATION:\n"+tt.want+"\n\n")
		})
	}
}

func TestAnActionThatXMLCannotHoldIsOneError(t *testing.T) {
	tr := trajectory(
		turn{actions: []env.Action{call("1", "bash", `{"command":"echo 1"}`)}},
		turn{actions: []env.Action{call("2", "bash", `{"command":"echo '</parameter>'"}`)}},
		turn{actions: []env.Action{call("3", "bash", `{"command":"echo 3"}`)}},
		turn{actions: []env.Action{call("4", "bash", `{"command":"echo 4"}`)}})
	var good []int
	var bad []string
	for e, err := range srl.Examples(tr, srl.Options{Window: 1}) {
		if err != nil {
			require.ErrorIs(t, err, format.ErrCannotHold)
			require.Empty(t, e)
			bad = append(bad, err.Error()[:strings.Index(err.Error(), ": call")])
			continue
		}
		good = append(good, e.Step)
	}
	require.Equal(t, []int{1, 4}, good)
	require.Equal(t, []string{"trajectory shop__pages-1.1, step 2", "trajectory shop__pages-1.1, step 3: past step 2"}, bad)

	require.Len(t, collect(t, srl.Examples(tr, srl.Options{Window: 1, Reward: reward.Bare(format.JSON)})), 4)
}

func TestBadOptionsAreOneError(t *testing.T) {
	tests := []struct {
		name string
		opts srl.Options
		want string
	}{
		{"targets", srl.Options{Targets: "some"}, `unknown targets "some": use all or n-1`},
		{"tokens", srl.Options{ObservationTokens: -1}, "tokens of an observation are -1: they cannot be negative"},
		{"language", srl.Options{Reward: reward.Bare("yaml")}, `unknown action language "yaml": use xml, json, bash or text`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := 0
			for _, err := range srl.Examples(episode(), tt.opts) {
				require.EqualError(t, err, tt.want)
				n++
			}
			require.Equal(t, 1, n)
		})
	}
}

func TestExamplesMakesOnlyWhatIsAskedFor(t *testing.T) {
	for e, err := range srl.Examples(long(5), srl.Options{}) {
		require.NoError(t, err)
		require.Equal(t, 1, e.Step)
		break
	}
}

func TestTheExpertsOwnActionScoresOne(t *testing.T) {
	for _, l := range []format.Language{format.XML, format.JSON, format.Bash} {
		for _, r := range []reward.Reward{reward.Bare(l), reward.Paper(l)} {
			for _, e := range collect(t, srl.Examples(episode(), srl.Options{Reward: r})) {
				score, err := e.Reward.Score(format.Write("", e.Action), e.Action)
				require.NoError(t, err)
				require.Equal(t, 1.0, score, "%s, %s, %s", l, r.Name, e.ID)
			}
		}
	}
}

func TestPerturbationsShowADenseReward(t *testing.T) {
	list := collect(t, srl.Examples(episode(), srl.Options{}))
	var b strings.Builder
	for i, e := range list {
		other := list[(i+1)%len(list)].Action
		b.WriteString("=== " + e.ID + "\n")
		for _, p := range srl.Perturb(e, other) {
			score, err := e.Reward.Score(p.Output, e.Action)
			require.NoError(t, err)
			switch p.Name {
			case srl.SameAction:
				require.Equal(t, 1.0, score)
			case srl.ProseWithoutCall:
				require.Equal(t, reward.FormatError, score)
			default:
				require.GreaterOrEqual(t, score, 0.0, p.Name)
				require.Less(t, score, 1.0, p.Name)
			}
			text, err := json.Marshal(score)
			require.NoError(t, err)
			b.WriteString("--- " + p.Name + ": " + string(text) + "\n" + p.Output + "\n")
		}
		require.Equal(t, srl.Perturb(e, other), srl.Perturb(e, other))
	}
	golden(t, "perturbations.txt", b.String())
}

func TestPerturbLeavesOutWhatHasNoRoom(t *testing.T) {
	names := func(a env.Action, other string) []string {
		e := collect(t, srl.Examples(trajectory(turn{actions: []env.Action{a}}), srl.Options{}))[0]
		var list []string
		for _, p := range srl.Perturb(e, other) {
			list = append(list, p.Name)
		}
		return list
	}
	const submit = "<function=submit>\n</function>"
	require.Equal(t, []string{srl.SameAction, srl.WrongTool, srl.ProseWithoutCall}, names(call("1", "submit", `{}`), submit))
	require.Equal(t, []string{srl.SameAction, srl.OtherExpertStep, srl.ProseWithoutCall}, names(call("1", "bash", `{"command":"ls"}`), submit))
	require.Equal(t, []string{srl.SameAction, srl.OneWordChanged, srl.OtherFile, srl.WrongTool, srl.ProseWithoutCall},
		names(call("1", "bash", `{"command":"python3 shop/pages.py"}`), ""))
}

func TestKeep(t *testing.T) {
	tests := []struct {
		name    string
		rewards []float64
		eps     float64
		want    bool
	}{
		{"no rollouts", nil, 0, false},
		{"one rollout", []float64{0.3}, 0, false},
		{"equal rewards", []float64{0.1, 0.1, 0.1}, 0, false},
		{"unequal rewards", []float64{0.1, 0.1, 0.2}, 0, true},
		{"a deviation of eps is not more", []float64{0, 1}, 0.5, false},
		{"population, not sample (0.707)", []float64{0, 1}, 0.6, false},
		{"more than eps", []float64{0, 1}, 0.49, true},
		{"one format error among eight", []float64{-1, .5, .5, .5, .5, .5, .5, .5}, 0.49, true},
		{"is a deviation of 0.496", []float64{-1, .5, .5, .5, .5, .5, .5, .5}, 0.4961, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, srl.Keep(tt.rewards, tt.eps))
		})
	}
}

func TestKeepDoesNotDependOnTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rewards := rapid.SliceOfN(rapid.Float64Range(-1, 1), 1, 16).Draw(t, "rewards")
		eps := rapid.Float64Range(0.001, 1).Draw(t, "eps")
		shuffled := rapid.Permutation(rewards).Draw(t, "shuffled")
		mean, squares := 0.0, 0.0
		for _, r := range rewards {
			mean += r
			squares += r * r
		}
		mean /= float64(len(rewards))
		deviation := math.Sqrt(max(0, squares/float64(len(rewards))-mean*mean))
		if math.Abs(deviation-eps) < 1e-6 {
			t.Skip("too close for floating point")
		}
		require.Equal(t, deviation > eps, srl.Keep(rewards, eps))
		require.Equal(t, srl.Keep(rewards, eps), srl.Keep(shuffled, eps))
	})
}

func TestStepsThatNobodyMayLearnFromAreOnlyShown(t *testing.T) {
	for name, change := range map[string]func(*trajectories.Turn){
		"copied":            func(t *trajectories.Turn) { t.Copied = true },
		"synthetic":         func(t *trajectories.Turn) { t.Synthetic = true },
		"invalid arguments": func(t *trajectories.Turn) { t.Calls = []trajectories.Call{{}, {Invalid: true}} },
	} {
		t.Run(name, func(t *testing.T) {
			whole := collect(t, srl.Examples(episode(), srl.Options{}))
			tr := episode()
			change(&tr.Turns[2]) // the second step
			got := collect(t, srl.Examples(tr, srl.Options{}))
			require.Equal(t, slices.Delete(whole, 1, 2), got, "the other examples, prompts included, stay as they are")
			require.Contains(t, got[1].Messages[1].Content, "cat /testbed/shop/log.txt")
		})
	}
}
