package format

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

var jsonStart = regexp.MustCompile(`\{\s*"(?:name|arguments)"\s*:`)

const jsonManual = `Write a call as one JSON object in this form, with nothing before or after it:

{"name": "NAME", "arguments": {"FIRST_PARAMETER": "value", "SECOND_PARAMETER": 2}}`

func writeJSON(tool string, args []argument) (string, error) {
	return fmt.Sprintf(`{"name":%s,"arguments":%s}`, quote(tool), object(args)), nil
}

func readJSON(text string) (call, string, error) {
	d := json.NewDecoder(strings.NewReader(text))
	var object struct {
		Name      *string         `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	}
	if err := d.Decode(&object); err != nil {
		return call{}, "", fmt.Errorf("%w: %w", BadCall, err)
	}
	if object.Name == nil || *object.Name == "" {
		return call{}, "", fmt.Errorf("%w: an object without a name", BadCall)
	}
	raw := object.Arguments
	var inside string
	if json.Unmarshal(raw, &inside) == nil {
		raw = json.RawMessage(inside) // the wire form of the OpenAI API
	}
	args, err := arguments(raw)
	if err != nil {
		return call{}, "", fmt.Errorf("%w: arguments: %w", BadCall, err)
	}
	return call{tool: *object.Name, args: args}, text[d.InputOffset():], nil
}
