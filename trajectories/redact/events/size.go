package events

import (
	"encoding/json"

	"github.com/apprentice-rl/apprentice/trajectories"
)

// size is how many bytes of texts an event holds.
func size(e trajectories.Event) (n int) {
	visitor{
		text: func(_, s string) string {
			n += len(s)
			return s
		},
		json: func(_ string, raw json.RawMessage) json.RawMessage {
			n += len(raw)
			return raw
		},
	}.event(e)
	return n
}
