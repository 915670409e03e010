package chat

import (
	stdjson "encoding/json"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats/loose"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// An Opening takes the first messages of a conversation into the header: the
// system message, and the user's prompt at the beginning or right behind it.
type Opening struct {
	messages int
	extras   []stdjson.RawMessage
	some     bool // of the extras
}

// OpeningMember is the member of a header's origin that holds, for each message
// that went into the header, what that cannot hold: a list of objects.
const OpeningMember = "header_messages"

// Take takes a message into the header if it belongs there. The extra is what
// the message has beside its role and text. No message is taken after one that
// was not.
func (o *Opening) Take(h *trajectories.Header, role, text string, extra *members.List) bool {
	switch {
	case o.messages == 0 && (role == "system" || role == "developer"):
		h.System = text
		if role != "system" {
			extra.Add("role", role)
		}
	case role == "user" && (o.messages == 0 || o.messages == 1 && h.Prompt == ""):
		h.Prompt = text
		h.Task.ProblemStatement = Problem(text)
	default:
		o.messages = 2
		return false
	}
	o.messages++
	object := extra.Object()
	o.some = o.some || object != nil
	if object == nil {
		object = stdjson.RawMessage("{}")
	}
	o.extras = append(o.extras, object)
	return true
}

// Keep puts into the header's origin what the taken messages have beside their
// texts.
func (o *Opening) Keep(h *trajectories.Header) {
	if !o.some {
		return
	}
	var extra members.List
	if h.Origin != nil {
		extra.AddAll(h.Origin.Extra)
	}
	extra.Add(OpeningMember, o.extras)
	h.Origin = &trajectories.Origin{Extra: extra.Object()}
}

// Openings returns the messages that were taken into a header: their texts, and
// for each what [Opening.Keep] has kept beside it. In a header of another
// format's trajectory nothing is kept.
func Openings(h *trajectories.Header, own bool) (system, prompt *Opened) {
	var kept []stdjson.RawMessage
	if own && h.Origin != nil {
		_ = loose.Unmarshal(members.Get(h.Origin.Extra, OpeningMember), &kept) // else there is none
	}
	if h.System != "" || len(kept) == 2 {
		system = &Opened{Text: h.System}
	}
	if h.Prompt != "" || len(kept) == 2 || len(kept) == 1 && system == nil {
		prompt = &Opened{Text: h.Prompt}
	}
	for _, o := range []*Opened{system, prompt} {
		if o != nil && len(kept) > 0 {
			o.Extra, kept = kept[0], kept[1:]
		}
	}
	return system, prompt
}

// An Opened is a message that is in a header.
type Opened struct {
	Text  string
	Extra stdjson.RawMessage // an object, or nil
}

// AddBeside adds to a row what ReadRow and Keep have kept in the header's origin,
// but for what belongs to the messages.
func AddBeside(row *members.List, h *trajectories.Header) {
	if h.Origin == nil {
		return
	}
	for name, value := range members.All(h.Origin.Extra) {
		if name != OpeningMember {
			row.Add(name, value)
		}
	}
}
