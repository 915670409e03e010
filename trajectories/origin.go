package trajectories

import "encoding/json"

// An Origin is what the source of an imported event had and the event has no
// field for. With it, an export to the source's format gives back what was
// imported; other formats leave it alone.
type Origin struct {
	// Index is the event's place in the source's list, from 1; 0 if it has none.
	Index int `json:"index,omitempty"`
	// ID is the source's id of the event.
	ID string `json:"id,omitempty"`
	// Text is the source's whole text, where it cannot be made from the fields
	// of the event.
	Text *string `json:"text,omitempty"`
	// Parts is the source's content where that is a list of parts and not one
	// text.
	Parts json.RawMessage `json:"parts,omitempty"`
	// Extra is an object with the members that have no field here, as they were.
	Extra json.RawMessage `json:"extra,omitempty"`
}
