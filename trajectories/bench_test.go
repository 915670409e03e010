package trajectories_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/trajectories"
)

// long is a log of about 30 MB, made by repeating a turn of an ordinary size
// with the raw answer of an endpoint.
func long(tb testing.TB) []byte {
	var log bytes.Buffer
	e := trajectories.NewEncoder(&log)
	require.NoError(tb, e.Header(small().Header))
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	output := strings.Repeat("def pages(total, size):\n\treturn -(-total // size)  # \"rounded up\", which is why it is right\n", 40)
	for n := 1; n <= 5000; n++ {
		id := fmt.Sprintf("call_%d", n)
		arguments, err := json.Marshal(map[string]string{"command": fmt.Sprintf("sed -n '%d,%dp' src/pages.py && grep -rn \"pages(\" .", n, n+40)})
		require.NoError(tb, err)
		response, err := json.Marshal(map[string]any{"id": id, "model": "m", "usage": map[string]int{"prompt_tokens": n},
			"choices": []any{map[string]any{"message": map[string]any{"role": "assistant", "content": output[:1500], "tool_calls": []string{string(arguments)}}}}})
		require.NoError(tb, err)
		require.NoError(tb, e.Turn(trajectories.Turn{N: n, Time: at, Message: output[:400], Response: response,
			Actions: []env.Action{{ID: id, Tool: "bash", Arguments: arguments}}, Usage: trajectories.Usage{Calls: 1, PromptTokens: n, CompletionTokens: 100}}))
		require.NoError(tb, e.Observation(trajectories.Observation{Turn: n, Observation: env.Observation{Action: id, Text: output, Duration: time.Second,
			Result: &sandbox.Result{End: sandbox.EndExit, Duration: time.Second}}}))
	}
	require.NoError(tb, e.End(trajectories.End{Time: at, Status: trajectories.ExitSubmitted, Patch: output}))
	return log.Bytes()
}

// BenchmarkLog reads and writes a large log, with encoding/json on the same
// bytes as the measure.
func BenchmarkLog(b *testing.B) {
	log := long(b)
	run := func(name string, f func(b *testing.B)) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(log)))
			b.ReportAllocs()
			for b.Loop() {
				f(b)
			}
		})
	}
	run("Events", func(b *testing.B) {
		for _, err := range trajectories.Events("x", bytes.NewReader(log)) {
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	run("Decode", func(b *testing.B) {
		_, err := trajectories.Decode("x", bytes.NewReader(log))
		require.NoError(b, err)
	})
	whole, err := trajectories.Decode("x", bytes.NewReader(log))
	require.NoError(b, err)
	run("Encoder", func(b *testing.B) {
		e := trajectories.NewEncoder(io.Discard)
		for event := range whole.Events() {
			if err := e.Event(event); err != nil {
				b.Fatal(err)
			}
		}
	})
	run("encoding-json", func(b *testing.B) {
		for line := range bytes.Lines(log) {
			var v any
			if err := json.Unmarshal(line, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
