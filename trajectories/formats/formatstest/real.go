package formatstest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories"
)

func (s Suite) real(t *testing.T) {
	for _, path := range s.files(t) {
		t.Run(label(path), func(t *testing.T) {
			raw, err := os.ReadFile(path)
			require.NoError(t, err)
			var want Tally
			for _, d := range Decode(t, raw) {
				want = want.Add(s.Count(d))
			}
			report, got, err := s.Import(t, path, false)
			require.NoError(t, err)
			require.Equal(t, s.Format.Name, report.Format)
			require.Equal(t, int64(len(raw)), report.Bytes)
			require.Equal(t, want, s.tally(got))
			require.Equal(t, want.Trajectories, report.Trajectories)
			require.Equal(t, want.Actions, report.Actions)
			require.Equal(t, want.Observations, report.Observations)
			for _, tr := range got {
				readable(t, tr)
			}
		})
	}
}

// Decode decodes a file of one document, or of one document a line.
func Decode(t testing.TB, raw []byte) []any {
	t.Helper()
	var all []any
	for d := json.NewDecoder(bytes.NewReader(raw)); ; {
		var v any
		err := d.Decode(&v)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, v)
	}
}

// tally counts what was imported.
func (s Suite) tally(all []*trajectories.Trajectory) Tally {
	measure := s.Measure
	if measure == nil {
		measure = measureTexts
	}
	var sum Tally
	for _, t := range all {
		sum.Trajectories++
		for _, turn := range t.Turns {
			sum.Actions += len(turn.Actions)
		}
		sum.Observations += len(t.Observations)
		for _, m := range t.Messages {
			if m.Kind == trajectories.MessageOrphan {
				sum.Observations++
			}
		}
		a, o := measure(t)
		sum.ActionBytes += a
		sum.ObservationBytes += o
	}
	return sum
}

func measureTexts(t *trajectories.Trajectory) (actions, observations int) {
	for _, turn := range t.Turns {
		for i := range turn.Actions {
			actions += len(turn.ArgumentText(i))
		}
	}
	for _, o := range t.Observations {
		observations += len(o.Text)
	}
	for _, m := range t.Messages {
		if m.Kind == trajectories.MessageOrphan {
			observations += len(m.Text)
		}
	}
	return actions, observations
}

// readable checks that a trajectory is the same once it was a log.
func readable(t testing.TB, tr *trajectories.Trajectory) {
	t.Helper()
	log := logOf(t, tr)
	got, err := trajectories.Decode("imported", bytes.NewReader(log))
	require.NoError(t, err)
	require.Equal(t, string(log), string(logOf(t, got)))
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
