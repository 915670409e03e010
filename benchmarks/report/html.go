package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/apprentice-rl/apprentice/benchmarks"
	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
)

var (
	//go:embed page.html.tmpl
	pageTemplate string
	//go:embed page.css
	pageStyle string
)

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"clean":   clean,
	"count":   count,
	"percent": percent,
	"style":   func() template.CSS { return template.CSS(pageStyle) },
}).Parse(pageTemplate))

// HTML renders report.html: one page that holds all it needs, in light and
// dark, with no script in it.
func (r Report) HTML() ([]byte, error) {
	var b bytes.Buffer
	if err := page.Execute(&b, newView(r)); err != nil {
		return nil, fmt.Errorf("rendering report.html: %w", err)
	}
	return b.Bytes(), nil
}

// A view is what the page's template is filled with.
type view struct {
	Name      string
	Headline  string
	Summary   []string
	Facts     []fact
	Surprises []Surprise
	Sets      []setView
	Rows      []row
	Unscored  []unscored
	Plot      *plot
	Rewards   *Rewards
	Episode   *episode
	Bounds    []bound
	Versions  []fact
}

// A fact is a name and a value.
type fact struct{ Name, Value string }

// A setView is one set's bar, in percents of the axis.
type setView struct {
	SetReport
	Check          bool
	At, Low, High  float64
	Alarm          bool // a check that did not come out as it must
	RateText       string
	Interval       string
	IntervalSpoken string
}

// A row is one task.
type row struct {
	Task  string
	Cells []cell
}

// A cell is what became of a task in one set.
type cell struct {
	Set     string
	Mark    string // names a symbol of the page
	Words   string
	Alarm   string // what should not be
	Detail  string
	Missing int
	Failed  []string
	Took    string
	Any     bool // whether the set has the task
}

// Folded reports whether there is more to a cell than its mark.
func (c cell) Folded() bool { return c.Detail != "" || len(c.Failed) > 0 || c.Alarm != "" }

func newView(r Report) view {
	v := view{
		Name: clean(r.Name), Headline: clean(r.Headline()), Summary: r.Summary(), Facts: r.facts(),
		Surprises: r.Surprises(), Unscored: r.unscored(), Plot: newPlot(r.Rewards), Rewards: r.Rewards,
		Episode: newEpisode(r.Trajectory), Bounds: r.bounds(),
	}
	for i, s := range v.Summary {
		v.Summary[i] = clean(s)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Versions)) {
		v.Versions = append(v.Versions, fact{clean(name), clean(r.Versions[name])})
	}
	for _, s := range r.Sets {
		v.Sets = append(v.Sets, newSetView(s, v.Surprises))
	}
	for _, id := range r.Tasks() {
		row := row{Task: clean(id)}
		for _, s := range r.Sets {
			t, ok := s.Tasks[id]
			c := newCell(s, t)
			c.Any = ok
			row.Cells = append(row.Cells, c)
		}
		v.Rows = append(v.Rows, row)
	}
	return v
}

func newSetView(s SetReport, surprises []Surprise) setView {
	v := setView{
		SetReport: s, Check: s.Kind.Check(),
		At: round(100 * s.Rate), Low: round(100 * s.RateLow), High: round(100 * s.RateHigh),
		Alarm: slices.ContainsFunc(surprises, func(x Surprise) bool { return x.Set == s.Name }),
	}
	v.Name, v.Title, v.Note = clean(s.Name), clean(s.Title), clean(s.Note)
	v.RateText = "\u2013"
	if s.Scored() > 0 {
		v.RateText = percent(s.Rate)
	}
	v.Interval = fmt.Sprintf("%.1f \u2013 %.1f %%", 100*s.RateLow, 100*s.RateHigh)
	v.IntervalSpoken = fmt.Sprintf("%s: %d of %d resolved, %s, 95 %% interval %s to %s",
		v.Title, s.Resolved, s.Scored(), v.RateText, percent(s.RateLow), percent(s.RateHigh))
	return v
}

func newCell(s SetReport, t TaskReport) cell {
	c := cell{Set: clean(s.Name), Words: clean(t.verdict()), Alarm: s.Kind.surprise(t), Failed: t.Failed(),
		Took: duration(time.Duration(t.Seconds * float64(time.Second)))}
	for i, f := range c.Failed {
		c.Failed[i] = clean(f)
	}
	c.Detail, c.Missing = cut(strings.TrimSpace(clean(t.Detail)), longest)
	switch t.Verdict {
	case benchmarks.Resolved:
		c.Mark = "resolved"
	case benchmarks.Unresolved:
		c.Mark = "unresolved"
	case benchmarks.InfrastructureFailure:
		c.Mark = "failure"
	case benchmarks.Skipped:
		c.Mark = "skipped"
	}
	return c
}

// facts are the run in a few words.
func (r Report) facts() []fact {
	var list []fact
	add := func(name, value string) {
		if value != "" {
			list = append(list, fact{name, clean(value)})
		}
	}
	add("suite", r.Suite)
	if n := len(r.Tasks()); n > 0 {
		add("tasks", fmt.Sprint(n))
	}
	add("step examples", fmt.Sprint(r.StepExamples))
	add("sandbox", r.Sandbox)
	add("image", r.Image)
	add("rules", "SWE-bench "+string(r.Rules))
	if !r.Created.IsZero() {
		add("created", r.Created.UTC().Format("2006-01-02 15:04 MST"))
	}
	return list
}

// unscored is a task that was not scored, in all sets in which that was so for
// the same reason.
type unscored struct {
	Task    string
	Sets    []string
	Verdict string
	Detail  string
}

func (r Report) unscored() []unscored {
	var list []unscored
	for _, id := range r.Tasks() {
		for _, s := range r.Sets {
			t, ok := s.Tasks[id]
			if !ok || t.Verdict.Scored() {
				continue
			}
			u := unscored{Task: clean(id), Sets: []string{clean(s.Name)}, Verdict: clean(t.verdict()), Detail: clean(t.Detail)}
			at := slices.IndexFunc(list, func(x unscored) bool {
				return x.Task == u.Task && x.Verdict == u.Verdict && x.Detail == u.Detail
			})
			if at < 0 {
				list = append(list, u)
			} else {
				list[at].Sets = append(list[at].Sets, u.Sets...)
			}
		}
	}
	return list
}

// An episode is the trajectory that the page shows.
type episode struct {
	ID, Task, Policy string
	Synthetic        bool
	Issue            string
	IssueMissing     int
	Turns            []turn
	Steps            int
	Status           string
	StatusDetail     string
	Patch            []diffLine
	PatchMissing     int
}

// A turn is one step, or an answer that was none.
type turn struct {
	Step        int // 0 where the turn has no action
	Reasoning   string
	Message     string
	FormatError string
	Actions     []action
}

func newEpisode(t *trajectories.Trajectory) *episode {
	if t == nil {
		return nil
	}
	h := t.Header
	e := &episode{
		ID: clean(h.ID), Task: clean(h.Task.ID), Policy: clean(h.Policy.Name), Synthetic: h.Policy.SyntheticReasoning,
		Status: "unfinished",
	}
	if h.Policy.Model != "" {
		e.Policy += " (" + clean(h.Policy.Model) + ")"
	}
	e.Issue, e.IssueMissing = cut(strings.TrimSpace(clean(h.Task.ProblemStatement)), longest)
	observed := make(map[string]env.Observation, len(t.Observations))
	for _, o := range t.Observations {
		observed[o.Action] = o.Observation
	}
	for _, of := range t.Turns {
		v := turn{FormatError: clean(of.FormatError)}
		v.Reasoning, _ = cut(strings.TrimSpace(clean(of.Reasoning)), longest)
		v.Message, _ = cut(strings.TrimSpace(clean(of.Message)), longest)
		if len(of.Actions) > 0 {
			e.Steps++
			v.Step = e.Steps
		}
		for _, a := range of.Actions {
			shown := newAction(a)
			if o, ok := observed[a.ID]; ok {
				shown.Observed = newObservation(o)
			}
			v.Actions = append(v.Actions, shown)
		}
		e.Turns = append(e.Turns, v)
	}
	if t.End != nil {
		e.Status, e.StatusDetail = strings.ReplaceAll(clean(string(t.End.Status)), "_", " "), clean(t.End.Detail)
		patch, missing := cut(clean(t.End.Patch), longest)
		e.Patch, e.PatchMissing = patchLines(patch), missing
	}
	return e
}
