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
		if first = First(n); first == nil {
			return "an empty list"
		}
	}
	switch {
	case Has(first, "conversations"):
		return "a chat export that Harbor makes of a trajectory, in which calls are mere text: import the .trajectory.json that it was made from"
	case Has(first, "model_patch"), Has(first, "fix_patch"), Has(value(first), "model_patch"):
		return "predictions, which hold patches and no steps: grade them with apprentice bench grade --predictions"
	case Has(first, "agent", "execution_status", "stats"):
		return "the state beside an OpenHands conversation, which holds no events: it is read with the folder of events beside it"
	case Has(first, "sessionId", "projectHash"):
		return "a session log of gemini-cli, for which there is no importer"
	case Word(first, "type") == "header":
		return "an event log of this program already"
	case Has(first, "problem_statement", "base_commit") && !Has(first, "messages") && !Has(first, "history"):
		return "a task, which holds no trajectory"
	case Has(first, "completed_instances"), Has(first, "resolved_ids"), Has(value(first), "patch_successfully_applied"):
		return "a report of an evaluation, which holds no steps"
	}
	return fmt.Sprintf("JSON of no format that is known (%s)", shape(first))
}

// value returns the first member of an object, as of one that is keyed by id.
func value(n *document.Node) *document.Node {
	for _, k := range n.Keys() {
		v, _ := n.Get(k.Name)
		return v
	}
	return nil
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
