package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

// losses are those of many trajectories, summed by field.
type losses struct {
	byField map[string]*loss
	// serious says that there is more than what the importers of other formats
	// have noted for their own exporters.
	serious bool
}

// A loss is what a format cannot hold of one field.
type loss struct {
	Field        string      `json:"field"`
	Events       int         `json:"events"`
	Trajectories int         `json:"trajectories"`
	Example      lossExample `json:"example"`
	Why          string      `json:"why"`
}

// A lossExample is where the first event with a loss is; turn 0 is the header,
// the end, and what comes before the first turn.
type lossExample struct {
	Trajectory string `json:"trajectory"`
	Turn       int    `json:"turn"`
}

func (l *losses) add(t *trajectories.Trajectory, f formats.Format) {
	if l.byField == nil {
		l.byField = map[string]*loss{}
	}
	own := t.Header.Source != nil && t.Header.Source.Format == f.Name
	for _, one := range f.Lossy(t) {
		l.serious = l.serious || own || !strings.HasSuffix(one.Field, ".origin")
		sum := l.byField[one.Field]
		if sum == nil {
			sum = &loss{Field: one.Field, Example: lossExample{t.Header.ID, one.Example}, Why: one.Why}
			l.byField[one.Field] = sum
		}
		sum.Events += one.Count
		sum.Trajectories++
	}
}

// all are the losses, in the order of the events of a log.
func (l *losses) all() []loss {
	list := []loss{}
	for _, one := range l.byField {
		list = append(list, *one)
	}
	events := []string{"header", "turn", "observation", "message", "view", "end"}
	place := func(field string) int {
		event, _, _ := strings.Cut(field, ".")
		return slices.Index(events, event)
	}
	slices.SortFunc(list, func(x, y loss) int {
		return cmp.Or(cmp.Compare(place(x.Field), place(y.Field)), cmp.Compare(x.Field, y.Field))
	})
	return list
}

// printLosses lists the losses of an export. With --json they are in its result,
// which is printed here if the export ends with it.
func (a *app) printLosses(r exported) error {
	if a.json {
		if r.Refused {
			return a.printJSON(r)
		}
		return nil
	}
	if len(r.Losses) == 0 {
		return nil
	}
	a.say("%s cannot hold:", r.Format)
	return lossTable(r.Losses).write(a.stderr, a.width())
}

func lossTable(all []loss) table {
	filled := func(c column, of func(loss) string) column {
		for _, l := range all {
			c.cells = append(c.cells, of(l))
		}
		return c
	}
	return table{rows: len(all), columns: []column{
		filled(column{title: "FIELD"}, func(l loss) string { return l.Field }),
		filled(column{title: "EVENTS", right: true}, func(l loss) string { return strconv.Itoa(l.Events) }),
		filled(column{title: "TRAJECTORIES", right: true, rank: 1}, func(l loss) string { return strconv.Itoa(l.Trajectories) }),
		filled(column{title: "EXAMPLE", least: 24, rank: 2}, func(l loss) string {
			example := printable(l.Example.Trajectory)
			if l.Example.Turn > 0 {
				example = fmt.Sprintf("%s turn %d", example, l.Example.Turn)
			}
			return example
		}),
		filled(column{title: "WHY", least: 40, whole: true}, func(l loss) string { return l.Why }),
	}}
}
