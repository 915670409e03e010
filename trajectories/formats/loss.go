package formats

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
}

// Add notes that the event at a turn has something that cannot be held.
func (l *Losses) Add(field string, turn int, why string) {
	if i, ok := l.index[field]; ok {
		l.list[i].Count++
		return
	}
	if l.index == nil {
		l.index = map[string]int{}
	}
	l.index[field] = len(l.list)
	l.list = append(l.list, Loss{Field: field, Count: 1, Example: turn, Why: why})
}

// All returns what was noted.
func (l *Losses) All() []Loss { return l.list }
