package format

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/apprentice-rl/apprentice/env"
)

// A Language is a way to write actions as text.
type Language string

const (
	// XML is SWE-smith's: a value that is a string stands as it is, every
	// other as JSON. The values of old_str, new_str and file_text stand on
	// lines of their own, and so do values that begin or end with a line feed.
	XML Language = "xml"
	// JSON is one object a call, {"name": …, "arguments": {…}}, compact, with
	// the arguments in the order in which the policy wrote them. Like chat
	// templates, and unlike the wire form of the OpenAI API, it does not put
	// the arguments into a string; Calls reads that form too.
	JSON Language = "json"
	// Bash is a fenced block of the command, for the bash tool. A call of
	// another tool is written as a command line with its arguments as options,
	// quoted for a shell; read back, it is a command of the bash tool.
	Bash Language = "bash"
	// Text is no language of calls: the action is all that follows the thought,
	// as in mathematics, where a step is a paragraph. It is read as one call of
	// [TextTool], whose only argument is the text.
	Text Language = "text"
)

// TextTool is the tool of actions that are text.
const TextTool = "text"

// TextAction returns a text as an action, which Text writes as it is.
func TextAction(text string) env.Action {
	return env.Action{Tool: TextTool, Arguments: object([]argument{{TextTool, quote(text)}})}
}

// Languages are the languages, that of text last.
func Languages() []Language { return []Language{XML, JSON, Bash, Text} }

// ErrCannotHold says that a language has no way to write an action: xml has no
// escapes, so that a value cannot contain </parameter>, and a fenced block
// cannot contain a line that begins with a fence. None of them has a way to write
// arguments that are no JSON object, or have a member twice.
var ErrCannotHold = errors.New("the action language cannot hold the action")

// A syntax is what a language does.
type syntax struct {
	// start matches the beginning of a call.
	start *regexp.Regexp
	// write writes one call.
	write func(tool string, args []argument) (string, error)
	// read reads one call, at the beginning of text, and returns the rest.
	read func(text string) (call, string, error)
	// manual tells a model how to write a call.
	manual string
}

// A call is a tool call as it was read.
type call struct {
	tool string
	args []argument
	// untyped says that the language does not tell strings from other values,
	// so that all values are strings.
	untyped bool
}

func (l Language) syntax() (syntax, error) {
	switch l {
	case XML:
		return syntax{start: xmlStart, write: writeXML, read: readXML, manual: xmlManual}, nil
	case JSON:
		return syntax{start: jsonStart, write: writeJSON, read: readJSON, manual: jsonManual}, nil
	case Bash:
		return syntax{start: bashStart, write: writeBash, read: readBash, manual: bashManual}, nil
	case Text:
		return syntax{start: textStart, write: writeText, read: readText}, nil
	}
	return syntax{}, fmt.Errorf("unknown action language %q: use xml, json, bash or text", string(l))
}

// Manual tells a model how to write a tool call in the language.
func (l Language) Manual() (string, error) {
	s, err := l.syntax()
	return s.manual, err
}

// Render writes the actions of a step. The error matches ErrCannotHold if the
// language has no way to write one of them.
func (l Language) Render(actions ...env.Action) (string, error) {
	s, err := l.syntax()
	if err != nil {
		return "", err
	}
	texts := make([]string, len(actions))
	for i, a := range actions {
		args, err := arguments(a.Arguments)
		if err != nil {
			return "", fmt.Errorf("%w: arguments of %s: %w", ErrCannotHold, a.Tool, err)
		}
		if texts[i], err = s.write(a.Tool, args); err != nil {
			return "", fmt.Errorf("call of %s: %w", a.Tool, err)
		}
	}
	return strings.Join(texts, "\n"), nil
}

// Calls reads the actions of a step: at least one call, and nothing but space
// around them. The actions have no IDs.
//
// Text in xml does not tell the string "1" from the number 1. The tools'
// schemas decide: the value of a parameter whose type is not string is read as
// JSON, and is a BadCall if it is none. Values of all other parameters, and
// all values if tools is nil, are strings. Bytes that are not UTF-8 are read as
// U+FFFD.
//
// The error matches a [Violation], except for an unknown language.
func (l Language) Calls(action string, tools []env.Tool) ([]env.Action, error) {
	s, err := l.syntax()
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(action) == "" {
		return nil, NoAction
	}
	action = strings.ToValidUTF8(action, "\uFFFD") // JSON holds nothing else
	var actions []env.Action
	var prose error // the first text outside; a broken call is the graver error
	for rest := action; ; {
		at := s.start.FindStringIndex(rest)
		if at == nil {
			prose = first(prose, outside(rest))
			break
		}
		prose = first(prose, outside(rest[:at[0]]))
		var c call
		if c, rest, err = s.read(rest[at[0]:]); err != nil {
			return nil, err
		}
		a, err := c.action(tools)
		if err != nil {
			return nil, err
		}
		actions = append(actions, a)
	}
	switch {
	case len(actions) == 0 && errors.Is(prose, Prose):
		return nil, NoCall
	case prose != nil:
		return nil, prose
	}
	return actions, nil
}

func first(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// action returns the call as an action, with values of the types that the
// tool's schema asks for.
func (c call) action(tools []env.Tool) (env.Action, error) {
	types := map[string]bool{}
	if c.untyped {
		types = notStrings(c.tool, tools)
	}
	seen := map[string]bool{}
	for i, arg := range c.args {
		if seen[arg.name] {
			return env.Action{}, fmt.Errorf("%w: parameter %q comes twice", BadCall, arg.name)
		}
		seen[arg.name] = true
		if !types[arg.name] {
			continue
		}
		value := []byte(arg.text())
		if !json.Valid(value) {
			return env.Action{}, fmt.Errorf("%w: the value of parameter %q is not JSON", BadCall, arg.name)
		}
		c.args[i].value = value
	}
	return env.Action{Tool: c.tool, Arguments: object(c.args)}, nil
}

// notStrings returns the parameters of a tool whose type is known not to be
// string.
func notStrings(name string, tools []env.Tool) map[string]bool {
	others := map[string]bool{}
	for _, tool := range tools {
		if tool.Name != name {
			continue
		}
		var schema struct {
			Properties map[string]struct {
				Type string `json:"type"`
			} `json:"properties"`
		}
		if json.Unmarshal(tool.Parameters, &schema) != nil {
			return others // a schema with types that are lists, say
		}
		for parameter, s := range schema.Properties {
			others[parameter] = s.Type != "" && s.Type != "string"
		}
	}
	return others
}

// Bare returns what the calls say without the wrapper of any language: the
// name of the tool and the values of its arguments, in their order, a line
// each, strings as they are and other values as JSON. The error matches
// ErrCannotHold.
func Bare(calls []env.Action) (string, error) {
	var b strings.Builder
	for i, c := range calls {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(c.Tool)
		if err := writeValues(&b, c.Arguments); err != nil {
			return "", fmt.Errorf("%w: arguments of %s: %w", ErrCannotHold, c.Tool, err)
		}
	}
	return b.String(), nil
}
