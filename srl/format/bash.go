package format

import (
	"fmt"
	"regexp"
	"strings"
)

const (
	fenceStart = "```bash\n"
	fenceEnd   = "\n```"
)

var bashStart = regexp.MustCompile(fenceStart)

const bashManual = "Write the call as one fenced block, with nothing before or after it:\n\n" +
	"```bash\ncommand\n```\n\n" +
	"A tool other than bash is called like a program, with its arguments as options: NAME --FIRST_PARAMETER 'value'."

func writeBash(tool string, args []argument) (string, error) {
	command := commandLine(tool, args)
	if tool == "bash" && len(args) == 1 && args[0].name == "command" {
		command = args[0].text()
	}
	if strings.Contains(command, fenceEnd) {
		return "", fmt.Errorf("%w: bash has no way to write a line that begins with ``` inside the block", ErrCannotHold)
	}
	return fenceStart + command + fenceEnd, nil
}

func readBash(text string) (call, string, error) {
	command, rest, found := strings.Cut(strings.TrimPrefix(text, fenceStart), fenceEnd)
	if !found {
		return call{}, "", fmt.Errorf("%w: a block that does not end", BadCall)
	}
	return call{tool: "bash", args: []argument{{"command", quote(command)}}}, rest, nil
}

// commandLine writes a call as a command for a shell.
func commandLine(tool string, args []argument) string {
	words := []string{shellQuote(tool)}
	for _, arg := range args {
		words = append(words, shellQuote("--"+arg.name), shellQuote(arg.text()))
	}
	return strings.Join(words, " ")
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// shellQuote writes a word so that a shell reads it as it is, by the rule of
// Python's shlex.quote.
func shellQuote(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
