// Package behaviour says what actions do, in one language for all agents.
//
// A trajectory of SWE-agent opens a file with `open`, one of OpenHands with
// `str_replace_editor view`, one of mini-swe-agent with `nl -ba f | sed -n 1,9p`.
// [Classify] calls all three a [View] of that file:
//
//	acts := behaviour.Classify("bash", []byte(`{"command":"cd /testbed && sed -i s/a/b/ x.py && pytest -q"}`))
//	// shell  cd
//	// edit   sed     "sed -i"  writes /testbed/x.py
//	// test   pytest
//	behaviour.Main(acts) // the edit
//
// Actions are classified and never rewritten: an [Act] points to the bytes of
// the command that it speaks of. Commands are read with a real shell parser,
// so quotes, here-documents, substitutions, subshells, loops and functions mean
// what they mean to bash. Programs that only start others (sudo, env, timeout,
// xargs, bash -c) are looked through, cd and variables with known values are
// followed, and Python handed to python is looked at for what it writes.
//
// A pipeline is one thing done: filters at its end (head, sort, grep) name no
// act of their own, and what writes, runs or tests names it before what only
// shows. What the parser refuses is [Unparsed], with a guess from its words.
//
// Classification never fails and never runs anything. It knows programs by
// name, so it can be deceived by a script that is called pytest; it says what
// an action looks like, not what it had for an effect.
package behaviour

import (
	"encoding/json"
	"slices"
)

// A Kind is what an act is for. The set is closed.
type Kind string

const (
	View     Kind = "view"     // shows the contents of files
	Search   Kind = "search"   // looks for text or for names
	List     Kind = "list"     // shows the names in folders
	Edit     Kind = "edit"     // changes contents of files, or writes whole files with text from the action
	Create   Kind = "create"   // makes files or folders: touch, mkdir, cp, an editor's create
	Delete   Kind = "delete"   // removes files
	Move     Kind = "move"     // renames files
	Test     Kind = "test"     // runs tests
	Run      Kind = "run"      // runs a program or script
	Build    Kind = "build"    // compiles, or checks without running: linters, type checkers
	Install  Kind = "install"  // adds or removes packages
	VCS      Kind = "vcs"      // version control; Detail says of which sort
	Network  Kind = "network"  // reaches for other machines
	Inspect  Kind = "inspect"  // asks about the machine and its programs: which, --version, pip list
	Shell    Kind = "shell"    // what only the shell itself notices: cd, export, echo, sleep
	Think    Kind = "think"    // a tool call that only holds thoughts
	Plan     Kind = "plan"     // a tool call that keeps a list of things to do
	Submit   Kind = "submit"   // hands in the work
	Other    Kind = "other"    // a program or tool that this package does not know
	Unparsed Kind = "unparsed" // no valid shell; Detail is the kind that its words look like, if any
)

// The sorts of version control, in the Detail of acts of kind VCS.
const (
	History   = "history"   // reads what was committed: log, show, blame, reflog, diff between revisions
	State     = "state"     // reads the state of the working tree: status, diff, branch
	Change    = "change"    // changes the repository or its working tree: commit, checkout, stash, reset
	Exchanges = "exchanges" // speaks with another repository: clone, fetch, pull, push
)

// An Act is one thing that an action does.
type Act struct {
	Kind Kind `json:"kind"`
	// Detail says how, where a kind has several ways: "here-document", "sed -i",
	// "redirect"; for VCS one of the constants above.
	Detail string `json:"detail,omitempty"`
	// Program is the name of the program without its folder; for a tool
	// without a command, the tool's name.
	Program string `json:"program,omitempty"`
	// Args are the words after the program, quotes removed. What only a
	// running shell can know stands as it was written: $x, $(…).
	Args []string `json:"args,omitempty"`
	// Reads and Writes are the files and folders that are named for reading and
	// for changing, without those under /dev. They are relative to where the
	// action started, unless the action itself went to a known folder; patterns
	// are kept as they are. An edit may have no Writes: its file was not to be
	// seen.
	Reads  []string `json:"reads,omitempty"`
	Writes []string `json:"writes,omitempty"`
	// Pos and End are where it stands in the action's command, in bytes, from
	// Pos up to but not including End. Both are 0 for tools without a command.
	Pos int `json:"pos"`
	End int `json:"end"`
}

// Paths returns all that an act names: what it reads, then what it writes.
func (a Act) Paths() []string {
	return slices.Concat(a.Reads, a.Writes)
}

// Changes says that acts of this kind change files themselves. Others may do
// so on the side, which Writes tells.
func (k Kind) Changes() bool {
	return k == Edit || k == Create || k == Delete || k == Move
}

// The kinds by what they say about an action, the strongest first.
var strength = []Kind{
	Submit, Edit, Delete, Move, Create, Test, Install, Build, Run, VCS, Network,
	Search, View, List, Plan, Think, Unparsed, Other, Inspect, Shell,
}

// Main returns the act that says what an action was for: the first of the
// strongest kind, where changing files is stronger than running, running
// stronger than reading, and reading stronger than looking around. It is the
// zero Act if there are none.
func Main(acts []Act) Act {
	if len(acts) == 0 {
		return Act{}
	}
	return slices.MinFunc(acts, func(a, b Act) int {
		return slices.Index(strength, a.Kind) - slices.Index(strength, b.Kind)
	})
}

// Classify says what one tool call does: at least one act, in the order in
// which they stand. The tool may be one of any agent whose trajectories are
// read here; arguments are its JSON object, but what is no JSON is taken for
// the command itself. A command's bytes are counted in its decoded text.
//
// The time is linear in the length of the arguments. Of a command so long or
// so deep that reading it would take much memory, the rest is Unparsed.
func Classify(tool string, arguments json.RawMessage) []Act {
	return classifyTool(tool, readArguments(arguments))
}
