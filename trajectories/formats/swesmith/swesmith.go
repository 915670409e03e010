// Package swesmith is the form in which SWE-smith (https://swesmith.com) hands
// on trajectories of SWE-agent as training data: rows of plain messages, system,
// user and assistant alone, whose calls are part of the assistant's text.
//
// There are two styles. In xml a call is
//
//	<function=str_replace_editor>
//	<parameter=command>view</parameter>
//	<parameter=path>/testbed/setup.py</parameter>
//	</function>
//
// and in ticks it is a command line between the last fences of the text. The
// message of the user behind it is the answer; its prefix ("OBSERVATION:"), which
// not all have, is part of what the policy saw.
//
// Values are written as Python's str() gives them, and nothing is escaped: a
// value that holds </parameter> can be told from the end of one only by what
// follows. So arguments are texts, but for the two whose type is known, and the
// whole message is kept wherever it cannot be made from the turn again.
//
// Export writes a row per trajectory, on one line: what was read from this
// format as it was, in its style, and anything else as a [Conversation] in the
// style xml, without what the policy was not shown.
package swesmith

import (
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/chat"
)

// Name is the format's name.
const Name = "swe-smith"

// Format returns the format.
func Format() formats.Format {
	return formats.Format{Name: Name, Detect: detect, Import: load, Export: export, Lossy: lossy}
}

// A style is how calls are written in texts.
type style string

const (
	xml   style = "xml"
	ticks style = "ticks"
)

// detect looks at the first messages of the first row. Fences alone do not tell
// an agent from somebody who talks about code, observations do.
func detect(n *document.Node) formats.Match {
	for row, err := range chat.Rows(n) {
		if err != nil {
			break
		}
		s, confidence := look(row)
		return formats.Match{Confidence: confidence, Version: string(s)}
	}
	return formats.Match{}
}

// probed is how many messages are looked at.
const probed = 8

func look(row *document.Node) (style, formats.Confidence) {
	if chat.ListOf(row) != "messages" {
		return "", formats.No
	}
	messages, err := chat.Messages(row)
	if err != nil || messages.Kind() != document.Array {
		return "", formats.No
	}
	fenced, seen := false, 0
	for n, err := range messages.Elements() {
		if err != nil || seen == probed {
			break
		}
		var m chat.Message
		if n.Decode(&m) != nil {
			continue // an import that goes on leaves it out, and the style is that of the rest
		}
		seen++
		switch m.Role {
		case "system":
		case "user":
			if fenced && strings.HasPrefix(strings.ToUpper(m.Content.Text), "OBSERVATION:") {
				return ticks, formats.Likely
			}
		case "assistant":
			if len(m.Calls()) > 0 {
				return "", formats.No
			}
			if answer := parse(m.Content.Text, xml); len(answer.calls) > 0 {
				return xml, formats.Likely
			}
			fenced = fenced || len(parse(m.Content.Text, ticks).calls) > 0
		default:
			return "", formats.No
		}
	}
	if fenced {
		return ticks, formats.Possible
	}
	return "", formats.No
}
