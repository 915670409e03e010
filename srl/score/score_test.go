package score_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
	"github.com/apprentice-rl/apprentice/srl/score"
	"github.com/apprentice-rl/apprentice/srl/srltest"
)

func scored(t *testing.T, in string, o score.Options) (string, int, error) {
	t.Helper()
	var out bytes.Buffer
	n, err := score.Pairs(t.Context(), "pairs.jsonl", strings.NewReader(in), &out, o)
	return out.String(), n, err
}

func TestPairs(t *testing.T) {
	in := "\ufeff" + `{"a": "tide", "b": "diet", "autojunk": false}` + "\n\n" +
		`{"b": "abc", "a": "abc"}` + "\r\n" +
		`{"a": "", "b": "x", "autojunk": true, "id": 7}`
	out, n, err := scored(t, in, score.Options{})
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.Equal(t, "{\"ratio\": 0.25}\n{\"ratio\": 1.0}\n{\"ratio\": 0.0}\n", out)

	out, _, err = scored(t, in, score.Options{Blocks: true, Parallel: 1})
	require.NoError(t, err)
	require.Equal(t, `{"ratio": 0.25, "matching_blocks": [[0, 3, 1], [4, 4, 0]]}
{"ratio": 1.0, "matching_blocks": [[0, 0, 3], [3, 3, 0]]}
{"ratio": 0.0, "matching_blocks": [[0, 1, 0]]}
`, out)
}

func TestPairsWithARewardByName(t *testing.T) {
	const (
		act   = `"<function=bash>\n<parameter=command>ls -l</parameter>\n</function>"`
		think = `"<think></think><function=bash>\n<parameter=command>ls -l</parameter>\n</function>"`
	)
	in := `{"a": ` + think + `, "b": ` + act + "}\n" + `{"a": "prose", "b": ` + act + "}\n"
	for name, want := range map[string]string{
		"bare":   "{\"ratio\": 1.0}\n{\"ratio\": -1.0, \"violation\": \"no </think>\"}\n",
		"paper":  "{\"ratio\": 1.0}\n{\"ratio\": -1.0, \"violation\": \"no </think>\"}\n",
		"action": "{\"ratio\": 1.0}\n{\"ratio\": 0.0, \"violation\": \"no tool call after </think>\"}\n",
		"patch":  "{\"ratio\": 1.0}\n{\"ratio\": 0.0, \"violation\": \"no tool call after </think>\"}\n",
	} {
		out, n, err := scored(t, in, score.Options{Reward: name})
		require.NoError(t, err)
		require.Equal(t, 2, n)
		require.Equal(t, want, out, name)
	}
	require.ElementsMatch(t, []string{"difflib", "bare", "paper", "action", "patch"}, score.Rewards())

	_, _, err := scored(t, in, score.Options{Reward: "fancy"})
	require.EqualError(t, err, `unknown reward "fancy": use difflib, bare, paper, action, patch`)

	_, n, err := scored(t, in+`{"a": "x", "b": "prose"}`, score.Options{Reward: "bare"})
	var row *env.RowError
	require.ErrorAs(t, err, &row)
	require.Equal(t, 3, row.Line)
	require.Equal(t, "b", row.Field)
	require.Equal(t, 2, n)
}

func TestTheLimitOnTime(t *testing.T) {
	hard, err := json.Marshal(map[string]string{"a": strings.Repeat("a", 600_000) + "x", "b": "y" + strings.Repeat("a", 400_000)})
	require.NoError(t, err)
	in := `{"a": "x", "b": "x"}` + "\n" + string(hard) + "\n" + `{"a": "x", "b": "x"}` + "\n"
	out, n, err := scored(t, in, score.Options{Limit: 500 * time.Millisecond})
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.Equal(t, "{\"ratio\": 1.0}\n{\"ratio\": null, \"not_scored\": \"time limit of 500ms reached\"}\n{\"ratio\": 1.0}\n", out)

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = score.Pairs(ctx, "x", strings.NewReader(in), io.Discard, score.Options{})
	require.ErrorIs(t, err, context.DeadlineExceeded, "that is no limit of a pair's")
}

func TestALineThatIsNoPair(t *testing.T) {
	good := strings.Repeat(`{"a": "x", "b": "x"}`+"\n", 100)
	for name, tt := range map[string]struct {
		line, field string
		column      int
	}{
		"cut off":       {`{"a": "x", "b": "`, "", 18},
		"no object":     {`[1]`, "", 1},
		"a is missing":  {`{"b": "x"}`, "a", 1},
		"b is null":     {`{"a": "x", "b": null}`, "b", 1},
		"a is a number": {`{"a": 1, "b": "x"}`, "a", 7},
		"two documents": {`{"a": "x", "b": "x"} {}`, "", 22},
	} {
		t.Run(name, func(t *testing.T) {
			out, n, err := scored(t, good+tt.line+"\n"+good, score.Options{})
			var row *env.RowError
			require.ErrorAs(t, err, &row)
			require.Equal(t, 101, row.Line)
			require.Equal(t, tt.column, row.Column)
			require.Equal(t, tt.field, row.Field)
			require.Equal(t, 100, n)
			require.Equal(t, strings.Repeat("{\"ratio\": 1.0}\n", 100), out, "what comes before is scored")
		})
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	return copy(p, `{"a": "x", "b": "x"}`+"\n"), nil
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestPairsEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := score.Pairs(ctx, "x", endless{}, io.Discard, score.Options{})
	require.ErrorIs(t, err, context.Canceled)

	_, err = score.Pairs(t.Context(), "x", endless{}, full{}, score.Options{})
	require.ErrorContains(t, err, "no space")

	broken := io.MultiReader(strings.NewReader(`{"a": "x", "b": "x"}`+"\n"), failing{})
	var out bytes.Buffer
	n, err := score.Pairs(t.Context(), "x", broken, &out, score.Options{})
	require.ErrorContains(t, err, "reading x: the disk is gone")
	require.Equal(t, 1, n)
	require.Equal(t, "{\"ratio\": 1.0}\n", out.String())
}

func TestLineByLine(t *testing.T) {
	in, ask := io.Pipe()
	answers, out := io.Pipe()
	failed := make(chan error, 1)
	go func() {
		_, err := score.Pairs(t.Context(), "x", in, out, score.Options{})
		failed <- errors.Join(err, out.Close())
	}()
	lines := bufio.NewReader(answers)
	for _, next := range []string{"", `{"a": "x", `} { // of the next line, too
		_, err := io.WriteString(ask, `{"a": "x", "b": "x"}`+"\n"+next)
		require.NoError(t, err)
		answer, err := lines.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "{\"ratio\": 1.0}\n", answer)
	}
	_, err := io.WriteString(ask, `"b": "y"}`)
	require.NoError(t, err)
	require.NoError(t, ask.Close())
	rest, err := io.ReadAll(lines)
	require.NoError(t, err)
	require.Equal(t, "{\"ratio\": 0.0}\n", string(rest))
	require.NoError(t, <-failed)
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the disk is gone") }

func TestRecordedVectors(t *testing.T) {
	raw := srltest.Vectors(t)
	var out bytes.Buffer
	n, err := score.Pairs(t.Context(), "vectors", bytes.NewReader(raw), &out, score.Options{Blocks: true})
	require.NoError(t, err)
	require.Equal(t, 4000, n)
	want, got := json.NewDecoder(bytes.NewReader(raw)), json.NewDecoder(&out)
	type record struct {
		Ratio          json.Number
		MatchingBlocks [][3]int `json:"matching_blocks"`
	}
	for range n {
		var w, g record
		require.NoError(t, want.Decode(&w))
		require.NoError(t, got.Decode(&g))
		require.Equal(t, w, g, "the text of the ratio too")
	}
}

func TestLoneSurrogatesAgreeWithThisMachinesPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		sandboxtest.Missing(t, "python3", "install it, to compare with the real difflib")
	}
	const program = `
import difflib, json, random
r = random.Random(7)
def text():
    return "".join(r.choice("\ud83d\ude00\udbff\ud800\udfffa\\\\\\u\U0001f600") for _ in range(r.randrange(12)))
for _ in range(3000):
    a, b = text(), text()
    # As text: "\ud83d" before "\ude00" is one character for whoever reads the escapes.
    a, b = json.loads(json.dumps(a)), json.loads(json.dumps(b))
    pair = {"a": a, "b": b, "autojunk": False}
    m = difflib.SequenceMatcher(None, a, b, autojunk=False)
    print(json.dumps(pair))
    print(json.dumps({"ratio": m.ratio(), "matching_blocks": m.get_matching_blocks()}))
`
	said, err := exec.CommandContext(t.Context(), python, "-c", program).Output()
	require.NoError(t, err)
	var pairs, want strings.Builder
	for i, l := range strings.SplitAfter(string(said), "\n") {
		if i%2 == 0 {
			pairs.WriteString(l)
		} else {
			want.WriteString(l)
		}
	}
	got, n, err := scored(t, pairs.String(), score.Options{Blocks: true})
	require.NoError(t, err)
	require.Equal(t, 3000, n)
	require.Equal(t, want.String(), got)
}

func TestLoneSurrogatesInRewards(t *testing.T) {
	pair := `{"a": "<think></think><function=bash>\n<parameter=command>echo \ud800\ud801</parameter>\n</function>",` +
		` "b": "<function=bash>\n<parameter=command>echo ` + "\uFFFD\uFFFD" + `</parameter>\n</function>"}`
	for _, name := range []string{"bare", "paper", "action", "patch"} {
		out, _, err := scored(t, pair, score.Options{Reward: name})
		require.NoError(t, err)
		require.Equal(t, "{\"ratio\": 1.0}\n", out, "%s: each reads as U+FFFD, as in the server", name)
	}
}

func TestFloatIsWhatPythonPrints(t *testing.T) {
	for f, want := range map[float64]string{
		0: "0.0", 1: "1.0", 0.1: "0.1", 2.0 / 3: "0.6666666666666666", 0.0001: "0.0001", 0.00012: "0.00012",
		0.00001: "1e-05", 2.0 / 300001: "6.6666444445185185e-06", 1e15: "1000000000000000.0", 1e16: "1e+16", 5e-324: "5e-324",
	} {
		require.Equal(t, want, score.Float(f))
	}
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.Float64Range(0, 1).Draw(t, "f")
		again, err := strconv.ParseFloat(score.Float(f), 64)
		require.NoError(t, err)
		require.Equal(t, math.Float64bits(f), math.Float64bits(again))
	})
}

func TestFloatAgreesWithThisMachinesPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		sandboxtest.Missing(t, "python3", "install it, to compare with what it prints")
	}
	const program = `
import random
r = random.Random(5)
for _ in range(5000):
    t = r.randrange(1, 10 ** r.randrange(1, 8))
    print(2.0 * r.randrange(t + 1) / (2 * t))
`
	out, err := exec.CommandContext(t.Context(), python, "-c", program).Output()
	require.NoError(t, err)
	lines := strings.Fields(string(out))
	require.Len(t, lines, 5000)
	for _, l := range lines {
		f, err := strconv.ParseFloat(l, 64)
		require.NoError(t, err)
		require.Equal(t, l, score.Float(f))
	}
}
