package behaviour

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
)

// A recorded call is an action as some agent's file holds it.
type recorded struct {
	tool      string
	arguments json.RawMessage
}

// recordedCalls finds the tool calls in all published trajectories, in whatever
// place their format has them. It reads the files on its own, with maps. Some
// formats hold a call twice; then it is here twice.
func recordedCalls(tb testing.TB) []recorded {
	tb.Helper()
	data := os.Getenv("APPRENTICE_TESTDATA")
	if data == "" {
		sandboxtest.Missing(tb, "testdata", "APPRENTICE_TESTDATA names no folder with published trajectories")
	}
	var calls []recorded
	err := filepath.WalkDir(filepath.Join(data, "trajectories"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		for dec := json.NewDecoder(file); ; {
			var value any
			if dec.Decode(&value) != nil {
				return nil // the end, or no JSON
			}
			calls = appendCalls(calls, value)
		}
	})
	require.NoError(tb, err)
	return calls
}

var (
	xmlCall  = regexp.MustCompile(`(?s)<function=([^>]+)>\n(.*?)</function>`)
	xmlValue = regexp.MustCompile(`(?s)<parameter=([^>]+)>(.*?)</parameter>`)
	fence    = regexp.MustCompile("(?s)```bash\\s*\\n(.*?)\\n```")
)

func appendCalls(calls []recorded, value any) []recorded {
	switch v := value.(type) {
	case []any:
		for _, x := range v {
			calls = appendCalls(calls, x)
		}
	case map[string]any:
		if len(v) < 6 { // {name, arguments} of a call
			name, ok := v["name"].(string)
			if text, isText := v["arguments"].(string); ok && isText {
				return append(calls, recorded{name, json.RawMessage(text)})
			}
		}
		if name, ok := v["function_name"].(string); ok && v["arguments"] != nil {
			return append(calls, recorded{name, encode(v["arguments"])})
		}
		if text, ok := v["action"].(string); ok && v["observation"] != nil && strings.TrimSpace(text) != "" {
			calls = append(calls, recorded{"bash", encode(map[string]any{"command": text})})
		}
		if text, ok := v["content"].(string); ok && v["role"] == "assistant" {
			for _, m := range xmlCall.FindAllStringSubmatch(text, -1) {
				args := map[string]any{}
				for _, p := range xmlValue.FindAllStringSubmatch(m[2], -1) {
					args[p[1]] = strings.Trim(p[2], "\n")
				}
				calls = append(calls, recorded{m[1], encode(args)})
			}
			if m := fence.FindStringSubmatch(text); m != nil && v["tool_calls"] == nil {
				calls = append(calls, recorded{"bash", encode(map[string]any{"command": m[1]})})
			}
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if name != "query" && name != "extra" { // copies of what stands elsewhere
				calls = appendCalls(calls, v[name])
			}
		}
	}
	return calls
}

func encode(v any) json.RawMessage {
	data, _ := json.Marshal(v)
	return data
}

// Of the published calls, those that are no valid shell are the ten or so in
// which a model put prose or a chain behind a here-document's end, and the
// unknown programs are words of such prose and one compiler: both are below
// 1 in 50, and a rule that is lost shows at once.
func TestPublishedCallsAreUnderstood(t *testing.T) {
	calls := recordedCalls(t)
	require.Greater(t, len(calls), 900)
	mains, acts, programs := map[Kind]int{}, map[Kind]int{}, map[string]int{}
	total, guessed := 0, 0
	for _, c := range calls {
		found := Classify(c.tool, c.arguments)
		wellFormed(t, found, len(c.arguments))
		mains[Main(found).Kind]++
		for _, a := range found {
			acts[a.Kind]++
			total++
			if a.Kind == Other {
				programs[a.Program]++
			}
			if a.Kind == Unparsed && a.Detail != "" {
				guessed++
			}
		}
	}
	for _, k := range strength {
		t.Logf("%-9s %4d calls (%4.1f %%), %4d acts", k, mains[k], 100*float64(mains[k])/float64(len(calls)), acts[k])
	}
	t.Logf("%d calls, %d acts; other: %v", len(calls), total, programs)
	require.Less(t, 50*mains[Other], len(calls))
	require.Less(t, 50*mains[Unparsed], len(calls))
	require.Less(t, 50*acts[Other], total)
	require.Less(t, 50*acts[Unparsed], total)
	require.GreaterOrEqual(t, 2*guessed, acts[Unparsed], "words tell most of what cannot be parsed")
	for _, k := range []Kind{View, Search, List, Edit, Create, Delete, Test, Run, Build, Install, VCS, Submit, Think} {
		require.NotZero(t, mains[k], k)
	}
}

func BenchmarkClassify(b *testing.B) {
	calls := recordedCalls(b)
	size := 0
	for _, c := range calls {
		size += len(c.arguments)
	}
	b.Run("plain", func(b *testing.B) {
		b.SetBytes(int64(size))
		b.ReportAllocs()
		for b.Loop() {
			for _, c := range calls {
				Classify(c.tool, c.arguments)
			}
		}
	})
	b.Run("memo", func(b *testing.B) {
		b.SetBytes(int64(size))
		b.ReportAllocs()
		m := NewMemo(16 << 20)
		for b.Loop() {
			for _, c := range calls {
				m.Classify(c.tool, c.arguments)
			}
		}
	})
}
