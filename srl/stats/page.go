package stats

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strings"
)

//go:embed page.html.tmpl
var pageTemplate string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"percent": func(share float64) string { return fmt.Sprintf("%.0f\u00a0%%", 100*share) },
}).Parse(pageTemplate))

// String writes an estimate with its standard error.
func (e Estimate) String() string {
	if e.Examples == 0 {
		return "\u2013"
	}
	return fmt.Sprintf("%.3f\u00a0±\u00a0%.3f", e.Value, e.Error)
}

// Class returns the report on a class, which may have no scores.
func (r RewardReport) Class(c Class) ClassReport {
	for _, found := range r.Classes {
		if found.Class == c {
			return found
		}
	}
	return ClassReport{Class: c}
}

// A view is what the page's template is filled with.
type view struct {
	Report    Report
	Headline  string
	Classes   []Class
	Groupings []Grouping
	Figure    template.HTML
}

// A Grouping is the buckets of all rewards, side by side.
type Grouping struct {
	Title string
	Rows  []GroupingRow
}

// A GroupingRow is one bucket. It has one summary for each reward.
type GroupingRow struct {
	Name     string
	Examples int
	Rewards  []Summary
}

// Groupings puts the rewards' buckets side by side: all rewards have the same.
func (r Report) Groupings() []Grouping {
	var list []Grouping
	for _, by := range []struct {
		title   string
		buckets func(RewardReport) []Bucket
	}{
		{"By tool", func(w RewardReport) []Bucket { return w.ByTool }},
		{"By what the action is for", func(w RewardReport) []Bucket { return w.ByKind }},
		{"By length of the expert's action, in characters", func(w RewardReport) []Bucket { return w.ByLength }},
	} {
		g := Grouping{Title: by.title}
		for _, w := range r.Rewards {
			for i, b := range by.buckets(w) {
				if i == len(g.Rows) {
					g.Rows = append(g.Rows, GroupingRow{Name: b.Name, Examples: b.Examples})
				}
				g.Rows[i].Rewards = append(g.Rows[i].Rewards, b.Summary)
			}
		}
		list = append(list, g)
	}
	return list
}

// Headline names the reward with the highest AUC.
func (r Report) Headline() string {
	var best RewardReport
	for _, w := range r.Rewards {
		if w.AUC.Examples > 0 && w.AUC.Value > best.AUC.Value {
			best = w
		}
	}
	if best.Name == "" {
		return "Nothing was measured"
	}
	return fmt.Sprintf("The highest AUC has the reward %s: %s", best.Name, best.AUC)
}

// HTML renders a page that holds all it needs, in light and dark, with no script
// in it.
func (r Report) HTML() ([]byte, error) {
	var b bytes.Buffer
	err := page.Execute(&b, view{Report: r, Headline: r.Headline(), Classes: Classes(), Groupings: r.Groupings(),
		Figure: template.HTML(strings.TrimSpace(string(r.SVG())))}) // which escapes its texts itself
	if err != nil {
		return nil, fmt.Errorf("rendering statistics of rewards: %w", err)
	}
	return b.Bytes(), nil
}
