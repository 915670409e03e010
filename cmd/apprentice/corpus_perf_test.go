package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

// BenchmarkTrajStats measures `apprentice traj stats`.
func BenchmarkTrajStats(b *testing.B) {
	overCorpus(b, func(dir string) []string { return []string{"traj", "stats", dir, "--json"} })
}

// BenchmarkSRLSteps measures `apprentice srl steps`.
func BenchmarkSRLSteps(b *testing.B) {
	overCorpus(b, func(dir string) []string {
		return []string{"srl", "steps", dir, "--json", "--out", filepath.Join(b.TempDir(), "steps.jsonl")}
	})
}

// overCorpus measures a command as a process of its own over 5,000 trajectories of
// 1.5 GB, which it makes from published ones: each has the turns of one of those
// twice or three times, and each call and each answer differs from all others, so
// that little is remembered from before.
func overCorpus(b *testing.B, command func(dir string) []string) {
	const trajectories, bytes = 5000, 1500e6
	data := os.Getenv("APPRENTICE_TESTDATA")
	if data == "" {
		sandboxtest.Missing(b, "testdata", "APPRENTICE_TESTDATA names no folder with trajectories")
	}
	dir := b.TempDir()
	size := makeCorpus(b, filepath.Join(data, "trajectories"), dir, trajectories, bytes)
	self, err := os.Executable()
	require.NoError(b, err)
	b.SetBytes(size)
	b.ResetTimer()
	var peak int
	var busy time.Duration
	for b.Loop() {
		cmd := exec.CommandContext(b.Context(), self, command(dir)...)
		cmd.Args[0] = "apprentice" // what TestMain goes by
		cmd.Stderr = os.Stderr
		require.NoError(b, cmd.Start())
		done := make(chan error)
		go func() { done <- cmd.Wait() }()
		for running := true; running; {
			select {
			case err := <-done:
				require.NoError(b, err)
				busy += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
				running = false
			case <-time.After(20 * time.Millisecond):
				peak = max(peak, peakMemory(cmd.Process.Pid))
			}
		}
	}
	b.ReportMetric(float64(peak)/1024, "peak-MiB")
	b.ReportMetric(busy.Seconds()/float64(b.N), "cpu-s/op")
}

// peakMemory is the most resident memory, in KiB, that a process has had so far,
// and 0 when it is gone.
func peakMemory(pid int) int {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(status)) {
		var kib int
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); err == nil {
			return kib
		}
	}
	return 0
}

// makeCorpus writes n logs of so many bytes in all, made from what is in from.
func makeCorpus(b *testing.B, from, to string, n int, bytes int64) int64 {
	var published formats.Collector
	for _, err := range formats.Import(b.Context(), []string{from}, formats.Options{
		Formats: allFormats(), KeepGoing: true, To: &published, Taken: func(string) bool { return false },
	}) {
		require.NoError(b, err)
	}
	var size int64
	rounds := 1
	for i := range n {
		t := published.Whole[i%len(published.Whole)]
		if i%len(published.Whole) == 0 { // once all were there
			rounds = 2
			if size < bytes*int64(i)/int64(n) {
				rounds = 3
			}
		}
		size += vary(b, t, filepath.Join(to, fmt.Sprintf("%05d.1.jsonl", i)), i, rounds)
	}
	return size
}

// vary writes a trajectory so many times into one log, each time with other
// texts.
func vary(b *testing.B, t *trajectories.Trajectory, path string, seed, rounds int) int64 {
	file, err := os.Create(path)
	require.NoError(b, err)
	buffer := bufio.NewWriterSize(file, 1<<20)
	log := tally{w: buffer}
	e := trajectories.NewEncoder(&log)
	h := t.Header
	h.ID, h.Task.ID = fmt.Sprintf("%05d.1", seed), fmt.Sprintf("%s-%d", h.Task.ID, seed)
	require.NoError(b, e.Header(h))
	turns := 0
	for round := range rounds {
		mark := fmt.Sprintf("%d.%d", seed, round)
		before := turns
		for event := range t.Events() {
			switch {
			case event.Turn != nil:
				turn := *event.Turn
				turns++
				turn.N = turns
				turn.Calls = nil
				turn.Actions = nil
				for _, a := range event.Turn.Actions {
					turn.Actions = append(turn.Actions, env.Action{ID: a.ID + mark, Tool: a.Tool, Arguments: varied(a.Arguments, mark)})
				}
				require.NoError(b, e.Turn(turn))
			case event.Observation != nil:
				o := *event.Observation
				o.Turn += before
				o.Action += mark
				o.Text += mark
				require.NoError(b, e.Observation(o))
			case event.Message != nil:
				m := *event.Message
				m.After += before
				require.NoError(b, e.Message(m))
			}
		}
	}
	if t.End != nil {
		require.NoError(b, e.End(*t.End))
	}
	require.NoError(b, buffer.Flush())
	require.NoError(b, file.Close())
	return log.n
}

// varied changes the last text of the arguments, in a way that is a comment in a
// command.
func varied(arguments json.RawMessage, mark string) json.RawMessage {
	if head, ok := bytes.CutSuffix(arguments, []byte(`"}`)); ok {
		return append(bytes.Clone(head), `\n# `+mark+`"}`...)
	}
	return arguments
}

// tally counts what is written.
type tally struct {
	w *bufio.Writer
	n int64
}

func (c *tally) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return c.w.Write(p)
}
