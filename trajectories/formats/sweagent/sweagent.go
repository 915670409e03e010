// Package sweagent reads the .traj files of SWE-agent
// (https://github.com/SWE-agent/SWE-agent) of all its versions, and writes them.
//
// A file says the same thing twice, and neither is whole. The trajectory is a
// list of steps: what the policy answered, the command that was made of it, and
// the raw output. The history is the chat: what the policy was shown, and since
// version 1.0 the calls that it made, of which a step's command is only a
// rendering. Answers in the wrong form are steps and not in the history; a
// demonstration is in the history and no step. The reader walks both side by
// side. Files with a history alone are demonstrations.
//
// The versions are told by the members of a step:
//
//	up to 0.6  state is a text that holds JSON, taken before the action
//	0.7        and there is an execution_time
//	1          state is an object, taken after the action
//	1.0        and messages is all that was said up to this step's answer
//	1.1        query, in its place, is what the policy saw; without this step
//
// These lists repeat the history with each step. They are kept as views only
// where they are not simply the history so far.
//
// A RetryAgent's file holds attempts, and at the top a copy of the best one.
// Each attempt is one trajectory; the copy is none.
//
// What was imported is written as it was, an attempt as a file of its own: what
// the RetryAgent noted of all attempts is its member "retry" then. Trajectories
// of other formats become version 1.1. There an answer makes one call, so one
// with more becomes several steps; and of the lists that repeat the history
// there are the first, by which the version is told, and the last, from which
// other programs take the chat to train on. SWE-agent itself writes them all,
// and its files grow with the square of their length.
package sweagent

import (
	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

// Name is the format's name.
const Name = "swe-agent"

// Format is SWE-agent's .traj.
func Format() formats.Format {
	return formats.Format{Name: Name, Detect: detect, Import: read, Export: export, Ending: ".traj", Lossy: lossy}
}

func detect(n *document.Node) formats.Match {
	if formats.Member(n, "test_result") != nil { // OpenHands has a history, too
		return formats.Match{}
	}
	if attempt := formats.First(formats.Member(n, "attempts")); attempt != nil {
		if m := detect(attempt); m.Confidence > formats.No {
			return m
		}
	}
	if steps := formats.Member(n, "trajectory"); steps != nil && steps.Kind() == document.Array {
		step := formats.First(steps)
		unbegun := step == nil && formats.Has(n, "history", "info")
		if unbegun || step == nil && isChat(n) || formats.Has(step, "action", "observation") {
			return formats.Match{Confidence: formats.Likely, Version: version(step)}
		}
		return formats.Match{}
	}
	if isChat(n) {
		return formats.Match{Confidence: formats.Likely}
	}
	return formats.Match{}
}

// isChat says whether there is a history of messages, which all have a role
// and, in this format, as a rule the name of an agent.
func isChat(n *document.Node) bool {
	return formats.Has(formats.First(formats.Member(n, "history")), "role", "content")
}

// version tells the version of SWE-agent by a step, as far as it shows.
func version(step *document.Node) string {
	if step == nil {
		return ""
	}
	state := formats.Member(step, "state")
	switch {
	case formats.Has(step, "query"):
		return "1.1"
	case formats.Has(step, "messages"):
		return "1.0"
	case state != nil && state.Kind() == document.Object:
		return "1"
	case formats.Has(step, "execution_time"):
		return "0.7"
	}
	return "0"
}
