package difflib_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
	"github.com/apprentice-rl/apprentice/srl/reward/difflib"
	"github.com/apprentice-rl/apprentice/srl/srltest"
)

func TestDifflibIsWhatCPythonSays(t *testing.T) {
	tests := []struct {
		name     string
		a, b     string
		autojunk bool
		ratio    float64
		blocks   []difflib.Block
	}{
		{"both empty", "", "", true, 1, []difflib.Block{{}}},
		{"first empty", "", "ab", true, 0, []difflib.Block{{0, 2, 0}}},
		{"second empty", "ab", "", true, 0, []difflib.Block{{2, 0, 0}}},
		{"equal", "abc", "abc", true, 1, []difflib.Block{{0, 0, 3}, {3, 3, 0}}},
		{"order matters", "tide", "diet", true, 0.25, []difflib.Block{{0, 3, 1}, {4, 4, 0}}},
		{"order matters, the other way round", "diet", "tide", true, 0.5, []difflib.Block{{0, 2, 1}, {2, 3, 1}, {4, 4, 0}}},
		{"code points, not bytes", "naïve 😀", "naive 😀", true, 12.0 / 14, []difflib.Block{{0, 0, 2}, {3, 3, 4}, {7, 7, 0}}},
		{"ties go to the first in b", "ab", "acab", true, 4.0 / 6, []difflib.Block{{0, 2, 2}, {2, 4, 0}}},
		{"touching blocks are one", "xay", "ay", true, 4.0 / 5, []difflib.Block{{1, 0, 2}, {3, 2, 0}}},
		{"199 code points have no popular ones", "b" + strings.Repeat("a", 198), strings.Repeat("a", 199), true,
			2 * 198.0 / 398, []difflib.Block{{1, 0, 198}, {199, 199, 0}}},
		{"200 code points have", "b" + strings.Repeat("a", 199), strings.Repeat("a", 200), true,
			0, []difflib.Block{{200, 200, 0}}},
		{"unless autojunk is off", "b" + strings.Repeat("a", 199), strings.Repeat("a", 200), false,
			2 * 199.0 / 400, []difflib.Block{{1, 0, 199}, {200, 200, 0}}},
		{"only b makes popular", strings.Repeat("a", 200), "b" + strings.Repeat("a", 190), true,
			2 * 190.0 / 391, []difflib.Block{{0, 1, 190}, {200, 191, 0}}},
		{"a broken byte equals itself", "\xff\xfe", "\xfe", true, 2.0 / 3, []difflib.Block{{1, 0, 1}, {2, 1, 0}}},
		{"a broken byte is not the replacement character", "\xff", "\uFFFD", true, 0, []difflib.Block{{1, 1, 0}}},
		{"a lone surrogate is one element", "\xed\xa0\x80b", "\xed\xa0\x80c", true, 0.5, []difflib.Block{{0, 0, 1}, {2, 2, 0}}},
		{"lone surrogates differ", "\xed\xa0\x80", "\xed\xa0\x81", true, 0, []difflib.Block{{1, 1, 0}}},
		{"nothing in common with one", "x\xed\xbf\xbf", "y", true, 0, []difflib.Block{{2, 1, 0}}},
		{"the beginning of one is bytes", "\xed\xa0", "\xed\xa0\x80", true, 0, []difflib.Block{{2, 1, 0}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := difflib.Compare(tt.a, tt.b, tt.autojunk)
			require.Equal(t, tt.ratio, got.Ratio)
			require.Equal(t, tt.blocks, got.Blocks)
		})
	}
}

func TestDifflibAgreesWithRecordedVectors(t *testing.T) {
	n := 0
	for d := json.NewDecoder(bytes.NewReader(srltest.Vectors(t))); ; n++ {
		var v struct {
			A, B           string
			Autojunk       bool
			Ratio          float64
			MatchingBlocks [][3]int `json:"matching_blocks"`
		}
		err := d.Decode(&v)
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		requireSame(t, fmt.Sprintf("record %d", n+1), v.A, v.B, v.Autojunk, v.Ratio, v.MatchingBlocks)
	}
	require.Equal(t, 4000, n)
}

// requireSame compares with what CPython said, the ratio to the bit.
func requireSame(t *testing.T, what, a, b string, autojunk bool, ratio float64, blocks [][3]int) {
	t.Helper()
	got := difflib.Compare(a, b, autojunk)
	if math.Float64bits(ratio) != math.Float64bits(got.Ratio) {
		t.Fatalf("%s: ratio of %q and %q with autojunk=%t is %v, want %v", what, a, b, autojunk, got.Ratio, ratio)
	}
	want := make([]difflib.Block, len(blocks))
	for i, block := range blocks {
		want[i] = difflib.Block{A: block[0], B: block[1], Size: block[2]}
	}
	require.Equal(t, want, got.Blocks, "%s: %q and %q with autojunk=%t", what, a, b, autojunk)
	alone, err := difflib.Index(b, autojunk).Ratio(t.Context(), a)
	require.NoError(t, err)
	require.Equal(t, math.Float64bits(ratio), math.Float64bits(alone), what)
}

// The program reads pairs of texts in hexadecimal, one JSON object a line, and
// prints what difflib makes of them. A surrogate in three bytes is one, and any
// other byte that is part of no code point is one of the last that there are.
const oracle = `
import codecs, difflib, json, sys
def lone(e):
    three = e.object[e.start:e.start + 3]
    try:
        return three.decode("utf-8", "surrogatepass"), e.start + 3
    except UnicodeDecodeError:
        return chr(0x10FF00 + three[0]), e.start + 1
codecs.register_error("lone", lone)
for line in sys.stdin:
    pair = json.loads(line)
    a, b = (bytes.fromhex(pair[k]).decode("utf-8", "lone") for k in "ab")
    m = difflib.SequenceMatcher(None, a, b, autojunk=pair["autojunk"])
    print(json.dumps({"ratio": m.ratio(), "blocks": [list(t) for t in m.get_matching_blocks()]}))
`

// pythonFor is how long pairs are drawn and compared with CPython, and pythonSeed
// what the first ones are drawn from; make fuzz-difflib sets both.
var (
	pythonFor  = flag.Duration("python-for", 0, "compare with CPython for this long (default: one round)")
	pythonSeed = flag.Uint64("python-seed", 20251029, "the seed of the first round; each round adds one")
)

func TestDifflibAgreesWithThisMachinesPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		sandboxtest.Missing(t, "python3", "install it, to compare with the real difflib")
	}
	if *pythonFor == 0 {
		agreesWithPython(t, python, *pythonSeed, 4000, 500, nil)
		return
	}
	published := realTexts(t)
	seed, pairs := *pythonSeed, 0
	for start := time.Now(); time.Since(start) < *pythonFor; seed++ {
		agreesWithPython(t, python, seed, 4000, 500, published)
		agreesWithPython(t, python, seed, 100, 4000, published)
		pairs += 4100
	}
	t.Logf("seeds %d to %d, %d pairs, %d real texts to draw from: all are the same", *pythonSeed, seed-1, pairs, len(published))
}

// realTexts are the lines of published trajectories, whatever is in them.
func realTexts(t *testing.T) []string {
	data := os.Getenv("APPRENTICE_TESTDATA")
	if data == "" {
		sandboxtest.Missing(t, "testdata", "APPRENTICE_TESTDATA names no folder with trajectories to draw texts from")
	}
	var texts []string
	for _, pattern := range []string{"swe-smith/*.jsonl", "mini-swe-agent/gpt-5-mini/*/*.json", "swe-agent/*/*.traj", "openhands/*.jsonl"} {
		files, err := filepath.Glob(filepath.Join(data, "trajectories", filepath.FromSlash(pattern)))
		require.NoError(t, err)
		for _, f := range files {
			raw, err := os.ReadFile(f)
			require.NoError(t, err)
			if len(raw) > 0 {
				texts = append(texts, string(raw))
			}
		}
	}
	require.NotEmpty(t, texts)
	return texts
}

// agreesWithPython compares what this package and CPython make of pairs of texts
// that a seed gives, half of them from real texts if there are any.
func agreesWithPython(t *testing.T, python string, seed uint64, pairs, longest int, published []string) {
	type pair struct {
		A        string `json:"a"`
		B        string `json:"b"`
		Autojunk bool   `json:"autojunk"`
	}
	random := rand.New(rand.NewPCG(seed, 0))
	asked := make([]pair, pairs)
	var in bytes.Buffer
	encoder := json.NewEncoder(&in)
	for i := range asked {
		text := func() string {
			if len(published) > 0 && random.IntN(2) == 0 {
				return part(random, published[random.IntN(len(published))], longest)
			}
			return randomText(random, longest)
		}
		a := text()
		b := a
		switch random.IntN(8) {
		case 0:
		case 1, 2, 3:
			b = text()
		case 4:
			b = edited(random, a)
		default:
			b = mutate(random, a)
		}
		asked[i] = pair{a, b, random.IntN(2) == 0}
		require.NoError(t, encoder.Encode(pair{hex.EncodeToString([]byte(a)), hex.EncodeToString([]byte(b)), asked[i].Autojunk}))
	}

	cmd := exec.CommandContext(t.Context(), python, "-c", oracle)
	cmd.Stdin = &in
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())

	answers := json.NewDecoder(bytes.NewReader(out))
	for i, p := range asked {
		var answer struct {
			Ratio  float64
			Blocks [][3]int
		}
		require.NoError(t, answers.Decode(&answer))
		requireSame(t, fmt.Sprintf("seed %d, pair %d", seed, i), p.A, p.B, p.Autojunk, answer.Ratio, answer.Blocks)
	}
}

// part returns a stretch of s, cut where it may be, in code points too.
func part(random *rand.Rand, s string, longest int) string {
	from := random.IntN(len(s))
	return s[from:min(len(s), from+random.IntN(longest))]
}

// randomText returns text of up to longest elements: source code, a stretch
// again and again, or over a small or large alphabet: ASCII, other planes, and
// bytes that are not UTF-8.
func randomText(random *rand.Rand, longest int) string {
	lengths := []int{5, 40, 210, longest}
	length := random.IntN(lengths[random.IntN(len(lengths))])
	var b strings.Builder
	switch random.IntN(8) {
	case 0:
		return code(random, length)
	case 1:
		period := randomText(random, 50)
		return strings.Repeat(period, length/(len(period)+1))
	case 2: // more symbols than a byte holds
		for range length {
			b.WriteRune('一' + rune(min(random.IntN(400), random.IntN(400))))
		}
		return b.String()
	}
	alphabets := []string{"a", "ab", "abc \n", "abcdefghijklmnopqrstuvwxyz_.()=: \n", "aé漢😀\u2028\x00", "a\xff\xfe\xe2\x82é\xed\xa0\x80", "\xed\xa0\xb0\x80"}
	alphabet := alphabets[random.IntN(len(alphabets))]
	for range length {
		i := random.IntN(len(alphabet))
		if utf8.RuneStart(alphabet[i]) && utf8.ValidString(alphabet) {
			r, _ := utf8.DecodeRuneInString(alphabet[i:])
			b.WriteRune(r)
			continue
		}
		b.WriteByte(alphabet[i])
	}
	return b.String()
}

// mutate cuts, repeats, moves and changes stretches of s.
func mutate(random *rand.Rand, s string) string {
	for range 1 + random.IntN(6) {
		i, j := random.IntN(len(s)+1), random.IntN(len(s)+1)
		if i > j {
			i, j = j, i
		}
		switch random.IntN(4) {
		case 0:
			s = s[:i] + s[min(j, i+10):]
		case 1:
			s = s[:j] + s[i:min(j, i+30)] + s[j:]
		case 2:
			s = s[j:] + s[i:j] + s[:i]
		case 3:
			s = s[:i] + "x" + s[i:]
		}
		if len(s) > 4000 {
			s = s[:4000]
		}
	}
	return s
}

// Texts with repeated lines, words and periods: what makes many equally long runs.
func TestDifflibIsWhatTheTextbookSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.SampledFrom([]string{"a", "b", "ab", "    ", "return x\n", "    self.assertEqual(got, want)\n",
			"for key in sorted(items):\n", "abcabcabcabcabcabcabcabc", "é", "------------------------------"})
		text := rapid.Custom(func(t *rapid.T) string {
			return strings.Join(rapid.SliceOfN(piece, 0, 60).Draw(t, "pieces"), "")
		})
		a, b, autojunk := text.Draw(t, "a"), text.Draw(t, "b"), rapid.Bool().Draw(t, "autojunk")
		require.Equal(t, textbook(a, b, autojunk), difflib.Compare(a, b, autojunk))
	})
}

// What is searched in which way depends on how long the texts are and how many
// code points they have.
func TestDifflibIsWhatTheTextbookSaysOfAnySize(t *testing.T) {
	for _, symbols := range []int{2, 20, 254, 255, 3000} {
		for _, sizes := range [][2]int{{63, 64}, {64, 65}, {700, 66}, {66, 700}, {3000, 3000}, {40, 5000}} {
			for _, autojunk := range []bool{false, true} {
				t.Run(fmt.Sprintf("symbols=%d/%dx%d/autojunk=%t", symbols, sizes[0], sizes[1], autojunk), func(t *testing.T) {
					random := rand.New(rand.NewPCG(uint64(symbols), uint64(sizes[0])))
					b := rows(random, sizes[1], symbols)
					for _, a := range []string{rows(random, sizes[0], symbols), mutate(random, b)} {
						require.Equal(t, textbook(a, b, autojunk), difflib.Compare(a, b, autojunk))
					}
				})
			}
		}
	}
}

// rows returns n code points, in rows of neighbours.
func rows(random *rand.Rand, n, symbols int) string {
	points := make([]rune, 0, n)
	for len(points) < n {
		from, most := random.IntN(symbols), min(random.IntN(30)+1, n-len(points))
		for k := range most {
			points = append(points, '一'+rune((from+k)%symbols))
		}
	}
	return string(points)
}

func TestManyCompareWithOneText(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	expert := code(random, 1500)
	x := difflib.Index(expert, false)
	rollouts := make([]string, 16)
	for i := range rollouts {
		rollouts[i] = edited(random, expert)
	}
	got := make([]difflib.Match, len(rollouts))
	var wg sync.WaitGroup
	for i, r := range rollouts {
		wg.Go(func() { got[i] = x.Compare(r) })
	}
	wg.Wait()
	for i, r := range rollouts {
		require.Equal(t, textbook(r, expert, false), got[i])
	}
}

func TestDifflibBlocksAreCommonAndIncreasing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("ab\n é😀")), 0, 300, -1)
		requireSound(t, text.Draw(t, "a"), text.Draw(t, "b"), rapid.Bool().Draw(t, "autojunk"))
	})
}

func FuzzDifflib(f *testing.F) {
	f.Add("", "", true)
	f.Add("tide", "diet", false)
	f.Add("a\xffb", "\xffé", true)
	f.Add(strings.Repeat("ab", 60), strings.Repeat("ba", 101), true)
	f.Add(strings.Repeat("self.assertEqual(a, b)\n", 9), strings.Repeat("self.assertEqual(b, a)\n", 9), false)
	f.Fuzz(func(t *testing.T, a, b string, autojunk bool) {
		if len(a) > 2000 || len(b) > 2000 {
			t.Skip("long texts only slow the search down")
		}
		requireSound(t, a, b, autojunk)
		require.Equal(t, textbook(a, b, autojunk), difflib.Compare(a, b, autojunk))
	})
}

// requireSound checks what holds for any two texts.
func requireSound(t require.TestingT, a, b string, autojunk bool) {
	got := difflib.Compare(a, b, autojunk)
	require.GreaterOrEqual(t, got.Ratio, 0.0)
	require.LessOrEqual(t, got.Ratio, 1.0)
	require.Equal(t, got, difflib.Compare(a, b, autojunk), "not the same twice")
	require.Equal(t, 1.0, difflib.Compare(a, a, autojunk).Ratio)
	require.Equal(t, a == b, got.Ratio == 1)

	as, bs := decode(a), decode(b)
	next, matched := difflib.Block{}, 0
	for i, block := range got.Blocks {
		require.GreaterOrEqual(t, block.A, next.A)
		require.GreaterOrEqual(t, block.B, next.B)
		require.Equal(t, as[block.A:block.A+block.Size], bs[block.B:block.B+block.Size])
		if last := len(got.Blocks) - 1; i < last {
			require.Positive(t, block.Size)
		} else {
			require.Equal(t, difflib.Block{A: len(as), B: len(bs)}, block)
		}
		next = difflib.Block{A: block.A + block.Size, B: block.B + block.Size}
		matched += block.Size
	}
	if len(as)+len(bs) > 0 {
		require.Equal(t, 2*float64(matched)/float64(len(as)+len(bs)), got.Ratio)
	}
}

// elements cuts s into code points and broken bytes.
func BenchmarkDifflib(b *testing.B) {
	for _, n := range []int{200, 2000, 8000} {
		random := rand.New(rand.NewPCG(1, uint64(n)))
		expert := code(random, n)
		cases := []struct{ name, text string }{
			{"edited", edited(random, expert)},
			{"unrelated", code(random, n)},
		}
		for _, c := range cases {
			for _, autojunk := range []bool{false, true} {
				b.Run(fmt.Sprintf("points=%d/%s/autojunk=%t", n, c.name, autojunk), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						difflib.Compare(c.text, expert, autojunk)
					}
				})
				b.Run(fmt.Sprintf("points=%d/%s/autojunk=%t/ratio", n, c.name, autojunk), func(b *testing.B) {
					x := difflib.Index(expert, autojunk)
					b.ReportAllocs()
					for b.Loop() {
						if _, err := x.Ratio(b.Context(), c.text); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}

// code returns n characters that look like source code.
func code(random *rand.Rand, n int) string {
	words := strings.Fields("self return if not else for in range None def value index result self.assertEqual path " +
		"open name items key append join split strip = == + ( ) [ ] : , import os sys re data config error")
	var b strings.Builder
	for b.Len() < n {
		for range 3 + random.IntN(6) {
			b.WriteString(words[random.IntN(len(words))])
			b.WriteByte(' ')
		}
		b.WriteString("\n" + strings.Repeat("    ", random.IntN(4)))
	}
	return b.String()[:n]
}

// edited returns s with one in five words reversed.
func edited(random *rand.Rand, s string) string {
	words := strings.Split(s, " ")
	for i, w := range words {
		if random.IntN(5) == 0 {
			r := []byte(w)
			for x, y := 0, len(r)-1; x < y; x, y = x+1, y-1 {
				r[x], r[y] = r[y], r[x]
			}
			words[i] = string(r)
		}
	}
	return strings.Join(words, " ")
}

func TestCompareContextEndsSoon(t *testing.T) {
	const word = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	for name, texts := range map[string][2]string{
		"one letter":     {strings.Repeat("a", 200_000), strings.Repeat("a", 150_000)},
		"two letters":    {strings.Repeat("ab", 100_000) + "x", "y" + strings.Repeat("ab", 90_000)},
		"a long period":  {strings.Repeat(word, 2000), "q" + strings.Repeat(word+"x", 1900)},
		"ended long ago": {"tide", "diet"},
	} {
		t.Run(name, func(t *testing.T) {
			x := difflib.Index(texts[1], false)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			if name == "ended long ago" {
				cancel()
			}
			start := time.Now()
			m, err := x.CompareContext(ctx, texts[0])
			require.ErrorIs(t, err, ctx.Err())
			require.Error(t, err)
			require.Empty(t, m)
			require.Less(t, time.Since(start), 5*time.Second, "without an end these take tens of seconds")

			m, err = x.CompareContext(t.Context(), "tide")
			require.NoError(t, err, "the memory of a search that was given up is used again")
			require.Equal(t, difflib.Compare("tide", texts[1], false), m)
		})
	}
}
