package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A plot is the rewards by step. Positions are percents of the plot's width and
// height, so that the page can stretch it without stretching its letters.
type plot struct {
	Title, Description string
	X, Y               []tick
	Series             []curve
}

// A tick is a position on an axis.
type tick struct {
	At    float64
	Label string
}

// A curve is one series.
type curve struct {
	Name     string
	N        int      // which of the styles it has, from 1
	Lines    []string // point lists of polylines, in a square of 100 by 100
	Points   []dot
	Mean     string
	Lowest   string
	Highest  string
	Examples int
}

// A dot is one marker.
type dot struct {
	X, Y  float64
	Title string
}

// styles is the number of series that the style sheet tells apart.
const styles = 8

// newPlot returns nil where there is nothing to plot.
func newPlot(r *Rewards) *plot {
	if r == nil {
		return nil
	}
	first, last := math.MaxInt, math.MinInt
	for _, s := range r.Series {
		for _, p := range s.Points {
			first, last = min(first, p.Step), max(last, p.Step)
		}
	}
	if first > last {
		return nil
	}
	x := func(step int) float64 {
		if first == last {
			return 50
		}
		return round(100 * float64(step-first) / float64(last-first))
	}
	y := func(reward float64) float64 { return round(50 * (1 - max(-1, min(1, reward)))) }

	v := &plot{
		Title: "Reward by step",
		Description: fmt.Sprintf("Steps %d to %d of %s; rewards from \u22121 to 1. %s", first, last, clean(r.Trajectory),
			describeSeries(r.Series)),
	}
	for _, reward := range []float64{1, 0.5, 0, -0.5, -1} {
		label := strings.Replace(fmt.Sprintf("%g", reward), "-", "\u2212", 1)
		v.Y = append(v.Y, tick{y(reward), label})
	}
	every := max(1, (last-first+9)/10)
	for step := first; step <= last; step += every {
		v.X = append(v.X, tick{x(step), fmt.Sprint(step)})
	}
	for i, s := range r.Series {
		c := curve{Name: clean(s.Name), N: i%styles + 1, Mean: rewardText(s.Mean()), Examples: len(s.Points)}
		points := slices.SortedFunc(slices.Values(s.Points), func(a, b Point) int { return a.Step - b.Step })
		var line []string
		for k, p := range points {
			// A step that has no such answer leaves a gap.
			if k > 0 && points[k-1].Step < p.Step-1 {
				c.Lines, line = append(c.Lines, strings.Join(line, " ")), nil
			}
			line = append(line, fmt.Sprintf("%g,%g", x(p.Step), y(p.Reward)))
			c.Points = append(c.Points, dot{x(p.Step), y(p.Reward),
				fmt.Sprintf("step %d, %s: %s", p.Step, c.Name, rewardText(p.Reward))})
		}
		if len(points) > 0 {
			c.Lines = append(c.Lines, strings.Join(line, " "))
			byReward := func(a, b Point) int { return int(math.Copysign(1, a.Reward-b.Reward)) }
			c.Lowest = rewardText(slices.MinFunc(points, byReward).Reward)
			c.Highest = rewardText(slices.MaxFunc(points, byReward).Reward)
		}
		v.Series = append(v.Series, c)
	}
	return v
}

func describeSeries(series []Series) string {
	var parts []string
	for _, s := range series {
		parts = append(parts, fmt.Sprintf("%s: mean %s", clean(s.Name), rewardText(s.Mean())))
	}
	return strings.Join(parts, "; ") + "."
}

// round keeps the page short; a hundredth of a percent is less than a pixel.
func round(x float64) float64 { return math.Round(100*x) / 100 }
