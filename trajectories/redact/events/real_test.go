package events_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/mini"
	"github.com/apprentice-rl/apprentice/trajectories/formats/sweagent"
	"github.com/apprentice-rl/apprentice/trajectories/redact/events"
)

// published are the real trajectories of two programs.
func published(t testing.TB) (all []*trajectories.Trajectory, size int64) {
	t.Helper()
	data := os.Getenv("APPRENTICE_TESTDATA")
	if data == "" {
		sandboxtest.Missing(t, "testdata", "APPRENTICE_TESTDATA names no folder with trajectories")
	}
	var to formats.Collector
	for _, folder := range []string{"mini-swe-agent", "swe-agent"} {
		err := filepath.WalkDir(filepath.Join(data, "trajectories", folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			for _, err := range formats.Import(t.Context(), []string{path}, formats.Options{
				Formats: []formats.Format{mini.Format11(), sweagent.Format()}, KeepGoing: true, To: &to,
			}) {
				require.NoError(t, err)
			}
			return nil
		})
		require.NoError(t, err)
	}
	require.Greater(t, len(to.Whole), 30)
	for _, tr := range to.Whole {
		size += int64(len(logOf(t, tr)))
	}
	return to.Whole, size
}

func logOf(t testing.TB, tr *trajectories.Trajectory) []byte {
	t.Helper()
	var log bytes.Buffer
	e := trajectories.NewEncoder(&log)
	for event := range tr.Events() {
		require.NoError(t, e.Event(event))
	}
	return log.Bytes()
}

// The published trajectories hold no secret, so their logs stay the same.
func TestPublishedTrajectoriesStayTheSame(t *testing.T) {
	all, _ := published(t)
	for _, from := range all {
		got, taken := through(t, redactor(t), from)
		require.Nil(t, taken)
		require.Equal(t, string(logOf(t, from)), string(logOf(t, got)), from.Header.ID)
	}
}

func BenchmarkSink(b *testing.B) {
	all, size := published(b)
	run := func(name string, sink formats.Sink) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				for _, t := range all {
					require.NoError(b, formats.Copy(sink, formats.Of(t)))
				}
			}
		})
	}
	run("write", &lines{})
	run("redact", events.NewSink(redactor(b), discard{}))
	run("redact and write", events.NewSink(redactor(b), &lines{}))
}

// discard is a sink that does nothing.
type discard struct{}

func (discard) Begin(trajectories.Header) error            { return nil }
func (discard) Turn(trajectories.Turn) error               { return nil }
func (discard) Observation(trajectories.Observation) error { return nil }
func (discard) Message(trajectories.Message) error         { return nil }
func (discard) View(trajectories.View) error               { return nil }
func (discard) End(trajectories.End) error                 { return nil }
func (discard) Discard()                                   {}

// lines writes logs that nobody keeps.
type lines struct{ *trajectories.Encoder }

type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }

func (l *lines) Begin(h trajectories.Header) error {
	l.Encoder = trajectories.NewEncoder(nowhere{})
	return l.Header(h)
}

func (l *lines) Discard() {}
