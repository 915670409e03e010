package formats

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/apprentice-rl/apprentice/trajectories/document"
)

// refusal says in a person's words what a document is that is no trajectory.
// Files of these kinds lie beside trajectories, so people will pass them.
func refusal(n *document.Node) string {
	first := n
	if n.Kind() == document.Array {
		for e, err := range n.Elements() {
			if err == nil {
				first = e
			}
			break
		}
		if first == n {
			return "an empty list"
		}
	}
	switch {
	case has(first, "conversations"):
		return "a chat export that Harbor makes of a trajectory, in which calls are mere text: import the .trajectory.json that it was made from"
	case has(first, "model_patch"), has(first, "fix_patch"), has(value(first), "model_patch"):
		return "predictions, which hold patches and no steps: grade them with apprentice bench grade --predictions"
	case has(first, "agent", "execution_status", "stats"):
		return "the state beside an OpenHands conversation, which holds no events: it is read with the folder of events beside it"
	case has(first, "sessionId", "projectHash"):
		return "a session log of gemini-cli, for which there is no importer"
	case kind(first) == "header":
		return "an event log of this program already"
	case has(first, "problem_statement", "base_commit") && !has(first, "messages") && !has(first, "history"):
		return "a task, which holds no trajectory"
	case has(first, "completed_instances"), has(first, "resolved_ids"), has(value(first), "patch_successfully_applied"):
		return "a report of an evaluation, which holds no steps"
	}
	return fmt.Sprintf("JSON of no format that is known (%s)", shape(first))
}

func has(n *document.Node, names ...string) bool {
	if n == nil {
		return false
	}
	for _, name := range names {
		if _, ok := n.Get(name); !ok {
			return false
		}
	}
	return true
}

// value returns the first member of an object, as of one that is keyed by id.
func value(n *document.Node) *document.Node {
	for _, k := range n.Keys() {
		v, _ := n.Get(k.Name)
		return v
	}
	return nil
}

func kind(n *document.Node) string {
	if t, ok := n.Get("type"); ok && t.Kind() == document.String {
		s, _ := t.String()
		return s
	}
	return ""
}

// shape describes a value by its first members.
func shape(n *document.Node) string {
	const most = 5
	if n.Kind() != document.Object {
		return fmt.Sprintf("a list of values of the kind %s", n.Kind())
	}
	keys := n.Keys()
	text := "an object without members"
	for i, k := range keys[:min(len(keys), most)] {
		if i == 0 {
			text = "its first members are "
		} else {
			text += ", "
		}
		text += fmt.Sprintf("%.40q", k.Name)
	}
	return text
}

// notJSON refuses files that were never meant to be JSON; in others, the error
// says where they are broken.
func notJSON(path string, err error) error {
	fault, ok := errors.AsType[*document.Error](err)
	if !ok {
		return err
	}
	switch filepath.Ext(path) {
	case ".yaml", ".yml":
		return &RefusedError{path, "YAML, not a trajectory"}
	}
	if fault.Offset == 0 && fault.Field == "" {
		return &RefusedError{path, fmt.Sprintf("not JSON: %v", fault.Err)}
	}
	return err
}
