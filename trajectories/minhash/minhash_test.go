package minhash_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apprentice-rl/apprentice/trajectories/minhash"
)

// A call is an action: a tool and its arguments.
type call struct{ tool, arguments string }

func run(command string) call {
	raw, err := json.Marshal(map[string]string{"command": command})
	if err != nil {
		panic(err)
	}
	return call{"bash", string(raw)}
}

func sketch(calls ...call) minhash.Sketch {
	var s minhash.Sketcher
	for _, c := range calls {
		s.Add(c.tool, c.arguments)
	}
	return s.Sketch()
}

// made is a sequence of n actions of a language of its own.
func made(r *rand.Rand, n int) []call {
	calls := make([]call, n)
	for i := range calls {
		calls[i] = run(fmt.Sprint("command ", r.Uint64()))
	}
	return calls
}

// vary returns calls with each of them changed with this probability.
func vary(r *rand.Rand, calls []call, probability float64) []call {
	varied := make([]call, len(calls))
	for i, c := range calls {
		if varied[i] = c; r.Float64() < probability {
			varied[i] = made(r, 1)[0]
		}
	}
	return varied
}

// jaccard is the index that sketches estimate.
func jaccard(a, b []call) float64 {
	shingles := func(calls []call) map[[2]call]bool {
		set := map[[2]call]bool{}
		var last call
		for _, c := range calls {
			set[[2]call{last, c}] = true
			last = c
		}
		return set
	}
	x, y := shingles(a), shingles(b)
	both := 0
	for s := range x {
		if y[s] {
			both++
		}
	}
	return float64(both) / float64(len(x)+len(y)-both)
}

func TestWhatIsTheSameAction(t *testing.T) {
	base := call{"editor", `{"command":"view","range":[1,50],"path":"a.go"}`}
	for name, tt := range map[string]struct {
		other call
		same  bool
	}{
		"itself":                        {base, true},
		"other white space":             {call{"editor", "{ \"command\" : \"view\",\n\"range\": [1, 50], \"path\": \"a.go\\n\"}"}, true},
		"other order":                   {call{"editor", `{"path":"a.go","range":[1,50],"command":"view"}`}, true},
		"a list in a string":            {call{"editor", `{"command":"view","range":"[1, 50]","path":"a.go"}`}, true},
		"other spelling of a character": {call{"editor", `{"command":"vi\u0065w","range":[1,50],"path":"a.go"}`}, true},
		"another tool":                  {call{"viewer", base.arguments}, false},
		"another value":                 {call{"editor", `{"command":"view","range":[1,51],"path":"a.go"}`}, false},
		"another name":                  {call{"editor", `{"command":"view","lines":[1,50],"path":"a.go"}`}, false},
		"one argument less":             {call{"editor", `{"command":"view","path":"a.go"}`}, false},
		"moved from name to value":      {call{"editor", `{"command":"view","rang":"e[1,50]","path":"a.go"}`}, false},
		"no JSON":                       {call{"editor", `{"command":"view"`}, false},
		"more than JSON":                {call{"editor", base.arguments + "{}"}, false},
		"nothing":                       {call{"editor", ``}, false},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tt.same, sketch(base) == sketch(tt.other))
		})
	}
}

func TestOrderCounts(t *testing.T) {
	a, b, c := run("a"), run("b"), run("c")
	require.InDelta(t, 1, sketch(a, b, c).Similarity(sketch(a, b, c)), 0)
	require.Less(t, sketch(a, b, c).Similarity(sketch(c, b, a)), 0.1)
	require.Equal(t, sketch(a, b, a, b, a), sketch(a, b, a, b, a, b), "how often a pair occurs does not count")
}

func TestASequenceWithoutActionsIsLikeNone(t *testing.T) {
	none, some := sketch(), sketch(run("a"))
	require.True(t, none.IsZero())
	require.False(t, some.IsZero())
	require.Zero(t, none.Similarity(none))
	require.Zero(t, none.Similarity(some))
	require.Zero(t, some.Similarity(none))
	x := minhash.NewIndex(0.5)
	x.Add(none)
	for _, s := range []minhash.Sketch{none, some} {
		_, _, ok := x.Nearest(s)
		require.False(t, ok)
	}
}

// The error is what the package comment says: estimates of many pairs are off
// by the standard error, not by more, and on neither side.
func TestTheEstimateIsAsGoodAsItSays(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, changed := range []float64{0.01, 0.05, 0.15, 0.4} {
		const pairs = 400
		var bias, squares float64
		for range pairs {
			a := made(r, 40)
			b := vary(r, a, changed)
			j := jaccard(a, b)
			off := sketch(a...).Similarity(sketch(b...)) - j
			bias += off / pairs
			if j < 1 {
				squares += off * off / (j * (1 - j) / minhash.Hashes) / pairs
			}
		}
		require.InDelta(t, 0, bias, 0.01, "changed %v", changed)
		require.Less(t, math.Sqrt(squares), 1.2, "changed %v", changed)
	}
}

func TestSketchesSurviveJSON(t *testing.T) {
	type row struct {
		Sketch minhash.Sketch `json:"sketch,omitzero"`
	}
	raw, err := json.Marshal(row{})
	require.NoError(t, err)
	require.JSONEq(t, `{}`, string(raw))
	for _, want := range []minhash.Sketch{sketch(), sketch(run("a"), run("b"))} {
		raw, err := json.Marshal(row{want})
		require.NoError(t, err)
		require.Less(t, len(raw), 380)
		var got row
		require.NoError(t, json.Unmarshal(raw, &got))
		require.Equal(t, want, got.Sketch)
	}
	for _, broken := range []string{`"AAAA"`, `"no base64"`, `7`} {
		require.Error(t, json.Unmarshal([]byte(broken), new(minhash.Sketch)), broken)
	}
}

// A sketch that was kept must stay comparable with those that are made today.
func TestSketchesDoNotChange(t *testing.T) {
	text, err := sketch(run("ls -la"), call{"editor", `{"path":"a.go","range":[1,2]}`}, run("go test ./...")).MarshalText()
	require.NoError(t, err)
	require.Equal(t, "VQl9fLk9ajlLBioBUKbVSGRuSHQWLFNX11RWNXS7", string(text[:40]), "if this is meant to be so, summary.Version must change, too")
}

func TestTheIndexFindsWhatAComparisonOfAllFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		threshold := rapid.SampledFrom([]float64{0.01, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1}).Draw(t, "threshold")
		families := rapid.IntRange(1, 4).Draw(t, "families")
		x := minhash.NewIndex(threshold)
		var held []minhash.Sketch
		for range families {
			base := made(r, 1+r.IntN(30))
			for range 4 {
				s := sketch(vary(r, base, r.Float64()*0.4)...)
				best, where := 0.0, -1
				for i, h := range held {
					if like := h.Similarity(s); like >= threshold && like > best {
						best, where = like, i
					}
				}
				n, similarity, ok := x.Nearest(s)
				if ok != (where >= 0) || ok && (n != where || similarity != best) {
					t.Fatalf("found %d, %v, %v, and not %d, %v", n, similarity, ok, where, best)
				}
				x.Add(s)
				held = append(held, s)
			}
		}
	})
}

func FuzzSketcher(f *testing.F) {
	f.Add("bash", `{"command":"ls"}`)
	f.Add("", `{"a":"\ud800","a":1,"b":[{}]}`)
	f.Add("x", `null`)
	f.Fuzz(func(t *testing.T, tool, arguments string) {
		s := sketch(call{tool, arguments})
		require.InDelta(t, 1, s.Similarity(s), 0)
		text, err := s.MarshalText()
		require.NoError(t, err)
		var again minhash.Sketch
		require.NoError(t, again.UnmarshalText(text))
		require.Equal(t, s, again)
	})
}

func BenchmarkSketcher(b *testing.B) {
	calls := made(rand.New(rand.NewPCG(1, 1)), 100)
	b.ReportAllocs()
	for b.Loop() {
		sketch(calls...)
	}
}

func BenchmarkIndex(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	var sketches []minhash.Sketch
	for range 500 {
		base := made(r, 30)
		for range 10 {
			sketches = append(sketches, sketch(vary(r, base, 0.2)...))
		}
	}
	for _, threshold := range []float64{0.5, 0.8, 0.9} {
		b.Run(fmt.Sprint(threshold, " of ", len(sketches)), func(b *testing.B) {
			for b.Loop() {
				x := minhash.NewIndex(threshold)
				for _, s := range sketches {
					x.Nearest(s)
					x.Add(s)
				}
			}
		})
	}
}
