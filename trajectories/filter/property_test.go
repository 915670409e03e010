package filter_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/filter"
	"github.com/apprentice-rl/apprentice/trajectories/minhash"
	"github.com/apprentice-rl/apprentice/trajectories/summary"
)

// some makes candidates that have much in common: tasks, repositories, actions,
// and parents, of which some are not there and some go in circles.
func some(t *rapid.T) []filter.Candidate {
	n := rapid.IntRange(0, 40).Draw(t, "candidates")
	status := rapid.SampledFrom([]trajectories.ExitStatus{"submitted", "submitted", "step_limit", ""})
	var all []filter.Candidate
	for i := range n {
		repo, task := rapid.IntRange(0, 3).Draw(t, "repo"), rapid.IntRange(0, 3).Draw(t, "task")
		var s minhash.Sketcher
		for range rapid.IntRange(0, 3).Draw(t, "actions") {
			s.Add("bash", rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "action"))
		}
		c := filter.Candidate{Name: fmt.Sprint("t", i), Summary: summary.Summary{
			Task: fmt.Sprintf("o__r%d-%d", repo, task), Status: status.Draw(t, "status"),
			Steps: rapid.IntRange(0, 20).Draw(t, "steps"), Trainable: rapid.IntRange(0, 1).Draw(t, "trainable"),
			PatchBytes: rapid.IntRange(0, 2).Draw(t, "patch"), Sketch: s.Sketch(),
			Usage: trajectories.Usage{PromptTokens: rapid.IntRange(0, 3).Draw(t, "tokens"), Cost: rapid.Float64Range(0, 2).Draw(t, "cost")},
		}}
		if task == 3 {
			c.Summary.Task = "" // its source names none
		}
		if rapid.IntRange(0, 3).Draw(t, "part") == 0 {
			c.Parent = fmt.Sprint("t", rapid.IntRange(0, n).Draw(t, "parent"))
		}
		all = append(all, c)
	}
	return all
}

func options(t *rapid.T) filter.Options {
	on := func(name string) bool { return rapid.Bool().Draw(t, name) }
	o := filter.Options{
		Seed: rapid.Uint64().Draw(t, "seed"), Trainable: on("trainable"), Patch: on("patch"),
		MinSteps: rapid.IntRange(0, 3).Draw(t, "min"), MaxTokens: rapid.IntRange(0, 3).Draw(t, "max tokens"),
		MaxCost: rapid.SampledFrom([]float64{0, 1}).Draw(t, "max cost"),
		PerTask: rapid.IntRange(0, 3).Draw(t, "per task"), NearDuplicates: rapid.SampledFrom([]float64{0, 0.5, 0.9, 1}).Draw(t, "near"),
		HoldOut: rapid.SampledFrom([]float64{0, 0.1, 0.3, 0.7}).Draw(t, "hold out"),
		By:      rapid.SampledFrom([]filter.By{"", filter.Task, filter.Repository}).Draw(t, "by"), Parallel: 3,
	}
	if on("status") {
		o.Statuses = []trajectories.ExitStatus{"submitted"}
	}
	if on("resolved") {
		o.Resolved = func(s summary.Summary) (filter.Verdict, string) { return filter.Verdict(s.Steps % 3), "" }
	}
	if on("audit") {
		o.Flags = func(_ context.Context, c filter.Candidate) ([]string, error) {
			if c.Summary.Steps == 7 {
				return []string{"seven"}, nil
			}
			return nil, nil
		}
	}
	return o
}

func TestWhatHoldsForEveryResult(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		given, o := some(t), options(t)
		r, err := filter.Apply(context.Background(), given, o)
		require.NoError(t, err)

		// Neither the order nor the run makes a difference.
		shuffled := rapid.Permutation(given).Draw(t, "order")
		again, err := filter.Apply(context.Background(), shuffled, o)
		require.NoError(t, err)
		require.Equal(t, r, again)

		// Each candidate is in one place.
		kept := slices.Concat(r.Train, r.HeldOut)
		names := slices.Clone(kept)
		for _, f := range r.Fell {
			names = append(names, f.Name)
		}
		var all []string
		byName := map[string]filter.Candidate{}
		for _, c := range given {
			all = append(all, c.Name)
			byName[c.Name] = c
		}
		require.ElementsMatch(t, all, names)

		// The funnel adds up.
		in, fell := r.Given, map[filter.Gate]int{}
		for _, f := range r.Fell {
			fell[f.Gate]++
		}
		for _, s := range r.Funnel {
			require.Equal(t, in, s.In)
			require.Equal(t, s.In, s.Fell+s.Left)
			require.Equal(t, fell[s.Gate], s.Fell)
			in = s.Left
		}
		require.Equal(t, in, len(kept))

		// Nothing is in both splits, and parts are where their whole is.
		held := map[string]bool{}
		for _, name := range r.HeldOut {
			held[name] = true
		}
		isKept := map[string]bool{}
		groups := map[string]bool{}
		for _, name := range kept {
			isKept[name] = true
			s := byName[name].Summary
			group := s.Task
			if o.By == filter.Repository {
				group = filter.RepositoryOf(s.Repo, s.Task)
			}
			if group == "" {
				continue // it is alone with its task
			}
			if where, seen := groups[group]; seen {
				require.Equal(t, where, held[name], "%s is in both", group)
			}
			groups[group] = held[name]
		}
		for _, c := range given {
			if _, there := byName[c.Parent]; there {
				require.Equal(t, isKept[c.Parent], isKept[c.Name])
				require.Equal(t, held[c.Parent], held[c.Name])
			}
		}
		require.False(t, len(kept) > 0 && len(r.Train) == 0, "never all is held out")

		// Of those that are no parts: the cap holds, and no two are alike.
		tasks := map[string]int{}
		var alone []string
		for _, name := range kept {
			if _, part := byName[byName[name].Parent]; !part {
				alone = append(alone, name)
				if task := byName[name].Summary.Task; task != "" {
					tasks[task]++
					require.True(t, o.PerTask == 0 || tasks[task] <= o.PerTask)
				}
			}
		}
		for i, a := range alone {
			for _, b := range alone[:i] {
				require.True(t, o.NearDuplicates == 0 || byName[a].Summary.Sketch.Similarity(byName[b].Summary.Sketch) < o.NearDuplicates)
			}
		}
	})
}

// made is a sequence of n actions of a language of its own.
func made(r *rand.Rand, n int) []string {
	actions := make([]string, n)
	for i := range actions {
		actions[i] = fmt.Sprint("command ", r.Uint64())
	}
	return actions
}

// pairs are those of consecutive actions.
func pairs(actions []string) map[[2]string]bool {
	set, last := map[[2]string]bool{}, ""
	for _, x := range actions {
		set[[2]string{last, x}] = true
		last = x
	}
	return set
}

// jaccard is the index that sketches estimate.
func jaccard(x, y map[[2]string]bool) float64 {
	both := 0
	for p := range x {
		if y[p] {
			both++
		}
	}
	return float64(both) / float64(len(x)+len(y)-both)
}

// Families of varied episodes: what falls is compared with what the exact index
// says. Estimates err near the threshold; elsewhere they may not.
func TestNearDuplicatesFallAndOthersStay(t *testing.T) {
	const threshold = 0.8
	r := rand.New(rand.NewPCG(3, 4))
	did := map[string]map[[2]string]bool{}
	var given []filter.Candidate
	for family := range 100 {
		base := made(r, 20+r.IntN(60))
		for i := range 6 {
			varied := slices.Clone(base)
			for j := range varied {
				if r.Float64() < 0.04*float64(i) {
					varied[j] = made(r, 1)[0]
				}
			}
			name := fmt.Sprint("t", family, "-", i)
			did[name] = pairs(varied)
			given = append(given, filter.Candidate{Name: name, Summary: summary.Summary{Sketch: sketchOf(varied...)}})
		}
	}
	result, err := filter.Apply(t.Context(), given, filter.Options{NearDuplicates: threshold})
	require.NoError(t, err)
	nearest := func(name string) (j float64) {
		for _, kept := range result.Train {
			if kept != name {
				j = max(j, jaccard(did[name], did[kept]))
			}
		}
		return j
	}
	var right, fell, missed int
	for _, f := range result.Fell {
		j := nearest(f.Name)
		require.Greater(t, j, threshold-0.16, f.Name)
		if fell++; j >= threshold {
			right++
		}
	}
	for _, name := range result.Train {
		j := nearest(name)
		require.Less(t, j, threshold+0.16, name)
		if j >= threshold {
			missed++
		}
	}
	precision, recall := float64(right)/float64(fell), float64(right)/float64(right+missed)
	t.Logf("of %d, %d fell; precision %.3f, recall %.3f", len(given), fell, precision, recall)
	require.Greater(t, fell, 100)
	require.Greater(t, precision, 0.9)
	require.Greater(t, recall, 0.9)
}

// sized makes as many candidates of each task as sizes say.
func sized(sizes []int) []filter.Candidate {
	var all []filter.Candidate
	for task, n := range sizes {
		for i := range n {
			all = append(all, filter.Candidate{Name: fmt.Sprint(task, ".", i), Summary: summary.Summary{Task: fmt.Sprint("task ", task)}})
		}
	}
	return all
}

// number is that of a task.
func number(t require.TestingT, group string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(group, "task "))
	require.NoError(t, err)
	return n
}

func TestTheShareIsReachedAsNearAsGroupsAllow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(1, 30), 2, 20).Draw(t, "sizes")
		given := sized(sizes)
		share := rapid.Float64Range(0.01, 0.99).Draw(t, "share")
		r, err := filter.Apply(context.Background(), given, filter.Options{Seed: rapid.Uint64().Draw(t, "seed"), HoldOut: share})
		require.NoError(t, err)
		wanted, held := share*float64(len(given)), float64(len(r.HeldOut))
		if held > wanted {
			require.True(t, slices.ContainsFunc(r.Groups, func(group string) bool {
				size := float64(sizes[number(t, group)])
				return held-wanted <= wanted-(held-size)+1e-9
			}), "without any one of %v it were nearer", r.Groups)
		}
		if len(r.Groups) == len(sizes)-1 {
			return // one group has to stay
		}
		for task, n := range sizes {
			if !slices.Contains(r.Groups, fmt.Sprint("task ", task)) {
				require.LessOrEqual(t, math.Abs(held-wanted), math.Abs(held+float64(n)-wanted)+1e-9, "with task %d it were nearer", task)
			}
		}
	})
	var even []int
	for range 200 {
		even = append(even, 5)
	}
	for _, share := range []float64{0.05, 0.1, 0.33, 0.5} {
		r, err := filter.Apply(t.Context(), sized(even), filter.Options{HoldOut: share})
		require.NoError(t, err)
		require.InDelta(t, share, float64(len(r.HeldOut))/1000, 0.003)
	}
}

func TestDataThatIsAddedMovesFewGroups(t *testing.T) {
	var before, after []int
	for range 200 {
		before = append(before, 5)
	}
	after = append(slices.Clone(before), before[:20]...)
	o := filter.Options{HoldOut: 0.2, Seed: 7}
	first, err := filter.Apply(t.Context(), sized(before), o)
	require.NoError(t, err)
	second, err := filter.Apply(t.Context(), sized(after), o)
	require.NoError(t, err)
	moved := 0
	for _, g := range first.Groups {
		if !slices.Contains(second.Groups, g) {
			moved++
		}
	}
	require.LessOrEqual(t, moved, 6, "of %d", len(first.Groups))

	o.Seed = 8
	other, err := filter.Apply(t.Context(), sized(before), o)
	require.NoError(t, err)
	require.NotEqual(t, first.Groups, other.Groups)
}

func BenchmarkApply(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	var given []filter.Candidate
	for task := range 1000 {
		base := made(r, 40)
		for i := range 10 {
			varied := slices.Clone(base)
			for range r.IntN(8) {
				varied[r.IntN(len(varied))] = made(r, 1)[0]
			}
			given = append(given, filter.Candidate{Name: fmt.Sprint(task, ".", i), Summary: summary.Summary{
				Task: fmt.Sprintf("o__r%d-%d", task%12, task), Status: trajectories.ExitSubmitted, Steps: 40, Trainable: 40, PatchBytes: 1, Sketch: sketchOf(varied...),
			}})
		}
	}
	o := filter.Options{
		Statuses: []trajectories.ExitStatus{trajectories.ExitSubmitted}, Patch: true, NearDuplicates: 0.8, PerTask: 3, HoldOut: 0.1, By: filter.Repository,
	}
	for b.Loop() {
		_, err := filter.Apply(b.Context(), given, o)
		require.NoError(b, err)
	}
}
