package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// Markdown renders report.md.
func (r Report) Markdown() []byte {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }

	line("# %s", plain(r.Name))
	line("")
	line("**%s**", plain(r.Headline()))
	for _, s := range r.Summary() {
		line("%s", plain(s))
	}
	line("")
	r.markdownSets(line)
	r.markdownTasks(line)
	r.markdownUnscored(line)
	r.markdownRewards(line)
	r.markdownMaking(line)
	return []byte(b.String())
}

type printer func(format string, args ...any)

func (r Report) markdownSets(line printer) {
	if len(r.Sets) == 0 {
		return
	}
	line("| set | resolved | rate | 95 %% interval | not scored |")
	line("|---|--:|--:|--:|--:|")
	for _, s := range r.Sets {
		line("| %s | %d of %d | %s | %s to %s | %d |", plain(s.Name), s.Resolved, s.Scored(),
			percent(s.Rate), percent(s.RateLow), percent(s.RateHigh), s.Unscored())
	}
	line("")
	for _, s := range r.Sets {
		line("- **%s.** %s", plain(s.Title), plain(s.Note))
	}
	line("")
	if surprises := r.Surprises(); len(surprises) > 0 {
		line("## What should not be")
		line("")
		for _, s := range surprises {
			line("- %s, %s: %s.", plain(s.Task), plain(s.Set), plain(s.Text))
		}
		line("")
	}
}

func (r Report) markdownTasks(line printer) {
	tasks := r.Tasks()
	if len(tasks) == 0 {
		return
	}
	head, rule := "| task |", "|---|"
	for _, s := range r.Sets {
		head += " " + plain(s.Name) + " |"
		rule += "---|"
	}
	line("## Tasks")
	line("")
	line("%s", head)
	line("%s", rule)
	for _, id := range tasks {
		row := "| " + plain(id) + " |"
		for _, s := range r.Sets {
			cell := ""
			if t, ok := s.Tasks[id]; ok {
				cell = plain(t.verdict())
			}
			row += " " + cell + " |"
		}
		line("%s", row)
	}
	line("")
}

func (r Report) markdownUnscored(line printer) {
	list := r.unscored()
	if len(list) == 0 {
		return
	}
	line("## Not scored")
	line("")
	for _, u := range list {
		line("- %s, %s: %s: %s", plain(u.Task), plain(enumerate(u.Sets)), u.Verdict, plain(u.Detail))
	}
	line("")
}

func (r Report) markdownRewards(line printer) {
	if r.Rewards == nil || len(r.Rewards.Series) == 0 {
		return
	}
	line("## Rewards")
	line("")
	line("Answers to the steps of %s, scored with the reward %s against what the expert did.",
		plain(r.Rewards.Trajectory), plain(r.Rewards.Name))
	line("")
	line("| answer | steps | mean reward |")
	line("|---|--:|--:|")
	for _, s := range r.Rewards.Series {
		line("| %s | %d | %s |", plain(s.Name), len(s.Points), rewardText(s.Mean()))
	}
	line("")
}

func (r Report) markdownMaking(line printer) {
	line("## How it was made")
	line("")
	for _, f := range r.facts() {
		line("- %s: %s", f.Name, plain(f.Value))
	}
	by := map[sandbox.Enforcement][]string{}
	for _, b := range r.bounds() {
		by[b.Enforcement] = append(by[b.Enforcement], strings.TrimSpace(b.Name+" "+b.Value))
	}
	for _, e := range enforcements {
		if len(by[e.is]) > 0 {
			line("- limits %s: %s", e.words, strings.Join(by[e.is], ", "))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Versions)) {
		line("- %s %s", plain(name), plain(r.Versions[name]))
	}
}

// enforcements are the states of a limit, in the order in which they are told.
var enforcements = []struct {
	is    sandbox.Enforcement
	words string
}{
	{sandbox.Enforced, "in force"},
	{sandbox.Unenforced, "not in force here"},
	{sandbox.Open, "opened on purpose"},
}

// plain makes text stand for itself in one line of Markdown.
func plain(s string) string {
	s = strings.Join(strings.Fields(clean(s)), " ")
	var b strings.Builder
	for i, c := range s {
		switch c {
		case '\\', '`', '*', '[', ']', '|':
			b.WriteByte('\\')
		case '<':
			b.WriteString("&lt;")
			continue
		case '&':
			b.WriteString("&amp;")
			continue
		case '_':
			// Inside of words it is an ordinary character.
			if i == 0 || i == len(s)-1 || s[i-1] == ' ' || s[i+1] == ' ' {
				b.WriteByte('\\')
			}
		}
		b.WriteRune(c)
	}
	return b.String()
}
