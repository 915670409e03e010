package format

import (
	"fmt"
	"regexp"
	"strings"
)

const (
	xmlFunction     = "<function="
	xmlFunctionEnd  = "</function>"
	xmlParameter    = "<parameter="
	xmlParameterEnd = "</parameter>"
)

var xmlStart = regexp.MustCompile(xmlFunction)

const xmlManual = `Write a call in this form, with nothing before or after it:

<function=NAME>
<parameter=FIRST_PARAMETER>value</parameter>
<parameter=SECOND_PARAMETER>
a value
of several lines
</parameter>
</function>

A value that is a string stands as it is, without quotes or escapes; any other value is JSON.`

// ownLines reports whether a value stands on lines of its own: where SWE-smith
// has it so, and where its own line feeds at the ends would be lost otherwise.
func ownLines(parameter, value string) bool {
	switch parameter {
	case "old_str", "new_str", "file_text":
		return true
	}
	return strings.HasPrefix(value, "\n") || strings.HasSuffix(value, "\n")
}

func writeXML(tool string, args []argument) (string, error) {
	if err := xmlName(tool); err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(xmlFunction + tool + ">\n")
	for _, arg := range args {
		if err := xmlName(arg.name); err != nil {
			return "", err
		}
		value := arg.text()
		if strings.Contains(value, xmlParameterEnd) {
			return "", fmt.Errorf("%w: xml has no way to write %s inside the value of %s", ErrCannotHold, xmlParameterEnd, arg.name)
		}
		if ownLines(arg.name, value) {
			value = "\n" + value + "\n"
		}
		b.WriteString(xmlParameter + arg.name + ">" + value + xmlParameterEnd + "\n")
	}
	b.WriteString(xmlFunctionEnd)
	return b.String(), nil
}

func xmlName(name string) error {
	if name == "" || strings.ContainsAny(name, "<>\n") {
		return fmt.Errorf("%w: xml has no way to write the name %q", ErrCannotHold, name)
	}
	return nil
}

// readXML reads a call parameter by parameter, so that </function> may stand
// in a value.
func readXML(text string) (call, string, error) {
	bad := func(why string) (call, string, error) {
		return call{}, "", fmt.Errorf("%w: %s", BadCall, why)
	}
	name, rest, found := strings.Cut(strings.TrimPrefix(text, xmlFunction), ">")
	if !found || xmlName(name) != nil {
		return bad("a function without a name")
	}
	c := call{tool: name, untyped: true}
	for {
		rest = strings.TrimLeft(rest, " \t\r\n")
		if after, found := strings.CutPrefix(rest, xmlFunctionEnd); found {
			return c, after, nil
		}
		after, found := strings.CutPrefix(rest, xmlParameter)
		if !found {
			return bad("neither a parameter nor " + xmlFunctionEnd)
		}
		name, after, found := strings.Cut(after, ">")
		if !found || xmlName(name) != nil {
			return bad("a parameter without a name")
		}
		value, after, found := strings.Cut(after, xmlParameterEnd)
		if !found {
			return bad("no " + xmlParameterEnd + " after " + name)
		}
		c.args = append(c.args, argument{name, quote(unwrap(value))})
		rest = after
	}
}

// unwrap takes off the line feeds of a value that stands on its own lines.
func unwrap(value string) string {
	if value == "\n" {
		return ""
	}
	if inner, found := strings.CutPrefix(value, "\n"); found {
		if inner, found := strings.CutSuffix(inner, "\n"); found {
			return inner
		}
	}
	return value
}
