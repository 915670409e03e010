package events

import (
	"encoding/json"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/redact"
)

// Restore puts the secrets that r knows back into a turn that it has redacted. Ids
// stay as they are in the other events.
func Restore(r *redact.Redactor, t trajectories.Turn) trajectories.Turn {
	return *visitor{
		text: func(_, s string) string { return r.Restore(s) },
		json: func(_ string, raw json.RawMessage) json.RawMessage { return r.RestoreJSON(raw) },
	}.turn(t)
}
