package reward_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/sourcegraph/conc"
	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/srl/reward"
	"github.com/apprentice-rl/apprentice/srl/reward/difflib"
	"github.com/apprentice-rl/apprentice/srl/srltest"
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
	require.EqualError(t, err, `reward bare is with wrapper "stripped", and not ""`)
}

func TestRewardIsRecordedWhole(t *testing.T) {
	got, err := json.Marshal(reward.Paper(format.XML))
	require.NoError(t, err)
	require.JSONEq(t, `{"name":"paper","version":1,"autojunk":true,"wrapper":"kept","format":{"language":"xml"}}`, string(got))
	for _, name := range reward.Names() {
		r, err := reward.Named(name, format.JSON)
		require.NoError(t, err)
		require.Equal(t, name, r.Name)
		r.Format.TagsStripped = true
		text, err := json.Marshal(r)
		require.NoError(t, err)
		var again reward.Reward
		require.NoError(t, json.Unmarshal(text, &again))
		require.Equal(t, r, again)
	}
}

func TestARewardThatThisProgramDoesNotHaveIsAnError(t *testing.T) {
	for record, want := range map[string]string{
		`{"name":"fancy","version":1,"format":{"language":"xml"}}`:                                       `unknown reward "fancy": use bare, paper, action, patch`,
		`{"name":"bare","version":2,"wrapper":"stripped","format":{"language":"xml"}}`:                   "reward bare has version 1 in this program, and not 2: their scores may differ",
		`{"name":"bare","version":1,"wrapper":"kept","format":{"language":"xml"}}`:                       `reward bare is with wrapper "stripped", and not "kept"`,
		`{"name":"action","version":1,"autojunk":true,"wrapper":"stripped","format":{"language":"xml"}}`: "reward action is with autojunk false, and not true",
		`{"name":"bare","version":1,"wrapper":"stripped","format":{"language":"yaml"}}`:                  `unknown action language "yaml": use xml, json, bash or text`,
		`{}`: "unknown action language \"\": use xml, json, bash or text",
		`[]`: "cannot unmarshal",
	} {
		var r reward.Reward
		require.ErrorContains(t, json.Unmarshal([]byte(record), &r), want)
		require.Empty(t, r)
	}
	_, err := reward.Reward{}.Target(expert)
	require.Error(t, err, "one that was never set")
}

// What docs/rewards.md lists as malformed, row by row.
func TestMalformedOutputs(t *testing.T) {
	const (
		call    = expert
		jsonLS  = `{"name":"bash","arguments":{"command":"ls -l"}}`
		fenceLS = "```bash\nls -l\n```"
	)
	long := strings.Repeat("I look again. ", 1<<18) // 3.5 MB
	tests := []struct {
		name     string
		language format.Language
		output   string
		want     format.Violation // empty: it is scored
	}{
		{"empty", format.XML, "", format.NoThoughtEnd},
		{"space only", format.XML, " \n\t", format.NoThoughtEnd},
		{"only a thought", format.XML, "<think>look</think>", format.NoAction},
		{"a thought that does not end", format.XML, "<think>look " + call, format.NoThoughtEnd},
		{"no thought", format.XML, call, format.NoThoughtEnd},
		{"a lone end, as templates leave it", format.XML, "look</think>" + call, ""},
		{"nested thoughts", format.XML, "<think>a<think>b</think></think>" + call, format.ThinkTags},
		{"two thoughts", format.XML, "<think>a</think><think>b</think>" + call, format.ThinkTags},
		{"two ends", format.XML, "<think>a</think></think>" + call, format.ThinkTags},
		{"an empty thought", format.XML, "<think></think>" + call, ""},
		{"tags in an argument", format.XML, "<think>a</think>" + strings.Replace(call, "-l", "'<think></think>'", 1), ""},
		{"a parameter that does not end", format.XML, "<think>a</think>" + strings.Replace(call, "</parameter>", "", 1), format.BadCall},
		{"a parameter twice", format.XML, "<think>a</think><function=bash><parameter=a>1</parameter><parameter=a>2</parameter></function>", format.BadCall},
		{"a function without a name", format.XML, "<think>a</think><function=></function>", format.BadCall},
		{"two calls for one", format.XML, "<think>a</think>" + call + call, format.TooManyCalls},
		{"a call that does not end", format.XML, "<think>a</think>" + strings.TrimSuffix(call, "</function>"), format.BadCall},
		{"a call of a tool that there is not", format.XML, "<think>a</think><function=fly>\n<parameter=to>moon</parameter>\n</function>", ""},
		{"broken arguments", format.JSON, `<think>a</think>{"name":"bash","arguments":{"command":"ls -l}}`, format.BadCall},
		{"arguments that are no object", format.JSON, `<think>a</think>{"name":"bash","arguments":7}`, format.BadCall},
		{"null for arguments", format.JSON, `<think>a</think>{"name":"bash","arguments":null}`, ""},
		{"no arguments", format.JSON, `<think>a</think>{"name":"bash"}`, ""},
		{"arguments in a string", format.JSON, `<think>a</think>{"name":"bash","arguments":"{\"command\":\"ls -l\"}"}`, ""},
		{"a fence that does not end", format.Bash, "<think>a</think>```bash\nls -l", format.BadCall},
		{"prose without a call", format.XML, "<think>a</think>I would list the files.", format.NoCall},
		{"prose before the thought", format.XML, "Sure! <think>a</think>" + call, format.Prose},
		{"prose before the call", format.XML, "<think>a</think>Now: " + call, format.Prose},
		{"prose after the call", format.XML, "<think>a</think>" + call + "\nDone.", format.Prose},
		{"solution tags around the call", format.XML, "<think>a</think><solution>" + call + "</solution>", format.Prose},
		{"special tokens after the call", format.XML, "<think>a</think>" + call + "<|im_end|>", format.Prose},
		{"another language", format.XML, "<think>a</think>" + jsonLS, format.NoCall},
		{"another language, again", format.JSON, "<think>a</think>" + fenceLS, format.NoCall},
		{"bytes that are not UTF-8", format.XML, "<think>\xff\xfe</think>" + strings.Replace(call, "-l", "-\xed\xa0\x80", 1), ""},
		{"a NUL", format.XML, "<think>\x00</think>" + strings.Replace(call, "-l", "\x00", 1), ""},
		{"megabytes of thought", format.XML, "<think>" + long + "</think>" + call, ""},
		{"megabytes of thought without an end", format.XML, "<think>" + long, format.NoThoughtEnd},
		{"megabytes of action", format.XML, "<think>a</think>" + strings.Replace(call, "-l", long, 1), ""},
		{"megabytes of tags", format.XML, strings.Repeat("<think>", 1<<18) + strings.Repeat("</think>", 1<<18), format.ThinkTags},
		{"megabytes of calls", format.XML, "<think></think>" + strings.Repeat(call, 1<<14), format.TooManyCalls},
	}
	experts := map[format.Language]string{format.XML: call, format.JSON: jsonLS, format.Bash: fenceLS}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, name := range reward.Names() {
				r, err := reward.Named(name, tt.language)
				require.NoError(t, err)
				target, err := r.Target(experts[tt.language])
				require.NoError(t, err)
				got, err := target.Score(t.Context(), tt.output, time.Minute)
				require.NoError(t, err)
				require.Equal(t, tt.want, got.Violation, name)
				require.Empty(t, got.NotScored, name)
				if tt.want != "" {
					require.Equal(t, reward.FormatError, got.Value, name)
					continue
				}
				require.GreaterOrEqual(t, got.Value, 0.0, name)
				require.LessOrEqual(t, got.Value, 1.0, name)
			}
		})
	}
}

func TestFewerCallsThanTheExpertsAreScored(t *testing.T) {
	for _, name := range reward.Names() {
		r, err := reward.Named(name, format.XML)
		require.NoError(t, err)
		got, err := r.Score("<think></think>"+expert, expert+"\n"+strings.Replace(expert, "ls", "pwd", 1))
		require.NoError(t, err)
		require.Greater(t, got, 0.0, name)
		require.Less(t, got, 1.0, name)
	}
}

func TestStrippedTags(t *testing.T) {
	r := reward.Bare(format.XML)
	got, err := r.Score("look first\n"+expert, expert)
	require.NoError(t, err)
	require.Equal(t, reward.FormatError, got)
	r.Format.TagsStripped = true
	got, err = r.Score("look first\n"+expert, expert)
	require.NoError(t, err)
	require.Equal(t, 1.0, got)
}

func TestActionAndPatchSeeMoreThanCharacters(t *testing.T) {
	command := func(s string) string { return "```bash\n" + s + "\n```" }
	edit := func(path, before, after string) string {
		text, err := format.JSON.Render(env.Action{Tool: "str_replace_editor", Arguments: quoted(t, map[string]string{
			"command": "str_replace", "path": path, "old_str": before, "new_str": after})})
		require.NoError(t, err)
		return text
	}
	view := `{"name":"str_replace_editor","arguments":{"command":"view","path":"/testbed/a.py"}}`
	tests := []struct {
		name          string
		reward        reward.Reward
		model, expert string
		least, most   float64
	}{
		{"flags in another order", reward.Action(format.Bash), command("grep -r -n foo src"), command("grep -rn foo src"), 1, 1},
		{"unrelated commands", reward.Action(format.Bash), command("python setup.py install"), command("grep -rn foo src"), 0, 0},
		{"another file", reward.Action(format.Bash), command("cat src/a.py"), command("cat tests/b.py"), 0.1, 0.4},
		{"another tool", reward.Action(format.JSON), `{"name":"submit","arguments":{}}`, view, 0, 0},
		{"an edit with more around it", reward.Patch(format.JSON), edit("/testbed/a.py", "x = 1\ny = 2\n", "x = 1\ny = 3\n"), edit("/testbed/a.py", "y = 2", "y = 3"), 1, 1},
		{"an edit of another file", reward.Patch(format.JSON), edit("/testbed/b.py", "y = 2", "y = 3"), edit("/testbed/a.py", "y = 2", "y = 3"), 0, 0},
		{"no edit for an edit", reward.Patch(format.JSON), view, edit("/testbed/a.py", "y = 2", "y = 3"), 0, 0},
		{"what edits nothing is compared as an action", reward.Patch(format.JSON), view, view, 1, 1},
		{"an edit without a change is one", reward.Patch(format.JSON), edit("a", "x", "x"), edit("a", "x", "x"), 1, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.reward.Score(format.Write("", tt.model), tt.expert)
			require.NoError(t, err)
			require.GreaterOrEqual(t, got, tt.least)
			require.LessOrEqual(t, got, tt.most)
		})
	}
}

// Of commands that have nothing to do with each other, action says so.
func TestUnrelatedCommandsComeNearNothing(t *testing.T) {
	var actions []string
	for _, c := range srltest.Calls(t) {
		actions = append(actions, c.Text)
	}
	mean := map[string]float64{}
	for _, name := range []string{"bare", "action"} {
		r, err := reward.Named(name, format.XML)
		require.NoError(t, err)
		n := 0
		for i, want := range actions {
			target, err := r.Target(want)
			require.NoError(t, err)
			for _, other := range actions[i+1:] {
				if other == want || !strings.HasPrefix(want, "<function=bash>") || !strings.HasPrefix(other, "<function=bash>") {
					continue
				}
				got, err := target.Score(t.Context(), format.Write("", other), 0)
				require.NoError(t, err)
				mean[name] += got.Value
				n++
			}
		}
		require.Greater(t, n, 500)
		mean[name] /= float64(n)
	}
	t.Log(mean)
	require.Greater(t, mean["bare"], 0.4)
	require.Less(t, mean["action"], 0.2)
}

func quoted(t *testing.T, v any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return raw
}

func TestGroup(t *testing.T) {
	other := strings.Replace(expert, "ls -l", "pwd", 1)
	outputs := []string{"<think></think>" + expert, "", "<think></think>" + other}
	for _, name := range reward.Names() {
		r, err := reward.Named(name, format.XML)
		require.NoError(t, err)
		target, err := r.Target(expert)
		require.NoError(t, err)
		scores, err := target.Group(t.Context(), outputs, time.Minute)
		require.NoError(t, err)
		for i, output := range outputs {
			alone, err := r.Score(output, expert)
			require.NoError(t, err)
			require.Equal(t, alone, scores[i].Value)
		}
		require.Equal(t, format.NoThoughtEnd, scores[1].Violation)

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = target.Group(ctx, outputs, 0)
		require.ErrorIs(t, err, context.Canceled)
	}
}

// hostile are two texts that differ everywhere and nowhere: their comparison
// takes many seconds.
func hostile() (model, expert string) {
	return strings.Repeat("a ", 200_000) + "x", "y" + strings.Repeat("a ", 150_000)
}

func TestTimeLimit(t *testing.T) {
	model, want := hostile()
	wrap := func(s string) string {
		return "<function=write>\n<parameter=content>" + s + "</parameter>\n</function>"
	}
	for _, name := range []string{"bare", "action"} {
		t.Run(name, func(t *testing.T) {
			r, err := reward.Named(name, format.XML)
			require.NoError(t, err)
			target, err := r.Target(wrap(want))
			require.NoError(t, err)
			outputs := []string{format.Write("", wrap(model)), "prose"}
			start := time.Now()
			scores, err := target.Group(t.Context(), outputs, 50*time.Millisecond)
			require.NoError(t, err)
			require.Equal(t, reward.Score{NotScored: "time limit of 50ms reached"}, scores[0])
			require.Equal(t, reward.Score{Value: reward.FormatError, Violation: format.NoThoughtEnd}, scores[1])
			own, err := target.Score(t.Context(), format.Write("", wrap(want)), 0)
			require.NoError(t, err)
			require.Equal(t, reward.Score{Value: 1}, own, "the target is as good as before")

			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_, err = target.Group(ctx, outputs, time.Hour)
			require.ErrorIs(t, err, context.DeadlineExceeded, "that is the caller's limit, and no score")
			require.Less(t, time.Since(start), 10*time.Second)
		})
	}
}

func TestPair(t *testing.T) {
	const (
		diffA  = "--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"
		diffB  = "--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n a\n-b\n+d\n"
		blockA = "### x.py\n<<<<<<< SEARCH\nb\n=======\nc\n>>>>>>> REPLACE"
		jsonLS = `{"name":"bash","arguments":{"command":"ls -l"}}`
	)
	tests := []struct {
		name          string
		reward        string
		model, expert string
		want          reward.Score
	}{
		{"an output in xml", "bare", "<think></think>" + expert, expert, reward.Score{Value: 1}},
		{"an output in json", "paper", "<think></think>" + jsonLS, jsonLS, reward.Score{Value: 1}},
		{"an action is no output", "bare", expert, expert, reward.Score{Value: reward.FormatError, Violation: format.NoThoughtEnd}},
		{"an action", "action", expert, expert, reward.Score{Value: 1}},
		{"an action after a thought", "action", "<think>a</think>\n" + expert, expert, reward.Score{Value: 1}},
		{"an action with a tag in it", "action", strings.Replace(expert, "-l", "'</think>'", 1), strings.Replace(expert, "-l", "'</think>'", 1), reward.Score{Value: 1}},
		{"no action", "action", "prose", expert, reward.Score{Violation: format.NoCall}},
		{"a command", "patch", "```bash\nls\n```", "```bash\nls\n```", reward.Score{Value: 1}},
		{"diffs", "patch", diffA, diffB, reward.Score{Value: difflib.Compare("@@ -1,2 +1,2 @@\n a\n-b\n+c", "@@ -1,2 +1,2 @@\n a\n-b\n+d", false).Ratio}},
		{"the same diff", "patch", diffA, diffA, reward.Score{Value: 1}},
		{"prose for a diff", "patch", "prose", diffA, reward.Score{}},
		{"no change, twice", "patch", "", "", reward.Score{Value: 1}},
		{"blocks", "patch", blockA, blockA, reward.Score{Value: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := reward.Pair(t.Context(), tt.reward, "", tt.model, tt.expert, 0)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}

	_, err := reward.Pair(t.Context(), "patch", "", "x", "neither an action nor a diff", 0)
	require.EqualError(t, err, "expert's action: no tool call after </think>")
	_, err = reward.Pair(t.Context(), "fancy", "", "x", "y", 0)
	require.ErrorContains(t, err, `unknown reward "fancy"`)
	_, err = reward.Pair(t.Context(), "bare", format.JSON, "x", expert, 0)
	require.ErrorContains(t, err, "expert's action: ")
}

// A limit that is over while the expert's change is read is no fault of the expert's.
func TestALimitWhileTheExpertIsRead(t *testing.T) {
	block := "### f.py\n<<<<<<< SEARCH\n" + strings.Repeat("one\ntwo\nthree\n", 20000) +
		"=======\n" + strings.Repeat("two\none\nfour\n", 20000) + ">>>>>>> REPLACE\n"
	got, err := reward.Pair(t.Context(), "patch", "", block, block, time.Nanosecond)
	require.NoError(t, err)
	require.NotEmpty(t, got.NotScored)
}

// What the expert changes is found out within the limit, too; whoever has more time
// gets a score all the same.
func TestALimitWhileTheExpertIsPrepared(t *testing.T) {
	edit := func(from, to string) string {
		return "<function=str_replace_editor>\n<parameter=command>str_replace</parameter>\n<parameter=path>/a.py</parameter>\n<parameter=old_str>" +
			from + "</parameter>\n<parameter=new_str>" + to + "</parameter>\n</function>"
	}
	expert := edit(strings.Repeat("one\ntwo\nthree\n", 5000), strings.Repeat("two\none\nfour\n", 5000))
	target, err := reward.Patch(format.XML).Target(expert)
	require.NoError(t, err)
	var all conc.WaitGroup
	for range 4 {
		all.Go(func() {
			got, err := target.Score(t.Context(), format.Write("", edit("one", "two")), time.Nanosecond)
			if err != nil || got.NotScored == "" {
				t.Error(got, err)
			}
		})
	}
	all.Wait()
	got, err := target.Score(t.Context(), format.Write("", expert), 0)
	require.NoError(t, err)
	require.Equal(t, reward.Score{Value: 1}, got)
}
