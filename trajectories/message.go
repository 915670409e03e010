package trajectories

import "time"

// A Message is what was said in an episode and is neither an answer of the
// policy nor the answer to one of its calls. Messages are kept so that nothing
// of a source is lost; none is ever learned from.
type Message struct {
	// After is the number of the turn that the message follows, 0 before the
	// first.
	After int         `json:"after"`
	Role  string      `json:"role"` // "system", "user", "assistant", "tool" or "environment"
	Kind  MessageKind `json:"kind"`
	// Shown says that the policy saw the message.
	Shown  bool      `json:"shown,omitempty"`
	Text   string    `json:"text,omitempty"`
	Time   time.Time `json:"time,omitzero"`
	Origin *Origin   `json:"origin,omitempty"`
}

// MessageKind is what a message is for, one of a closed set.
type MessageKind string

const (
	MessageNote          MessageKind = "note"          // said by a person or a program, with no further meaning here
	MessageDemonstration MessageKind = "demonstration" // of an example episode that the policy was shown
	MessageContext       MessageKind = "context"       // copied from another trajectory
	MessageFeedback      MessageKind = "feedback"      // of the program around the policy, on what it did
	MessageCondensation  MessageKind = "condensation"  // stands for messages that the policy no longer sees
	MessageSubagent      MessageKind = "subagent"      // points to the trajectory of another agent
	MessageOrphan        MessageKind = "orphan"        // answers a call that the source does not hold
	MessageExit          MessageKind = "exit"          // how the source notes the end of the episode
	MessageAbandoned     MessageKind = "abandoned"     // of a branch that was given up
	MessageState         MessageKind = "state"         // a change of the program's state
)
