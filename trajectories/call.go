package trajectories

import (
	"encoding/json"

	"github.com/go-json-experiment/json/jsontext"
)

// A Call is what the source of an imported action had and env.Action cannot
// hold.
type Call struct {
	// ID is the source's id of the call where the action has another one,
	// because the source used it twice.
	ID string `json:"id,omitempty"`
	// Text is the source's text of the arguments where the log writes them in
	// another way, with other white space for one. It is the whole truth where
	// Invalid is set.
	Text string `json:"text,omitempty"`
	// Invalid says that Text is not one JSON object; the action's arguments
	// are {} then. The call was made all the same, and counts.
	Invalid bool `json:"invalid,omitempty"`
	// Extra is an object with the members of the source's call that have no
	// field here.
	Extra json.RawMessage `json:"extra,omitempty"`
}

// ParseArguments turns the text in which a source holds the arguments of a
// call into the arguments of an action, and into the Call that keeps what
// those do not. The Call is zero where the two say the same.
func ParseArguments(text string) (json.RawMessage, Call) {
	value := jsontext.Value(text)
	if value.Kind() != '{' || value.Format(form()) != nil {
		return json.RawMessage("{}"), Call{Text: text, Invalid: true}
	}
	if string(value) == text {
		return json.RawMessage(value), Call{}
	}
	return json.RawMessage(value), Call{Text: text}
}
