package stats_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/behaviour"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/stats"
)

func shell(id, command string) env.Action {
	text, _ := json.Marshal(command)
	return env.Action{ID: id, Tool: "bash", Arguments: json.RawMessage(`{"command":` + string(text) + `}`)}
}

func answer(turn int, id, text string, failed bool) trajectories.Observation {
	return trajectories.Observation{Turn: turn, Observation: env.Observation{Action: id, Text: text, Failed: failed}}
}

func trajectory() *trajectories.Trajectory {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	return &trajectories.Trajectory{
		Header: trajectories.Header{Started: at, Task: trajectories.Task{ID: "t", Repo: "r"}, Policy: trajectories.Policy{Name: "llm", Model: "m"}, Source: &trajectories.Source{Format: "atif"}},
		Turns: []trajectories.Turn{
			{N: 1, Copied: true, Usage: trajectories.Usage{PromptTokens: 1000}, Actions: []env.Action{shell("z", "rm -rf /")}},
			{N: 2, Usage: trajectories.Usage{PromptTokens: 10, CompletionTokens: 1}, Actions: []env.Action{shell("a", "ls"), shell("b", "cat x.py")}},
			{N: 3, FormatError: "no call", Usage: trajectories.Usage{PromptTokens: 20}},
			{N: 4, Actions: []env.Action{shell("c", "sed -i s/a/b/ x.py && pytest -q")}},
			{N: 5, Actions: []env.Action{shell("d", "pytest -q")}},
			{N: 6, Actions: []env.Action{{ID: "e", Tool: "submit", Arguments: json.RawMessage(`{}`)}}},
		},
		Observations: []trajectories.Observation{
			answer(1, "z", "copied", true), answer(2, "a", "x.py", false), answer(2, "b", "world", false), answer(4, "c", "", false), answer(5, "d", "failed", true),
		},
		End: &trajectories.End{Time: at.Add(90 * time.Second), Status: trajectories.ExitSubmitted, Patch: "patch", Usage: trajectories.Usage{Cost: 0.25}},
	}
}

func episode(t require.TestingT, tr *trajectories.Trajectory) stats.Episode {
	e, err := stats.Of(formats.Of(tr), nil)
	require.NoError(t, err)
	return e
}

func TestOf(t *testing.T) {
	require.Equal(t, stats.Episode{
		Task: "t", Repo: "r", Policy: "llm", Model: "m", Format: "atif", Status: trajectories.ExitSubmitted,
		Turns: 5, Steps: 4, Observations: 4, FormatErrors: 1,
		Usage:   trajectories.Usage{PromptTokens: 30, CompletionTokens: 1, Cost: 0.25},
		Seconds: 90, Timed: true, FirstEdit: 2, FirstTest: 2, PatchBytes: 5,
		Acts: []stats.Act{
			{Step: 1, Tool: "bash", Program: "ls", Kind: behaviour.List, Answered: true, Bytes: 4},
			{Step: 1, Tool: "bash", Program: "cat", Kind: behaviour.View, Answered: true, Bytes: 5},
			{Step: 2, Tool: "bash", Program: "sed", Kind: behaviour.Edit, Answered: true},
			{Step: 3, Tool: "bash", Program: "pytest", Kind: behaviour.Test, Answered: true, Failed: true, Bytes: 6},
			{Step: 4, Tool: "submit", Kind: behaviour.Submit},
		},
	}, episode(t, trajectory()))
	require.Equal(t, stats.Episode{}, episode(t, &trajectories.Trajectory{}))
}

func TestAnEpisodeOfLessThanASecondHasATime(t *testing.T) {
	tr := trajectory()
	tr.End.Time = tr.Header.Started.Add(time.Millisecond)
	var s stats.Stats
	s.Add(episode(t, tr))
	require.Equal(t, stats.Distribution{N: 1}, s.Report().Seconds)

	tr.End.Time = tr.Header.Started.Add(-time.Hour) // of another clock
	s = stats.Stats{}
	s.Add(episode(t, tr))
	require.Zero(t, s.Report().Seconds.N)
}

func TestReport(t *testing.T) {
	var s stats.Stats
	s.Add(episode(t, trajectory()))
	s.Add(episode(t, trajectory()))
	other := trajectory()
	other.End, other.Header.Policy.Model, other.Turns[1].Usage = nil, "n", trajectories.Usage{}
	s.Add(episode(t, other))
	r := s.Report()

	require.Equal(t, 3, r.Trajectories)
	require.Equal(t, 1, r.Unfinished)
	require.Equal(t, 2, r.Submitted())
	require.Equal(t, []stats.Count{{Name: "m", Count: 2}, {Name: "n", Count: 1}}, r.Models)
	require.Equal(t, stats.Patches{Some: 2}, r.Patches)
	require.Equal(t, stats.Distribution{N: 3, Min: 20, Median: 30, P90: 30, Max: 30, Mean: 80.0 / 3, Sum: 80}, r.PromptTokens)
	require.Equal(t, stats.Distribution{N: 2, Min: 0.25, Median: 0.25, P90: 0.25, Max: 0.25, Mean: 0.25, Sum: 0.5}, r.Cost)
	require.Equal(t, stats.Distribution{N: 12, Min: 0, Median: 4, P90: 6, Max: 6, Mean: 3.75, Sum: 45}, r.ObservationBytes)
	require.InDelta(t, 0.5, r.FirstEdit.Median, 1e-9)
	require.Equal(t, []stats.Use{{Name: "bash", Actions: 12, Failed: 3, Bytes: 45}, {Name: "submit", Actions: 3}}, r.Tools)
	require.Equal(t, stats.Use{Name: "pytest", Actions: 3, Failed: 3, Bytes: 18}, r.Programs[2])

	// Four steps, so their middles are at 1/8, 3/8, 5/8 and 7/8.
	var parts []int
	for _, part := range r.Course {
		parts = append(parts, part.Actions)
	}
	require.Equal(t, []int{0, 6, 0, 3, 0, 0, 3, 0, 3, 0}, parts)
	require.InDelta(t, 0.5, r.Course[1].Share(behaviour.View), 1e-9)
	require.Zero(t, r.Course[0].Share(behaviour.View))
}

func TestQuantilesAreExact(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		turns := rapid.SliceOfN(rapid.IntRange(0, 30), 1, 50).Draw(r, "turns")
		var s stats.Stats
		for _, n := range turns {
			s.Add(stats.Episode{Turns: n})
		}
		slices.Sort(turns)
		n := len(turns)
		got := s.Report().Turns
		require.Equal(r, float64(turns[(n+1)/2-1]), got.Median)
		require.Equal(r, float64(turns[(9*n+9)/10-1]), got.P90)
		require.Equal(r, float64(turns[n-1]), got.Max)
	})
}

// Who read what, and in which order it was put together, does not show.
func TestTheOrderDoesNotMatter(t *testing.T) {
	anyAct := rapid.Custom(func(r *rapid.T) stats.Act {
		return stats.Act{Step: 1, Tool: rapid.SampledFrom([]string{"bash", "edit"}).Draw(r, "tool"), Kind: behaviour.View,
			Answered: rapid.Bool().Draw(r, "answered"), Failed: rapid.Bool().Draw(r, "failed"), Bytes: rapid.IntRange(0, 9).Draw(r, "bytes")}
	})
	anyEpisode := rapid.Custom(func(r *rapid.T) stats.Episode {
		return stats.Episode{
			Task: rapid.SampledFrom([]string{"", "a", "b"}).Draw(r, "task"), Status: rapid.SampledFrom([]trajectories.ExitStatus{"", "submitted"}).Draw(r, "status"),
			Limit: rapid.SampledFrom([]trajectories.ExitStatus{"", "cost_limit"}).Draw(r, "limit"),
			Turns: rapid.IntRange(0, 9).Draw(r, "turns"), Steps: 1, FirstEdit: rapid.IntRange(0, 1).Draw(r, "edit"), FirstTest: rapid.IntRange(0, 1).Draw(r, "test"),
			Usage: trajectories.Usage{Cost: rapid.Float64Range(0, 1).Draw(r, "cost")}, PatchBytes: rapid.IntRange(0, 1).Draw(r, "patch"),
			Acts: rapid.SliceOfN(anyAct, 0, 4).Draw(r, "acts"),
		}
	})
	rapid.Check(t, func(r *rapid.T) {
		all := rapid.SliceOfN(anyEpisode, 0, 12).Draw(r, "episodes")
		var want stats.Stats
		parts := make([]stats.Stats, 3)
		for _, e := range all {
			want.Add(e)
			parts[rapid.IntRange(0, 2).Draw(r, "worker")].Add(e)
		}
		var got stats.Stats
		for _, i := range rapid.Permutation([]int{0, 1, 2}).Draw(r, "order") {
			got.Merge(&parts[i])
		}
		require.Equal(r, want.Report(), got.Report())
	})
}

// from yields sources with errors in the places that are named.
func from(sources []formats.Source, broken map[int]error) iter.Seq2[formats.Source, error] {
	return func(yield func(formats.Source, error) bool) {
		for i, s := range sources {
			if !yield(s, broken[i]) {
				return
			}
		}
	}
}

// torn is a trajectory that breaks off with an error.
type torn struct {
	formats.Source
	err error
}

func (t torn) Events() iter.Seq2[trajectories.Event, error] {
	return func(yield func(trajectories.Event, error) bool) { yield(trajectories.Event{}, t.err) }
}

func TestCollect(t *testing.T) {
	var all []formats.Source
	for i := range 40 {
		tr := trajectory()
		tr.Header.Policy.Model = fmt.Sprint(i % 3)
		all = append(all, formats.Of(tr))
	}
	done := 0
	o := stats.Options{Workers: 4, Group: func(e stats.Episode) string { return e.Model }, Done: func() { done++ }}
	groups, err := stats.Collect(t.Context(), from(all, nil), o)
	require.NoError(t, err)
	require.Equal(t, 40, done)
	require.Len(t, groups, 3)
	require.Equal(t, 14, groups["0"].Report().Trajectories)

	groups, err = stats.Collect(t.Context(), from(nil, nil), stats.Options{})
	require.NoError(t, err)
	require.Empty(t, groups)

	first, second := errors.New("first"), errors.New("second")
	for range 20 {
		all[10], all[11] = torn{all[0], first}, torn{all[0], second}
		_, err = stats.Collect(t.Context(), from(all, nil), stats.Options{Workers: 4})
		require.ErrorIs(t, err, first, "however the work was shared out")
		_, err = stats.Collect(t.Context(), from(all, map[int]error{9: second}), stats.Options{Workers: 4})
		require.ErrorIs(t, err, second)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = stats.Collect(ctx, from(all[:5], nil), stats.Options{Workers: 1})
	require.ErrorIs(t, err, context.Canceled)
}

// Statistics see the same in the outline of a log as in the whole of it.
func TestAnOutlineIsEnough(t *testing.T) {
	var log bytes.Buffer
	e := trajectories.NewEncoder(&log)
	for event := range trajectory().Events() {
		require.NoError(t, e.Event(event))
	}
	tr := trajectory()
	outline := source{tr.Header, func(yield func(trajectories.Event, error) bool) {
		for e, err := range trajectories.Outline("x", bytes.NewReader(log.Bytes())) {
			if e.Header == nil && !yield(e, err) {
				return
			}
		}
	}}
	got, err := stats.Of(outline, behaviour.NewMemo(1<<20).Classify)
	require.NoError(t, err)
	require.Equal(t, episode(t, tr), got)
}

type source struct {
	header trajectories.Header
	events iter.Seq2[trajectories.Event, error]
}

func (s source) Header() trajectories.Header                  { return s.header }
func (s source) Events() iter.Seq2[trajectories.Event, error] { return s.events }
