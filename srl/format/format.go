// Package format reads and writes what a model that thinks before it acts is
// asked for: a thought, then the action of one step.
//
//	<think>
//	The handler ignores the second page.
//	</think>
//	<function=bash>
//	<parameter=command>grep -rn 'page' /testbed/api</parameter>
//	</function>
//
// Only the action is ever compared with an expert's; the thought is free and
// may be empty. The action is written in one of three languages.
//
//	xml    the function calls of SWE-agent and SWE-smith, as above
//	json   a function call object {"name": …, "arguments": {…}} for each call
//	bash   a fenced block ```bash … ```, as mini-swe-agent's
//
// In a fourth one, text, the action is all that follows the thought; it is for
// steps that are paragraphs, as in mathematics.
//
// A step of several calls is written as the calls in their order, one after
// the other, with a line feed between them.
//
// # Format errors
//
// The paper gives -1 to an output that breaks the format and does not say what
// breaks it. Here it is this closed list:
//
//	NoThoughtEnd   there is no </think>
//	ThinkTags      a second <think> or </think>, nested or one after the other
//	NoAction       nothing but space after </think>
//	NoCall         text after </think>, but no call in it
//	BadCall        a call begins that cannot be read: it does not end, a
//	               parameter comes twice, the arguments are not a JSON object
//	Prose          text before <think>, or before, between or after the calls
//	TooManyCalls   more calls than the expert's step has, which is nearly
//	               always one
//
// What is no error: an empty thought; space around any part; think tags inside
// an argument of a call (someone has to write the code that parses them);
// fewer calls than the expert's; a tool that does not exist, or arguments that
// do not suit it, for these are in the format and simply unlike the expert's.
//
// # Stripped tags
//
// Chat templates that put <think> into the prompt leave a lone </think> in the
// sampled text, which is always accepted. Trainers that decode without special
// tokens lose both tags where the tokenizer counts them as special. For those
// alone, Rules.TagsStripped takes the text before the first call as the
// thought, if no </think> stands there.
package format

import (
	"fmt"
	"strings"

	"github.com/apprentice-rl/apprentice/env"
)

// A Violation is a way to break the format. Errors of this package that are
// the model's fault match one of the closed list with errors.Is.
type Violation string

// The closed list of violations.
const (
	NoThoughtEnd Violation = "no </think>"
	ThinkTags    Violation = "nested or repeated think tags"
	NoAction     Violation = "nothing after </think>"
	NoCall       Violation = "no tool call after </think>"
	BadCall      Violation = "a tool call that cannot be read"
	Prose        Violation = "text outside of the thought and the tool calls"
	TooManyCalls Violation = "more tool calls than the step has"
)

func (v Violation) Error() string { return string(v) }

const (
	thinkStart = "<think>"
	thinkEnd   = "</think>"
)

// Parse cuts a model's output into the thought and the text of the action, both
// without the space around them. It knows of no action language, so that it
// finds NoThoughtEnd, NoAction, and think tags and prose that stand before the
// action. Rules.Read finds the rest.
func Parse(output string) (thought, action string, err error) {
	thought, action, found := strings.Cut(output, thinkEnd)
	if !found {
		return "", "", NoThoughtEnd
	}
	before, inside, opened := strings.Cut(thought, thinkStart)
	if opened {
		thought = inside
	}
	thought, action = strings.TrimSpace(thought), strings.TrimSpace(action)
	switch {
	case strings.Contains(inside, thinkStart),
		strings.HasPrefix(action, thinkStart),
		strings.HasPrefix(action, thinkEnd):
		return "", "", ThinkTags
	case action == "":
		return "", "", NoAction
	case opened && strings.TrimSpace(before) != "":
		return "", "", fmt.Errorf("%w: %s", Prose, excerpt(before))
	}
	return thought, action, nil
}

// Rules are the settings by which an output is read.
type Rules struct {
	Language Language `json:"language"`
	// TagsStripped says that the text comes from a decoder that drops special
	// tokens, think tags among them.
	TagsStripped bool `json:"tags_stripped,omitempty"`
}

// An Output is a model's output, taken apart.
type Output struct {
	Thought string
	// Action is the text after the thought, as the model wrote it, without
	// the space around it.
	Action string
	// Calls are the tool calls of Action. Without the tools' schemas, see
	// [Language.Calls], arguments from xml are strings.
	Calls []env.Action
}

// Read takes a model's output apart. At most calls tool calls are accepted.
// The error matches a [Violation], except for an unknown language.
func (r Rules) Read(output string, calls int) (Output, error) {
	s, err := r.Language.syntax()
	if err != nil {
		return Output{}, err
	}
	if r.TagsStripped && r.Language != Text { // nothing tells where text begins
		at := s.start.FindStringIndex(output)
		if at != nil && !strings.Contains(output[:at[0]], thinkEnd) {
			output = output[:at[0]] + thinkEnd + output[at[0]:]
		}
	}
	var o Output
	if o.Thought, o.Action, err = Parse(output); err != nil {
		return Output{}, err
	}
	if o.Calls, err = r.Language.Calls(o.Action, nil); err != nil {
		return Output{}, err
	}
	if len(o.Calls) > calls {
		return Output{}, fmt.Errorf("%w: %d instead of %d", TooManyCalls, len(o.Calls), calls)
	}
	return o, nil
}

// Write writes a thought and an action the way that Read takes them apart.
func Write(thought, action string) string {
	return thinkStart + "\n" + thought + "\n" + thinkEnd + "\n" + action
}

// outside says which violation text is that stands where none belongs: nil
// if it is only space.
func outside(text string) error {
	switch {
	case strings.TrimSpace(text) == "":
		return nil
	case strings.Contains(text, thinkStart), strings.Contains(text, thinkEnd):
		return ThinkTags
	}
	return fmt.Errorf("%w: %s", Prose, excerpt(text))
}

// excerpt quotes the beginning of text for an error.
func excerpt(text string) string {
	const most = 40
	text = strings.TrimSpace(text)
	if points := []rune(text); len(points) > most {
		text = string(points[:most]) + "…"
	}
	return fmt.Sprintf("%q", text)
}
