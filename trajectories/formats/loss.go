package formats

import "strings"

// A Loss is something of a trajectory that a format cannot hold, so that it is
// not in the exported file.
type Loss struct {
	// Field names it as the log does: "turn.reasoning", "message.demonstration".
	Field string `json:"field"`
	Count int    `json:"count"` // how many events have it
	// Example is the turn of the first of them, 0 for the header, the end, and
	// what comes before the first turn.
	Example int    `json:"example"`
	Why     string `json:"why"`
}

// Losses gathers losses by field, in the order in which the fields come up.
type Losses struct {
	list  []Loss
	index map[string]int
	noted map[place]bool
}

// A place is a field of the turn of a number; the header and the end have 0.
type place struct {
	field string
	turn  int
}

// Add notes that the event at a turn has something that cannot be held. There is
// one turn of a number, one header and one end, and each of them counts once,
// whatever there is to say of the field.
func (l *Losses) Add(field string, turn int, why string) {
	if l.index == nil {
		l.index, l.noted = map[string]int{}, map[place]bool{}
	}
	if single(field) {
		if l.noted[place{field, turn}] {
			return
		}
		l.noted[place{field, turn}] = true
	}
	if i, ok := l.index[field]; ok {
		l.list[i].Count++
		return
	}
	l.index[field] = len(l.list)
	l.list = append(l.list, Loss{Field: field, Count: 1, Example: turn, Why: why})
}

// single reports whether a turn has one event at most with a field.
func single(field string) bool {
	event, _, _ := strings.Cut(field, ".")
	return event == "header" || event == "turn" || event == "end"
}

// All returns what was noted.
func (l *Losses) All() []Loss { return l.list }
