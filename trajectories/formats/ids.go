package formats

import "fmt"

// IDs gives each action of a trajectory an id of its own. Some servers number
// the calls of each answer from 0, and some programs keep no ids at all; a log
// needs one per action, because observations name it.
type IDs struct {
	used map[string]bool
}

// New returns the id for call k, from 1, of a turn: the source's id where it
// has one that was not used before, else one that is made from the place.
func (u *IDs) New(source string, turn, k int) string {
	if u.used == nil {
		u.used = map[string]bool{}
	}
	id := source
	for n := 0; id == "" || u.used[id]; n++ {
		id = fmt.Sprintf("turn-%d.%d", turn, k)
		if n > 0 {
			id = fmt.Sprintf("turn-%d.%d-%d", turn, k, n)
		}
	}
	u.used[id] = true
	return id
}
