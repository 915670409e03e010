package redact_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
)

// alternation is how one would find the keys without thinking of speed.
const alternation = `sk-[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{36}|glpat-[\w-]{20}|(?:AKIA|ASIA)[A-Z2-7]{16}|AIza[\w-]{35}|hf_[A-Za-z]{34}|` +
	`xox[a-z]-[\w-]{10,}|-----BEGIN [A-Z ]*PRIVATE KEY-----|://[^:/\s]+:[^@/\s]+@|(?i:password|api_?key|secret|token)["']?\s*[:=]\s*["']?[\w+/=-]{8,}`

// ordinary is what agents and models said to each other in recorded episodes:
// nearly all of it is observations, and nothing in it is replaced.
func ordinary(b *testing.B) string {
	b.Helper()
	data := os.Getenv("APPRENTICE_TESTDATA")
	if data == "" {
		sandboxtest.Missing(b, "testdata", "APPRENTICE_TESTDATA names no folder with trajectories")
	}
	files, err := filepath.Glob(filepath.Join(data, "trajectories", "mini-swe-agent", "gpt-5-mini", "*", "*.traj.json"))
	require.NoError(b, err)
	var text strings.Builder
	for _, f := range files {
		raw, err := os.ReadFile(f)
		require.NoError(b, err)
		var t struct{ Messages []struct{ Content any } }
		require.NoError(b, json.Unmarshal(raw, &t))
		for _, m := range t.Messages {
			if s, ok := m.Content.(string); ok {
				text.WriteString(s)
			}
		}
	}
	return text.String()
}

func BenchmarkText(b *testing.B) {
	text := ordinary(b)
	r := redactor(b, map[string]string{"OPENAI_API_KEY": "sk-" + strings.Repeat("aB3", 16), "DB_PASSWORD": "correct-horse-battery"})
	b.Run("redactor", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			r.Text(text)
		}
	})
	b.Run("json", func(b *testing.B) {
		raw, err := json.Marshal(strings.SplitAfter(text, "</output>"))
		require.NoError(b, err)
		b.SetBytes(int64(len(raw)))
		for b.Loop() {
			r.JSON(raw)
		}
	})
	b.Run("alternation", func(b *testing.B) {
		re := regexp.MustCompile(alternation)
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			re.FindAllStringIndex(text, -1)
		}
	})
}
