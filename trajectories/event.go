package trajectories

import "unicode/utf8"

// The types of events, as the logs name them.
const (
	eventHeader      = "header"
	eventTurn        = "turn"
	eventObservation = "observation"
	eventEnd         = "end"
)

// One line of a log is one of these four objects.
type (
	headerEvent struct {
		Type string `json:"type"`
		Header
	}
	turnEvent struct {
		Type string `json:"type"`
		Turn
	}
	observationEvent struct {
		Type string `json:"type"`
		Observation
	}
	endEvent struct {
		Type string `json:"type"`
		End
		// RawPatch holds the patch when it is not UTF-8, as patches of files in
		// older encodings are not: a JSON string would change its bytes.
		RawPatch []byte `json:"patch_base64,omitempty"`
	}
)

func newEndEvent(e End) endEvent {
	if utf8.ValidString(e.Patch) {
		return endEvent{Type: eventEnd, End: e}
	}
	raw := []byte(e.Patch)
	e.Patch = ""
	return endEvent{Type: eventEnd, End: e, RawPatch: raw}
}

func (e endEvent) end() *End {
	end := e.End
	if e.RawPatch != nil {
		end.Patch = string(e.RawPatch)
	}
	return &end
}
