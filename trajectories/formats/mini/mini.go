// Package mini reads the .traj.json files of mini-swe-agent
// (https://github.com/SWE-agent/mini-swe-agent).
//
// There are two of its formats. Version 1 (mini-swe-agent 1.x) is a chat in
// which an answer holds one command between fences and the next message is its
// output; before 1.4.0 the file said nothing of itself, and test fixtures are
// bare lists of messages. Version 1.1 (2.x) notes what it knows of a message
// beside it, under "extra", holds tool calls, and ends with a message of the
// role "exit".
//
// What the reader has to know:
//
//   - An answer in the wrong form is dropped by 1.1 before mini-swe-agent 2.3.1:
//     only the program's reply to it is in the file. It is a turn that is lost.
//   - The call that submits is never answered in 1.1. In version 1 its answer is
//     the submission.
//   - What the policy saw of an output is a template around the first and the
//     last 5,000 characters; raw_output is the whole. It is kept only where the
//     template does not give it back.
//   - In version 1, a run that failed has the text of the exception where the
//     submission should be.
package mini

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

// The formats' names.
const (
	Name1  = "mini-swe-agent-1"
	Name11 = "mini-swe-agent-1.1"
)

// Format1 is version 1, with its bare lists.
func Format1() formats.Format {
	return formats.Format{Name: Name1, Detect: detect1, Import: importer(false)}
}

// Format11 is version 1.1.
func Format11() formats.Format {
	return formats.Format{Name: Name11, Detect: detect11, Import: importer(true), Export: export, Ending: ".traj.json", Lossy: lossy}
}

func detect11(n *document.Node) formats.Match {
	switch {
	case says(n, Name11):
		return formats.Match{Confidence: formats.Certain, Version: "1.1"}
	case nameless(n) && !old(n):
		return formats.Match{Confidence: formats.Likely, Version: "1.1"}
	}
	return formats.Match{}
}

func detect1(n *document.Node) formats.Match {
	switch {
	case says(n, Name1):
		return formats.Match{Confidence: formats.Certain, Version: "1"}
	case n.Kind() == document.Array:
		return detectList(n)
	case nameless(n) && old(n):
		return formats.Match{Confidence: formats.Likely, Version: "1"}
	}
	return formats.Match{}
}

// nameless reports whether it is a file of the program that does not say which
// version of the format it has. That stands at the end, so a file that was cut
// off has lost it.
func nameless(n *document.Node) bool {
	return formats.Member(n, "messages") != nil && formats.Member(n, "info", "mini_version") != nil && formats.Member(n, "trajectory_format") == nil
}

// old reports whether the program was one that wrote version 1: those before 2.
func old(n *document.Node) bool {
	version := formats.Member(n, "info", "mini_version")
	if version.Kind() != document.String {
		return true
	}
	s, _ := version.String()
	major, err := strconv.Atoi(strings.SplitN(s, ".", 2)[0])
	return err != nil || major < 2
}

func says(n *document.Node, name string) bool {
	return formats.Word(n, "trajectory_format") == name
}

// detectList looks at the first answer of a bare list of messages. A fence of
// bash is nothing that only this program writes; its later fence is.
func detectList(n *document.Node) formats.Match {
	const few = 8
	i := 0
	for e, err := range n.Elements() {
		if i++; err != nil || i > few {
			break
		}
		if formats.Word(e, "role") != "assistant" {
			continue
		}
		content := formats.Word(e, "content")
		switch {
		case formats.Member(e, "tool_calls") != nil || len(fence.FindAllString(content, 2)) != 1:
			return formats.Match{}
		case strings.Contains(content, "```mswea_bash_command"):
			return formats.Match{Confidence: formats.Likely, Version: "1"}
		}
		return formats.Match{Confidence: formats.Possible, Version: "1"}
	}
	return formats.Match{}
}

// fence is a command in an answer, as mini-swe-agent finds it: what is between
// the fences is the command. The second name is of its newer versions.
var fence = regexp.MustCompile("(?s)```(bash|mswea_bash_command)\\s*\\n(.*?)\\n```")
