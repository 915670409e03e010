package stats

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"github.com/apprentice-rl/apprentice/srl"
	"github.com/apprentice-rl/apprentice/srl/reward"
)

// ScoredOptions say what is reported of groups that a model answered.
type ScoredOptions struct {
	// Epsilons are thresholds of the group filter; none means [Epsilons].
	Epsilons []float64
	// At is the threshold of the parts and of the refill.
	At float64
	// Steps is how many training steps make one part; less than 1 means 1.
	Steps int
	// Batch is the number of groups of a batch, and Most that of the groups that
	// may be generated for one (0: any): the report says how many it took. With a
	// Batch of 0 no batches are made.
	Batch, Most int
	// Tool names the tool of an example by its id, where a line does not. It may
	// be nil.
	Tool func(id string) string
}

// Scored is what the filter does with groups that a model answered.
type Scored struct {
	SchemaVersion int `json:"schema_version"`
	Groups        int `json:"groups"`
	Rewards       int `json:"rewards"`
	Unscored      int `json:"unscored"` // outputs without a reward
	FormatErrors  int `json:"format_errors"`
	// Mean is that of all rewards, and Similarity that of those which are no format
	// errors.
	Mean       float64 `json:"mean"`
	Similarity float64 `json:"mean_without_format_errors"`
	P5         float64 `json:"spread_p5"`
	Median     float64 `json:"spread_median"`
	P95        float64 `json:"spread_p95"`
	// Filters has one entry for each threshold.
	Filters []FilterReport `json:"filters"`
	// ByStep and ByTool are the groups by training steps and by tools, at the
	// threshold At, where the lines say them.
	At     float64      `json:"at"`
	ByStep []ScoredPart `json:"by_step,omitempty"`
	ByTool []ScoredPart `json:"by_tool,omitempty"`
	// Refill is there if batches were asked for.
	Refill *srl.Drops `json:"refill,omitempty"`
}

// A FilterReport is what became of the groups at one threshold.
type FilterReport struct {
	Epsilon  float64             `json:"epsilon"`
	Verdicts map[srl.Verdict]int `json:"verdicts"`
	// FormatOnly groups of those that are kept would be dropped without their
	// format errors.
	FormatOnly int `json:"kept_for_format_errors_alone"`
}

// A ScoredPart is groups that have something in common.
type ScoredPart struct {
	Name   string `json:"name"`
	Groups int    `json:"groups"`
	Kept   int    `json:"kept"`
	// Mean is that of the rewards, Spread that of the groups' deviations, and
	// FormatErrors a share of the rewards.
	Mean         float64 `json:"mean"`
	Spread       float64 `json:"mean_spread"`
	FormatErrors float64 `json:"format_errors"`
}

// A groupRow is one line of a file.
type groupRow struct {
	ID      string     `json:"id"`
	Step    *int       `json:"step"` // of the training
	Tool    string     `json:"tool"`
	Rewards []*float64 `json:"rewards"`
}

// A part is a ScoredPart that is being added up.
type part struct {
	groups, kept, rewards, broken int
	sum, spread                   float64
}

// ReadScored reads groups, one JSON object a line:
//
//	{"id": "task.1#4", "rewards": [0.5, -1, null, 1], "step": 120, "tool": "bash"}
//
// A reward that is null stands for an output without one. The step of the
// training and the tool may be missing. The name is that of the file, for
// errors: those about a line are *env.RowError.
func ReadScored(ctx context.Context, name string, from io.Reader, o ScoredOptions) (Scored, error) {
	if len(o.Epsilons) == 0 {
		o.Epsilons = Epsilons()
	}
	r := Scored{SchemaVersion: SchemaVersion, At: o.At}
	for _, eps := range o.Epsilons {
		r.Filters = append(r.Filters, FilterReport{Epsilon: eps, Verdicts: map[srl.Verdict]int{}})
	}
	var refill *srl.Refill
	if o.Batch > 0 {
		var err error
		if refill, err = srl.NewRefill(srl.Filter{Epsilon: o.At}, o.Batch, o.Most); err != nil {
			return r, err
		}
	}
	steps, tools := map[int]*part{}, map[string]*part{}
	var all part
	var spreads []float64
	err := lines(ctx, name, from, func(l line) error {
		var row groupRow
		if err := l.decode(&row); err != nil {
			return err
		}
		g, err := row.group(l)
		if err != nil {
			return err
		}
		r.Unscored += g.Unscored
		for i := range r.Filters {
			r.Filters[i].add(g)
		}
		if refill != nil {
			refill.Add(g)
			for _, ok := refill.Take(); ok; _, ok = refill.Take() {
				continue // the counts are what is wanted
			}
		}
		all.add(g, o.At)
		if len(g.Rewards) > 1 {
			spreads = append(spreads, srl.Spread(g.Rewards))
		}
		if row.Step != nil {
			partOf(steps, floor(*row.Step, max(1, o.Steps))).add(g, o.At)
		}
		if row.Tool == "" && o.Tool != nil {
			row.Tool = o.Tool(g.ID)
		}
		if row.Tool != "" {
			partOf(tools, row.Tool).add(g, o.At)
		}
		return nil
	})
	if err != nil {
		return r, err
	}
	whole := all.report("")
	r.Groups, r.Rewards, r.FormatErrors, r.Mean = all.groups, all.rewards, all.broken, whole.Mean
	r.Similarity = (all.sum - reward.FormatError*float64(all.broken)) / float64(max(1, all.rewards-all.broken))
	slices.Sort(spreads)
	r.P5, r.Median, r.P95 = quantile(spreads, 0.05), quantile(spreads, 0.5), quantile(spreads, 0.95)
	for _, from := range slices.Sorted(maps.Keys(steps)) {
		label := fmt.Sprint(from)
		if o.Steps > 1 {
			label = fmt.Sprintf("%d to %d", from, from+o.Steps-1)
		}
		r.ByStep = append(r.ByStep, steps[from].report(label))
	}
	for _, tool := range slices.Sorted(maps.Keys(tools)) {
		r.ByTool = append(r.ByTool, tools[tool].report(tool))
	}
	slices.SortStableFunc(r.ByTool, func(a, b ScoredPart) int { return cmp.Compare(b.Groups, a.Groups) })
	if refill != nil {
		d := refill.Drops()
		r.Refill = &d
	}
	return r, nil
}

// group checks a line, and parts what is scored from what is not.
func (row groupRow) group(l line) (srl.Group, error) {
	g := srl.Group{ID: row.ID}
	if row.Rewards == nil {
		return g, l.field("rewards", errors.New("it is missing: a list of numbers and nulls is wanted"))
	}
	for i, r := range row.Rewards {
		switch {
		case r == nil:
			g.Unscored++
		case *r < reward.FormatError || *r > 1:
			return g, l.field("rewards", fmt.Errorf("number %d is %v: rewards are from -1 to 1", i+1, *r))
		default:
			g.Rewards = append(g.Rewards, *r)
		}
	}
	return g, nil
}

func (f *FilterReport) add(g srl.Group) {
	filter := srl.Filter{Epsilon: f.Epsilon}
	v := filter.Judge(g)
	f.Verdicts[v]++
	if v != srl.Kept {
		return
	}
	formed := slices.DeleteFunc(slices.Clone(g.Rewards), func(r float64) bool { return r == reward.FormatError })
	if !srl.Keep(formed, f.Epsilon) {
		f.FormatOnly++
	}
}

func partOf[K comparable](parts map[K]*part, key K) *part {
	if parts[key] == nil {
		parts[key] = &part{}
	}
	return parts[key]
}

func (p *part) add(g srl.Group, eps float64) {
	p.groups++
	if (srl.Filter{Epsilon: eps}).Judge(g) == srl.Kept {
		p.kept++
	}
	p.spread += srl.Spread(g.Rewards)
	p.rewards += len(g.Rewards)
	for _, r := range g.Rewards {
		p.sum += r
		if r == reward.FormatError {
			p.broken++
		}
	}
}

func (p *part) report(name string) ScoredPart {
	n := float64(max(1, p.rewards))
	return ScoredPart{Name: name, Groups: p.groups, Kept: p.kept, Mean: p.sum / n,
		Spread: p.spread / float64(max(1, p.groups)), FormatErrors: float64(p.broken) / n}
}

// floor is the highest multiple of n that is not above x.
func floor(x, n int) int { return int(math.Floor(float64(x)/float64(n))) * n }
