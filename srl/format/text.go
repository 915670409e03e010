package format

import (
	"fmt"
	"regexp"
)

// textStart matches where any text begins.
var textStart = regexp.MustCompile(`\S`)

func writeText(tool string, args []argument) (string, error) {
	if tool != TextTool || len(args) != 1 || args[0].name != TextTool {
		return "", fmt.Errorf("%w: text is no call of %s", ErrCannotHold, tool)
	}
	return args[0].text(), nil
}

func readText(text string) (call, string, error) {
	return call{tool: TextTool, args: []argument{{TextTool, quote(text)}}}, "", nil
}
