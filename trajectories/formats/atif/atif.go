// Package atif is Harbor's Agent Trajectory Interchange Format (RFC 0001 of
// Harbor), versions 1.0 to 1.7: one JSON object with an agent, and steps that
// the user, the system or the agent made.
//
// A step of the agent is a turn; the results of its observation answer its
// calls, by id where they name one and by their place where they do not, as
// with Terminus. A step of the user or the system is a message, except for
// those at the beginning, which are the system message and the prompt. What is
// marked as copied context was another trajectory's, and is never learned from;
// so are steps of the agent that no model made (llm_call_count 0).
//
// Agents that work for the agent have trajectories of their own. Embedded ones
// are imported after the one that holds them, as its parts. One in another file
// becomes a part, too, if the result that points to it names its session, and
// its file is in the same folder and is imported later. Written again, it says
// nothing of its parent: the parent names its session, as before.
//
// Export writes version 1.7, and [Validate] checks a document against its rules.
// The rules know no members but their own; what a trajectory holds beyond them
// is left out, and listed.
package atif

import (
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

// Name is the format's name.
const Name = "atif"

// Format returns the format.
func Format() formats.Format {
	return formats.Format{Name: Name, Detect: detect, Import: load, Export: export, Check: check, Ending: ".json", Lossy: lossy}
}

const versionPrefix = "ATIF-v"

func detect(n *document.Node) formats.Match {
	v, ok := n.Get("schema_version")
	if !ok || v.Kind() != document.String {
		return formats.Match{}
	}
	version, err := v.String()
	if err != nil || !strings.HasPrefix(version, versionPrefix) {
		return formats.Match{}
	}
	return formats.Match{Confidence: formats.Certain, Version: strings.TrimPrefix(version, versionPrefix)}
}
