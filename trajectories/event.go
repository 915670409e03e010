package trajectories

import (
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
)

// EventType is the type of an event, as the logs name it.
type EventType string

// The types of events.
const (
	EventHeader      EventType = "header"
	EventTurn        EventType = "turn"
	EventObservation EventType = "observation"
	EventMessage     EventType = "message"
	EventView        EventType = "view"
	EventEnd         EventType = "end"
)

// An Event is one line of a log: exactly one of the pointers, Unknown and Torn
// is set.
type Event struct {
	Header      *Header
	Turn        *Turn
	Observation *Observation
	Message     *Message
	View        *View
	End         *End
	// Unknown is the type of an event that this version does not know. What
	// such an event holds is skipped.
	Unknown EventType
	// Torn stands for a last line that was cut off in the middle, as a crash or
	// a full disk leaves it.
	Torn bool

	// Omitted is the number of bytes of an observation's text, or of the end's
	// patch, in an [Outline], which leaves them out.
	Omitted int

	// Line counts from 1, and Offset is where in the log it begins, in bytes.
	// Both are zero in events that were not read from a log.
	Line   int
	Offset int64
}

// kind is the type of the event.
func (e Event) kind() EventType {
	switch {
	case e.Header != nil:
		return EventHeader
	case e.Turn != nil:
		return EventTurn
	case e.Observation != nil:
		return EventObservation
	case e.Message != nil:
		return EventMessage
	case e.View != nil:
		return EventView
	case e.End != nil:
		return EventEnd
	}
	return e.Unknown
}

// One line of a log is one of these objects.
type (
	headerEvent struct {
		Type EventType `json:"type"`
		Header
	}
	turnEvent struct {
		Type EventType `json:"type"`
		Turn
	}
	observationEvent struct {
		Type EventType `json:"type"`
		Observation
	}
	messageEvent struct {
		Type EventType `json:"type"`
		Message
	}
	viewEvent struct {
		Type EventType `json:"type"`
		View
	}
	endEvent struct {
		Type EventType `json:"type"`
		End
		// RawPatch holds the patch when it is not UTF-8, as patches of files in
		// older encodings are not: a JSON string would change its bytes.
		RawPatch []byte `json:"patch_base64,omitempty"`
	}
)

func newEndEvent(e End) endEvent {
	if utf8.ValidString(e.Patch) {
		return endEvent{Type: EventEnd, End: e}
	}
	raw := []byte(e.Patch)
	e.Patch = ""
	return endEvent{Type: EventEnd, End: e, RawPatch: raw}
}

func (e endEvent) end() *End {
	if e.RawPatch != nil {
		e.Patch = string(e.RawPatch)
	}
	return &e.End
}

// form is how events are written as JSON: as encoding/json writes them, so
// that the logs of all versions look alike. Raw JSON keeps the spelling of its
// strings and numbers.
func form() json.Options {
	return json.JoinOptions(
		jsontext.AllowInvalidUTF8(true),
		jsontext.AllowDuplicateNames(true),
		jsontext.PreserveRawStrings(true),
		jsontext.EscapeForJS(true),
		json.Deterministic(true),
		json.FormatNilSliceAsNull(true),
		json.FormatNilMapAsNull(true),
		jsonv1.FormatDurationAsNano(true),
		jsonv1.OmitEmptyWithLegacySemantics(true),
	)
}
