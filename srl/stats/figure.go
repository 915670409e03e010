package stats

import (
	"bytes"
	"fmt"
	"html"
	"strings"
)

// The sizes of a figure, in its own units, which are pixels where nothing
// stretches it.
const (
	figureWidth  = 1060
	rowHeight    = 236
	figureHead   = 46 // above the first row
	panelTop     = 30 // of a panel in its row
	panelHeight  = 164
	ladderLeft   = 200
	ladderWidth  = 200
	scoresLeft   = 446
	scoresWidth  = 200
	curvesLeft   = 700
	curvesWidth  = 200
	mostEpsilon  = 0.5
	epsilonSteps = 50
)

// figureStyle holds for the colours of both light and dark pages.
const figureStyle = `.stats{--paper:#fcfbf8;--ink:#1c1d1f;--soft:#5b5e63;--line:#d8d4ca;--good:#0b6b58;--bad:#a52a20;--far:#8d887c;--s3:#7048a8;--s2:#2563a8;font:12px/1.3 system-ui,"Liberation Sans",Arial,sans-serif}` +
	`@media (prefers-color-scheme:dark){.stats{--paper:#14171a;--ink:#e9e7e2;--soft:#a5abb1;--line:#394047;--good:#5fcbb2;--bad:#f2938a;--far:#7d868e;--s3:#bda2ee;--s2:#7db4f0}}` +
	`.stats text{fill:var(--soft)}.stats .name{fill:var(--ink);font-weight:600;font-size:15px}.stats .over{fill:var(--ink);font-weight:600}` +
	`.stats line,.stats polyline{stroke:var(--line);fill:none}.stats .good{--c:var(--good)}.stats .bad{--c:var(--bad)}.stats .far{--c:var(--far)}.stats .half{--c:var(--s2)}.stats .third{--c:var(--s3)}` +
	`.stats .mark line,.stats polyline.mark{stroke:var(--c);stroke-width:2}.stats .mark circle{fill:var(--c)}.stats text.mark{fill:var(--c)}.stats rect.mark{fill:var(--c)}.stats .dash{stroke-dasharray:5 3}` +
	`.stats .paper{fill:var(--paper)}`

// style is how a class of answers is drawn.
func (c Class) style() string {
	switch c {
	case Same, Rewritten, OneWord:
		return "good"
	case OtherFile:
		return "half"
	case SameTaskSameTool, SameTaskOtherTool:
		return "bad"
	}
	return "far"
}

// style is how a mix is drawn.
func (m Mix) style() string {
	switch m {
	case OneRight:
		return "good"
	case OneNear:
		return "good dash"
	case OneFile:
		return "half"
	case AllWrong:
		return "bad"
	}
	return "third"
}

// SVG draws a report: for each reward what the classes of answers earn, where the
// scores lie, and what a filter keeps. It is a picture that stands alone, for
// light and dark pages.
func (r Report) SVG() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg class="stats" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-labelledby="stats-title">`+"\n",
		figureWidth, figureHead+rowHeight*len(r.Rewards))
	fmt.Fprintf(&b, "<title id=\"stats-title\">%s</title>\n<style>%s</style>\n", html.EscapeString(r.describe()), figureStyle)
	fmt.Fprintf(&b, `<rect class="paper" width="100%%" height="100%%"/>`+"\n")
	for _, column := range []struct {
		left int
		text string
	}{{ladderLeft, "score: mean, 10 % to 90 %"}, {scoresLeft, "where the scores lie"},
		{curvesLeft, fmt.Sprintf("groups of %d that a filter keeps", r.Group)}} {
		fmt.Fprintf(&b, `<text class="over" x="%d" y="22">%s</text>`+"\n", column.left, column.text)
	}
	for i, reward := range r.Rewards {
		fmt.Fprintf(&b, `<g transform="translate(0 %d)">`+"\n", figureHead+i*rowHeight)
		fmt.Fprintf(&b, `<text class="name" x="12" y="8">%s</text>`+"\n", html.EscapeString(reward.Name))
		reward.ladder(&b)
		reward.distribution(&b)
		reward.curves(&b)
		b.WriteString("</g>\n")
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// describe says in words what the figure shows most of all.
func (r Report) describe() string {
	var parts []string
	for _, w := range r.Rewards {
		parts = append(parts, fmt.Sprintf("%s: AUC %.3f, floor %.2f", w.Name, w.AUC.Value, w.Floor.Value))
	}
	return strings.Join(parts, "; ")
}

// axis draws a frame with marks at the quarters, and what they mean.
func axis(b *bytes.Buffer, left, width int, labels ...string) {
	for i, label := range labels {
		x := float64(left) + float64(width*i)/float64(len(labels)-1)
		fmt.Fprintf(b, `<line x1="%[1]g" x2="%[1]g" y1="%[2]d" y2="%[3]d"/><text x="%[1]g" y="%[4]d" text-anchor="middle">%[5]s</text>`+"\n",
			x, panelTop-8, panelTop+panelHeight, panelTop+panelHeight+16, label)
	}
}

func (r RewardReport) ladder(b *bytes.Buffer) {
	axis(b, ladderLeft, ladderWidth, "0", "0.5", "1")
	step := panelHeight / len(Classes())
	at := func(score float64) float64 { return ladderLeft + ladderWidth*max(0, score) }
	for i, class := range Classes() {
		y := panelTop + step/2 + i*step
		fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%s</text>`, ladderLeft-12, y+4, class)
		for _, c := range r.Classes {
			if c.Class == class {
				fmt.Fprintf(b, `<g class="mark %s"><title>%s: mean %.3f, 10 %% %.3f, 90 %% %.3f, of %d</title>`+
					`<line x1="%.1f" x2="%.1f" y1="%d" y2="%d"/><circle cx="%.1f" cy="%d" r="4"/></g>`,
					class.style(), class, c.Mean, c.P10, c.P90, c.Scores, at(c.P10), at(c.P90), y, y, at(c.Mean), y)
			}
		}
		b.WriteString("\n")
	}
}

// distribution draws the nearly right answers upwards, and the wrong ones
// downwards.
func (r RewardReport) distribution(b *bytes.Buffer) {
	axis(b, scoresLeft, scoresWidth, "0", "0.5", "1")
	const middle = panelTop + panelHeight/2
	near, wrong, floor := shares(r.Histogram.Near), shares(r.Histogram.Wrong), shares(r.Histogram.Floor)
	up, down := 0.01, 0.01
	for i := range bins {
		up, down = max(up, near[i]), max(down, wrong[i], floor[i])
	}
	const bar = float64(scoresWidth) / bins
	up, down = (panelHeight/2-4)/up, (panelHeight/2-4)/down
	for i := range bins {
		x := scoresLeft + bar*float64(i) + 0.5
		fmt.Fprintf(b, `<rect class="mark good" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, x, middle-near[i]*up, bar-1, near[i]*up)
		fmt.Fprintf(b, `<rect class="mark bad" x="%.1f" y="%d" width="%.1f" height="%.1f"/>`, x, middle, bar/2-0.5, wrong[i]*down)
		fmt.Fprintf(b, `<rect class="mark far" x="%.1f" y="%d" width="%.1f" height="%.1f"/>`, x+bar/2-0.5, middle, bar/2-0.5, floor[i]*down)
	}
	fmt.Fprintf(b, "\n"+`<line x1="%d" x2="%d" y1="%d" y2="%d"/>`, scoresLeft, scoresLeft+scoresWidth, middle, middle)
	for i, key := range []struct{ style, text string }{{"good", "nearly right"}, {"bad", "same task"}, {"far", "other task"}} {
		fmt.Fprintf(b, `<text class="mark %s" x="%d" y="%d">%s</text>`, key.style, scoresLeft+8, panelTop+4+15*i, key.text)
	}
	b.WriteString("\n")
}

func shares(counts [bins]int) [bins]float64 {
	sum := 0
	for _, n := range counts {
		sum += n
	}
	var list [bins]float64
	for i, n := range counts {
		list[i] = float64(n) / float64(max(1, sum))
	}
	return list
}

// curves draws the share of groups that each threshold keeps.
func (r RewardReport) curves(b *bytes.Buffer) {
	axis(b, curvesLeft, curvesWidth, "ε 0", "0.1", "0.2", "0.3", "0.4", "0.5")
	for _, y := range []float64{0, 0.5, 1} {
		at := panelTop + panelHeight*(1-y)
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%g" y2="%g"/><text x="%d" y="%g" text-anchor="end">%g %%</text>`,
			curvesLeft, curvesLeft+curvesWidth, at, at, curvesLeft-8, at+4, 100*y)
	}
	b.WriteString("\n")
	for i, m := range r.Mixes {
		if m.Groups == 0 {
			continue
		}
		var points []string
		for k := range epsilonSteps + 1 {
			eps := mostEpsilon * float64(k) / epsilonSteps
			points = append(points, fmt.Sprintf("%.1f,%.1f", curvesLeft+curvesWidth*eps/mostEpsilon, panelTop+panelHeight*(1-m.KeptAt(eps))))
		}
		fmt.Fprintf(b, `<polyline class="mark %s" points="%s"><title>%s</title></polyline>`, m.Mix.style(), strings.Join(points, " "), m.Mix)
		fmt.Fprintf(b, `<text class="mark %s" x="%d" y="%d">%s</text>`+"\n",
			m.Mix.style(), curvesLeft+curvesWidth+10, panelTop+6+16*i, m.Mix)
	}
}
