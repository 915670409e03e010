package stats

import (
	"cmp"
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/apprentice-rl/apprentice/srl"
)

// SchemaVersion is the version of the form of a Report.
const SchemaVersion = 1

// A Report is what was measured.
type Report struct {
	SchemaVersion int `json:"schema_version"`
	// Examples and Tasks are what was read, LeftOut the examples that did not fit
	// into the sample.
	Examples int    `json:"examples"`
	Tasks    int    `json:"tasks"`
	LeftOut  int    `json:"left_out"`
	Seed     uint64 `json:"seed"`
	// Measured examples have answers that were scored, and are of MeasuredTasks.
	Measured      int            `json:"measured"`
	MeasuredTasks int            `json:"measured_tasks"`
	Group         int            `json:"group_size"`
	Epsilons      []float64      `json:"epsilons"`
	Rewards       []RewardReport `json:"rewards"`
}

// A RewardReport is what is said of one reward.
type RewardReport struct {
	Name      string `json:"name"`
	Version   int    `json:"version"`
	Scores    int    `json:"scores"`
	NotScored int    `json:"not_scored"` // for want of time
	Summary
	Classes   []ClassReport `json:"classes"`
	Histogram Histogram     `json:"histogram"`
	Mixes     []MixReport   `json:"groups"`
	ByTool    []Bucket      `json:"by_tool"`
	ByKind    []Bucket      `json:"by_kind"`
	ByLength  []Bucket      `json:"by_length"`
}

// A Summary is the few numbers that rewards are compared by.
type Summary struct {
	// AUC tells nearly right answers from other steps of the task, and Hard from
	// those with the same tool.
	AUC  Estimate `json:"auc"`
	Hard Estimate `json:"auc_same_tool"`
	// Near is the mean score of nearly right answers, Wrong that of other steps of
	// the task, and Floor that of answers to other tasks.
	Near  Estimate `json:"near"`
	Wrong Estimate `json:"wrong"`
	Floor Estimate `json:"floor"`
}

// An Estimate is a mean over examples.
type Estimate struct {
	// Examples is how many have what it takes; at 0 there is no value.
	Examples int     `json:"examples"`
	Value    float64 `json:"value"`
	// Error is the standard error, with the examples of a task as one observation;
	// 0 for fewer than two tasks.
	Error float64 `json:"standard_error"`
}

// A ClassReport is the scores of one class of answers, all examples together.
type ClassReport struct {
	Class  Class   `json:"class"`
	Scores int     `json:"scores"`
	Mean   float64 `json:"mean"`
	P10    float64 `json:"p10"`
	Median float64 `json:"median"`
	P90    float64 `json:"p90"`
	// AUC tells the answers of this class from other steps of the task. It is there
	// for the classes from Rewritten to OtherFile.
	AUC *Estimate `json:"auc,omitempty"`
}

// bins is the number of bars of a histogram over [0, 1].
const bins = 20

// A Histogram counts scores in steps of 0.05; 1 is in the last one. Format errors
// are in none.
type Histogram struct {
	Near  [bins]int `json:"near"`
	Wrong [bins]int `json:"wrong"`
	Floor [bins]int `json:"floor"`
}

// A Bucket is the examples that have something in common.
type Bucket struct {
	Name     string `json:"name"`
	Examples int    `json:"examples"`
	Summary
}

// A Mix says what is in a simulated group of G rollouts.
type Mix string

// The mixes.
const (
	// OneRight is the expert's action and G-1 other steps of the task.
	OneRight Mix = "one right"
	// OneNear is a nearly right answer and G-1 other steps of the task.
	OneNear Mix = "one nearly right"
	// OneFile is the expert's action, and G-1 times the same on another file: what
	// a model answers that knows what to do and not where.
	OneFile Mix = "one right, rest other file"
	// AllNear is G answers that are right or nearly right: there is little to
	// learn between them.
	AllNear Mix = "all nearly right"
	// AllWrong is G other steps of the task: what differs is how wrong they are.
	AllWrong Mix = "all wrong"
)

// Mixes returns all of them, in their order.
func Mixes() []Mix { return []Mix{OneRight, OneNear, OneFile, AllWrong, AllNear} }

// A MixReport is the spread of the groups of one mix.
type MixReport struct {
	Mix    Mix `json:"mix"`
	Groups int `json:"groups"`
	// P5 is the threshold up to which 95 % of the groups are kept.
	P5     float64 `json:"spread_p5"`
	Median float64 `json:"spread_median"`
	P95    float64 `json:"spread_p95"`
	// Kept is the share of groups that each of the report's thresholds keeps.
	Kept []float64 `json:"kept"`

	spreads []float64 // sorted
}

// KeptAt is the share of groups that a threshold keeps.
func (m MixReport) KeptAt(eps float64) float64 {
	if len(m.spreads) == 0 {
		return 0
	}
	at, found := slices.BinarySearch(m.spreads, eps)
	for found && at < len(m.spreads) && m.spreads[at] == eps {
		at++
	}
	return float64(len(m.spreads)-at) / float64(len(m.spreads))
}

// report puts the scores of examples together.
func report(results []measured, o Options) Report {
	r := Report{SchemaVersion: SchemaVersion, Measured: len(results), Group: o.Group, Epsilons: o.Epsilons}
	tasks := map[string]bool{}
	for _, m := range results {
		tasks[m.example.Task] = true
	}
	r.MeasuredTasks = len(tasks)
	if len(results) == 0 {
		return r
	}
	for i := range results[0].rewards {
		r.Rewards = append(r.Rewards, rewardReport(results, i, o))
	}
	return r
}

func rewardReport(results []measured, i int, o Options) RewardReport {
	r := RewardReport{Name: results[0].rewards[i].name, Version: results[0].rewards[i].version}
	scores := map[Class][]float64{}
	for _, m := range results {
		s := m.rewards[i]
		r.NotScored += s.notScored
		r.Scores += len(s.answers)
		for _, a := range s.answers {
			scores[a.class] = append(scores[a.class], a.value)
		}
		count(&r.Histogram.Near, s.near())
		count(&r.Histogram.Wrong, s.wrong())
		count(&r.Histogram.Floor, s.unrelated())
	}
	for _, c := range Classes() {
		if list := scores[c]; len(list) > 0 {
			slices.Sort(list)
			cr := ClassReport{Class: c, Scores: len(list), Mean: mean(list),
				P10: quantile(list, 0.1), Median: quantile(list, 0.5), P90: quantile(list, 0.9)}
			if c == Rewritten || c == OneWord || c == OtherFile {
				e := estimate(results, i, func(s scored) (float64, bool) { return auc(s.of(c), s.wrong()) })
				cr.AUC = &e
			}
			r.Classes = append(r.Classes, cr)
		}
	}
	r.Summary = summary(results, i)
	r.Mixes = mixes(results, i, o)
	r.ByTool = buckets(results, i, Tool, nil)
	r.ByKind = buckets(results, i, kind, nil)
	r.ByLength = buckets(results, i, length, lengths())
	return r
}

// buckets reports on examples by what they have in common, in the order that is
// given, or else the largest bucket first.
func buckets(results []measured, i int, name func(srl.Example) string, order []string) []Bucket {
	parts := map[string][]measured{}
	for _, m := range results {
		n := name(m.example)
		parts[n] = append(parts[n], m)
	}
	var list []Bucket
	for _, n := range slices.Sorted(maps.Keys(parts)) {
		list = append(list, Bucket{Name: n, Examples: len(parts[n]), Summary: summary(parts[n], i)})
	}
	slices.SortStableFunc(list, func(a, b Bucket) int {
		if order != nil {
			return cmp.Compare(slices.Index(order, a.Name), slices.Index(order, b.Name))
		}
		return cmp.Compare(b.Examples, a.Examples)
	})
	return list
}

func summary(results []measured, i int) Summary {
	over := func(value func(scored) (float64, bool)) Estimate { return estimate(results, i, value) }
	means := func(of func(scored) []float64) Estimate {
		return over(func(s scored) (float64, bool) {
			list := of(s)
			return mean(list), len(list) > 0
		})
	}
	return Summary{
		AUC:   over(func(s scored) (float64, bool) { return auc(s.near(), s.wrong()) }),
		Hard:  over(func(s scored) (float64, bool) { return auc(s.near(), s.of(SameTaskSameTool)) }),
		Near:  means(scored.near),
		Wrong: means(scored.wrong),
		Floor: means(scored.unrelated),
	}
}

// estimate is the mean of a value over the examples that have it.
func estimate(results []measured, i int, value func(scored) (float64, bool)) Estimate {
	type sum struct {
		n     int
		total float64
	}
	var all sum
	tasks := map[string]sum{}
	for _, m := range results {
		v, ok := value(m.rewards[i])
		if !ok {
			continue
		}
		t := tasks[m.example.Task]
		tasks[m.example.Task] = sum{t.n + 1, t.total + v}
		all = sum{all.n + 1, all.total + v}
	}
	if all.n == 0 {
		return Estimate{}
	}
	e := Estimate{Examples: all.n, Value: all.total / float64(all.n)}
	if k := float64(len(tasks)); k > 1 {
		squares := 0.0
		for _, name := range slices.Sorted(maps.Keys(tasks)) { // sums of floats depend on their order
			t := tasks[name]
			d := t.total - float64(t.n)*e.Value
			squares += d * d
		}
		e.Error = math.Sqrt(squares*k/(k-1)) / float64(all.n)
	}
	return e
}

// auc is how often one of near is higher than one of wrong.
func auc(near, wrong []float64) (float64, bool) {
	if len(near) == 0 || len(wrong) == 0 {
		return 0, false
	}
	won := 0.0
	for _, a := range near {
		for _, b := range wrong {
			switch {
			case a > b:
				won++
			case a == b:
				won += 0.5
			}
		}
	}
	return won / float64(len(near)*len(wrong)), true
}

// mixes simulates a group of each mix for each example that has enough answers.
func mixes(results []measured, i int, o Options) []MixReport {
	spreads := map[Mix][]float64{}
	for _, m := range results {
		s := m.rewards[i]
		near, wrong := s.near(), s.wrong()
		right := s.of(Same)
		add := func(mix Mix, rewards []float64) {
			if len(rewards) == o.Group {
				spreads[mix] = append(spreads[mix], srl.Spread(rewards))
			}
		}
		rest := wrong[:min(len(wrong), o.Group-1)]
		// The same draws for each reward.
		random := rand.New(rand.NewPCG(0, hashOf(0, m.example.ID)))
		if len(right) > 0 {
			add(OneRight, append(right[:1:1], rest...))
			if file := s.of(OtherFile); len(file) > 0 {
				add(OneFile, append(right[:1:1], slices.Repeat(file[:1], o.Group-1)...))
			}
		}
		if len(near) > 0 {
			one := random.IntN(len(near))
			add(OneNear, append(near[one:one+1:one+1], rest...))
			both, group := append(right[:len(right):len(right)], near...), make([]float64, o.Group)
			for j := range group {
				group[j] = both[random.IntN(len(both))]
			}
			add(AllNear, group)
		}
		add(AllWrong, wrong)
	}
	var list []MixReport
	for _, mix := range Mixes() {
		m := MixReport{Mix: mix, Groups: len(spreads[mix]), spreads: spreads[mix]}
		slices.Sort(m.spreads)
		m.P5, m.Median, m.P95 = quantile(m.spreads, 0.05), quantile(m.spreads, 0.5), quantile(m.spreads, 0.95)
		for _, eps := range o.Epsilons {
			m.Kept = append(m.Kept, m.KeptAt(eps))
		}
		list = append(list, m)
	}
	return list
}

func count(into *[bins]int, scores []float64) {
	for _, s := range scores {
		if s >= 0 {
			into[min(bins-1, int(s*bins))]++
		}
	}
}

func mean(list []float64) float64 {
	sum := 0.0
	for _, x := range list {
		sum += x
	}
	return sum / float64(max(1, len(list)))
}

// quantile of a sorted list, by the nearest rank; 0 of none.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}
