package env

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A schema is the part of JSON schema that tools describe their arguments
// with.
type schema struct {
	Properties map[string]property `json:"properties"`
	Required   []string            `json:"required"`
}

type property struct {
	Type string   `json:"type"`
	Enum []string `json:"enum"`
}

// checkArguments says in words for a policy what is wrong with the arguments
// of a call, or returns them as a JSON object.
func checkArguments(tool Tool, arguments json.RawMessage) (object json.RawMessage, problem string) {
	var s schema
	if err := json.Unmarshal(tool.Parameters, &s); err != nil {
		s = schema{} // the tool checks by itself
	}
	object = arguments
	if trimmed := bytes.TrimSpace(arguments); len(trimmed) == 0 || string(trimmed) == "null" {
		object = json.RawMessage("{}")
	}
	var values map[string]json.RawMessage
	if err := json.Unmarshal(object, &values); err != nil {
		return nil, fmt.Sprintf("The arguments of %s must be one JSON object: %v.", tool.Name, err)
	}
	known := slices.Sorted(maps.Keys(s.Properties))
	for _, name := range s.Required {
		if v, ok := values[name]; !ok || string(v) == "null" {
			return nil, fmt.Sprintf("The tool %s needs the argument `%s`.", tool.Name, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		p, ok := s.Properties[name]
		if !ok && len(known) == 0 {
			return nil, fmt.Sprintf("The tool %s has no argument `%s`: it takes none.", tool.Name, name)
		}
		if !ok {
			return nil, fmt.Sprintf("The tool %s has no argument `%s`. Its arguments are: %s.", tool.Name, name, strings.Join(known, ", "))
		}
		if problem := p.check(values[name]); problem != "" {
			return nil, fmt.Sprintf("The argument `%s` of %s %s.", name, tool.Name, problem)
		}
	}
	return object, ""
}

// check says what is wrong with a value; null stands for no value.
func (p property) check(value json.RawMessage) string {
	if string(value) == "null" {
		return ""
	}
	var err error
	switch p.Type {
	case "string":
		var s string
		if err = json.Unmarshal(value, &s); err == nil && len(p.Enum) > 0 && !slices.Contains(p.Enum, s) {
			return fmt.Sprintf("is `%s`, but must be one of: %s", s, strings.Join(p.Enum, ", "))
		}
	case "integer":
		var n int
		err = json.Unmarshal(value, &n)
	case "boolean":
		var b bool
		err = json.Unmarshal(value, &b)
	case "array":
		var a []json.RawMessage
		err = json.Unmarshal(value, &a)
	}
	if err != nil {
		return fmt.Sprintf("must be of type %s, not `%.80s`", p.Type, value)
	}
	return ""
}

// A refusal says for a policy why a tool did not carry out a call. Inside this
// package it travels as an error; to the outside it is an observation.
type refusal struct{ text string }

func (r refusal) Error() string { return r.text }

func refuse(format string, args ...any) error {
	return refusal{fmt.Sprintf(format, args...)}
}

// tool makes the Run function of a tool from one that takes its arguments
// decoded and may return a refusal.
func tool[T any](run func(ctx context.Context, e *Environment, args T) (Observation, error)) func(context.Context, *Environment, json.RawMessage) (Observation, error) {
	return func(ctx context.Context, e *Environment, arguments json.RawMessage) (Observation, error) {
		var args T
		if err := json.Unmarshal(arguments, &args); err != nil {
			return Observation{Text: fmt.Sprintf("The arguments could not be read: %v.", err), Failed: true}, nil
		}
		o, err := run(ctx, e, args)
		var r refusal
		if errors.As(err, &r) {
			return Observation{Text: r.text, Failed: true}, nil
		}
		return o, err
	}
}
