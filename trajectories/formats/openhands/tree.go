package openhands

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/loose"
)

// A tree is what has to be known of all events of V1 before the first of them
// can be understood: which of them happened, and how many calls each response
// of the model made. It holds ids alone.
type tree struct {
	parents   map[string]string
	order     map[string]int
	last      string          // the id of the last event
	branched  bool            // some event names its parent
	effective map[string]bool // the events of the branch that leads to the leaf
	root      int             // the place of the first of them
	calls     map[string]int  // by the ids of the responses
	state     *state
}

// state is what is used of base_state.json.
type state struct {
	ID    loose.String `json:"id"`
	Agent struct {
		LLM model `json:"llm"`
	} `json:"agent"`
	MaxIterations   loose.Number `json:"max_iterations"`
	ExecutionStatus loose.String `json:"execution_status"`
	Stats           stats        `json:"stats"`
	LeafEventID     loose.String `json:"leaf_event_id"`
}

type stats struct {
	UsageToMetrics map[string]metrics `json:"usage_to_metrics"`
}

// v1Head is what is looked at of each event at first.
type v1Head struct {
	Kind       loose.String `json:"kind"`
	ID         loose.String `json:"id"`
	ParentID   loose.String `json:"parent_id"`
	ResponseID loose.String `json:"llm_response_id"`
}

// newRoot is the parent of an event that begins anew, behind no other.
const newRoot = "__root__"

// isState reports whether a document is the state beside the events.
func isState(n *document.Node) bool {
	return !formats.Has(n, "kind") && formats.Has(n, "execution_status")
}

// survey goes over all events for the first time.
func survey(ctx context.Context, in *formats.Input, events iter.Seq2[*document.Node, error]) (*tree, error) {
	t := &tree{parents: map[string]string{}, order: map[string]int{}, calls: map[string]int{}}
	for n, err := range events {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = t.look(n)
		}
		if _, ok := errors.AsType[*document.Error](err); ok {
			continue // it is said when the event is read in full
		}
		if err != nil {
			return nil, err
		}
	}
	return t, t.branch(in)
}

func (t *tree) look(n *document.Node) error {
	if isState(n) {
		t.state = &state{}
		return n.Decode(t.state)
	}
	var e v1Head
	if err := n.Decode(&e); err != nil {
		return err
	}
	id := string(e.ID)
	if e.Kind == "ActionEvent" && e.ResponseID != "" {
		t.calls[string(e.ResponseID)]++
	}
	if id == "" {
		return nil
	}
	t.parents[id], t.order[id], t.last = string(e.ParentID), len(t.order), id
	t.branched = t.branched || e.ParentID != ""
	return nil
}

// branch follows the parents from the leaf.
func (t *tree) branch(in *formats.Input) error {
	if !t.branched {
		return nil
	}
	leaf := t.last
	if t.state != nil && t.state.LeafEventID != "" {
		if _, ok := t.parents[string(t.state.LeafEventID)]; ok {
			leaf = string(t.state.LeafEventID)
		} else {
			in.Warn(nil, "the leaf %q of the conversation is not among its events; the last event is taken for it", t.state.LeafEventID)
		}
	}
	t.effective = map[string]bool{}
	for id := leaf; ; {
		if t.effective[id] {
			t.branched = false // who wants to go on gets all events as they come
			return in.Forgive(&document.Error{Position: document.Position{File: in.File}, Err: fmt.Errorf("the parents of event %q lead back to it", id)})
		}
		t.effective[id] = true
		t.root = t.order[id]
		parent := t.parents[id]
		if parent == "" || parent == newRoot {
			return nil
		}
		if _, ok := t.parents[parent]; !ok {
			in.Warn(nil, "the parent %q of event %q is not there", parent, id)
			return nil
		}
		id = parent
	}
}

// happened reports whether an event is of the effective branch. Events from
// before there were parents are all in it, if they come before its root.
func (t *tree) happened(id, parent string) bool {
	switch {
	case !t.branched || id == "" || t.effective[id]:
		return true
	case parent == "":
		return t.order[id] < t.root
	}
	return false
}
