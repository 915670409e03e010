// Package openhands reads what OpenHands (https://github.com/All-Hands-AI/OpenHands)
// records: streams of events, of two kinds.
//
// V0 has actions and observations. Its evaluations write a row per task
// (output.jsonl) with the events under "history"; a session is a list of them.
// An observation names the action that is its cause. The call as the model made
// it is in the response of the model, which stands on the action and once more
// on the observation; what stands under "args" is a translation of it, and is
// not kept.
//
// V1, the software agent SDK, has events of many kinds, each in a file of its
// own beside base_state.json, or as lines, or as the history of a row. They form
// a tree: what leads to the last event happened, and the rest was given up. It
// is kept as messages, and counted nowhere.
//
// In both, several calls of one answer are several events with one response id;
// they become one turn. A row's task is reduced to what a policy may see: its
// gold patch and the names of its hidden tests are left out, as are the
// credentials that a configuration holds.
//
// There is no exporter: nothing but OpenHands reads these files.
package openhands

import (
	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

// The formats' names.
const (
	NameV0 = "openhands-v0"
	NameV1 = "openhands-v1"
)

// V0 returns the format of OpenHands up to its software agent SDK.
func V0() formats.Format {
	return formats.Format{Name: NameV0, Detect: detector(isV0), Import: loadV0}
}

// V1 returns the format of the software agent SDK.
func V1() formats.Format {
	return formats.Format{Name: NameV1, Detect: detector(isV1), Folder: conversation, Import: loadV1}
}

// isV0 reports whether a value is an event of V0, or a pair of them, as the
// first versions wrote.
func isV0(n *document.Node) bool {
	if first := formats.First(n); first != nil {
		n = first
	}
	return formats.Has(n, "action") && (formats.Has(n, "source") || formats.Has(n, "args")) || formats.Has(n, "observation", "content") && !formats.Has(n, "kind")
}

// isV1 reports whether a value is an event of V1.
func isV1(n *document.Node) bool {
	return formats.Has(n, "kind", "source", "id")
}

// detector finds events: by themselves, in a list, and as the history of a row.
func detector(is func(*document.Node) bool) func(*document.Node) formats.Match {
	return func(n *document.Node) formats.Match {
		likely := formats.Match{Confidence: formats.Likely}
		if n.Kind() == document.Object && is(n) {
			likely.Events = true
			return likely
		}
		if first := formats.First(n); first != nil && first.Kind() == document.Object && (is(first) || isRow(first, is)) {
			return likely
		}
		if isRow(n, is) {
			return likely
		}
		return formats.Match{}
	}
}

// isRow reports whether a value is a row of an evaluation whose events are of
// the version.
func isRow(n *document.Node, is func(*document.Node) bool) bool {
	if !formats.Has(n, "history") || !formats.Has(n, "instance_id") && !formats.Has(n, "test_result") {
		return false
	}
	history, _ := n.Get("history")
	first := formats.First(history)
	return first != nil && is(first)
}
