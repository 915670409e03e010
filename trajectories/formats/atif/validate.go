package atif

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/trajectories/formats/loose"
)

// A Violation is a rule of the schema that a document breaks.
type Violation struct {
	Field string // a JSON pointer
	Text  string
}

func (v Violation) String() string { return fmt.Sprintf("%s: %s", v.Field, v.Text) }

// Validate checks a document against the schema of version 1.7 and the rules
// that Harbor's own validator adds. Whether the files are there that it points
// to, such as images, is not looked at.
func Validate(document []byte) []Violation {
	v := &validator{}
	if !jsontext.Value(document).IsValid() {
		v.say("", "it is no JSON")
		return v.list
	}
	v.trajectory("", document, false)
	return v.list
}

// check is Validate as one error: the first rule that is broken, and how many
// more are.
func check(document []byte) error {
	broken := Validate(document)
	switch len(broken) {
	case 0:
		return nil
	case 1:
		return errors.New(broken[0].String())
	}
	return fmt.Errorf("%v (and %d more)", broken[0], len(broken)-1)
}

type validator struct{ list []Violation }

func (v *validator) say(field, format string, args ...any) {
	v.list = append(v.list, Violation{field, fmt.Sprintf(format, args...)})
}

// A rule says what a member may be: one of the kinds of jsontext, by their
// letters.
type rule struct {
	name     string
	kinds    string
	required bool
}

// The objects of the schema. None of them may have other members.
func trajectoryRules() []rule {
	return []rule{{"schema_version", `"`, true}, {"session_id", `"`, false}, {"trajectory_id", `"`, false}, {"agent", `{`, true}, {"steps", `[`, true},
		{"notes", `"`, false}, {"final_metrics", `{`, false}, {"continued_trajectory_ref", `"`, false}, {"extra", `{`, false}, {"subagent_trajectories", `[`, false}}
}

func agentRules() []rule {
	return []rule{{"name", `"`, true}, {"version", `"`, true}, {"model_name", `"`, false}, {"tool_definitions", `[`, false}, {"extra", `{`, false}}
}

func stepRules() []rule {
	return []rule{{"step_id", `0`, true}, {"timestamp", `"`, false}, {"source", `"`, true}, {"message", `"[`, true}, {"model_name", `"`, false},
		{"reasoning_effort", `"0`, false}, {"reasoning_content", `"`, false}, {"tool_calls", `[`, false}, {"observation", `{`, false}, {"metrics", `{`, false},
		{"is_copied_context", `tf`, false}, {"llm_call_count", `0`, false}, {"extra", `{`, false}}
}

func callRules() []rule {
	return []rule{{"tool_call_id", `"`, true}, {"function_name", `"`, true}, {"arguments", `{`, true}, {"extra", `{`, false}}
}

func resultRules() []rule {
	return []rule{{"source_call_id", `"`, false}, {"content", `"[`, false}, {"subagent_trajectory_ref", `[`, false}, {"extra", `{`, false}}
}

func referenceRules() []rule {
	return []rule{{"trajectory_id", `"`, false}, {"trajectory_path", `"`, false}, {"session_id", `"`, false}, {"extra", `{`, false}}
}

func metricsRules() []rule {
	return []rule{{"prompt_tokens", `0`, false}, {"completion_tokens", `0`, false}, {"cached_tokens", `0`, false}, {"cost_usd", `0`, false},
		{"prompt_token_ids", `[`, false}, {"completion_token_ids", `[`, false}, {"logprobs", `[`, false}, {"extra", `{`, false}}
}

func finalRules() []rule {
	return []rule{{"total_prompt_tokens", `0`, false}, {"total_completion_tokens", `0`, false}, {"total_cached_tokens", `0`, false},
		{"total_cost_usd", `0`, false}, {"total_steps", `0`, false}, {"extra", `{`, false}}
}

// object checks the members of an object and returns those that are there and
// of a kind that they may be.
func (v *validator) object(field string, raw []byte, rules []rule) map[string]jsontext.Value {
	good := map[string]jsontext.Value{}
	var all map[string]jsontext.Value
	if err := json.Unmarshal(raw, &all); err != nil {
		v.say(field, "an object was to be here")
		return good
	}
	for _, r := range rules {
		value, ok := all[r.name]
		delete(all, r.name)
		switch {
		case !ok || value.Kind() == 'n':
			if r.required {
				v.say(field, "%s is missing", r.name)
			}
		case !strings.ContainsRune(r.kinds, rune(value.Kind())):
			v.say(field+"/"+r.name, "it may not be a JSON %s", value.Kind())
		default:
			good[r.name] = value
		}
	}
	for name := range all {
		v.say(field+"/"+name, "the schema has no such member")
	}
	return good
}

// elements returns the elements of a list that is good.
func elements(list jsontext.Value) []jsontext.Value {
	var all []jsontext.Value
	_ = json.Unmarshal(list, &all)
	return all
}

func text(value jsontext.Value) string {
	var s string
	_ = json.Unmarshal(value, &s)
	return s
}

func number(value jsontext.Value) int {
	var n loose.Number
	_ = json.Unmarshal(value, &n)
	return n.Int()
}

func (v *validator) trajectory(field string, raw []byte, embedded bool) {
	t := v.object(field, raw, trajectoryRules())
	if s, ok := t["schema_version"]; ok && text(s) != versionPrefix+version {
		v.say(field+"/schema_version", "it is %q, not %q", text(s), versionPrefix+version)
	}
	if embedded && text(t["trajectory_id"]) == "" {
		v.say(field, "an embedded trajectory needs a trajectory_id")
	}
	if a, ok := t["agent"]; ok {
		v.object(field+"/agent", a, agentRules())
	}
	steps := elements(t["steps"])
	if _, ok := t["steps"]; ok && len(steps) == 0 {
		v.say(field+"/steps", "there has to be a step")
	}
	for i, s := range steps {
		v.step(fmt.Sprintf("%s/steps/%d", field, i), s, i+1)
	}
	if m, ok := t["final_metrics"]; ok {
		final := v.object(field+"/final_metrics", m, finalRules())
		if total, ok := final["total_steps"]; ok && number(total) != len(steps) && text(t["notes"]) == "" {
			v.say(field+"/final_metrics/total_steps", "it is %s where there are %d steps, and no notes explain that", total, len(steps))
		}
	}
	ids := map[string]bool{}
	for i, sub := range elements(t["subagent_trajectories"]) {
		at := fmt.Sprintf("%s/subagent_trajectories/%d", field, i)
		v.trajectory(at, sub, true)
		if id := text(jsontext.Value(member(sub, "trajectory_id"))); id != "" && ids[id] {
			v.say(at+"/trajectory_id", "%q is used twice", id)
		} else {
			ids[id] = true
		}
	}
}

func (v *validator) step(field string, raw []byte, id int) {
	s := v.object(field, raw, stepRules())
	if n, ok := s["step_id"]; ok && string(bytes.TrimSpace(n)) != fmt.Sprint(id) {
		v.say(field+"/step_id", "it is %s where %d was to come", n, id)
	}
	if at, ok := s["timestamp"]; ok && loose.ParseTime(text(at)).IsZero() {
		v.say(field+"/timestamp", "%q is no time of ISO 8601", text(at))
	}
	if m, ok := s["message"]; ok {
		v.parts(field+"/message", m)
	}
	source, ok := s["source"]
	switch who := text(source); {
	case !ok, who == "agent":
	case who == "system", who == "user":
		for _, name := range []string{"model_name", "reasoning_effort", "reasoning_content", "tool_calls", "metrics"} {
			if _, ok := s[name]; ok {
				v.say(field+"/"+name, "only steps of the agent may have it")
			}
		}
	default:
		v.say(field+"/source", "%q is no source", who)
	}
	if n, ok := s["llm_call_count"]; ok {
		v.callCount(field, s, number(n))
	}
	ids := map[string]bool{}
	for i, c := range elements(s["tool_calls"]) {
		call := v.object(fmt.Sprintf("%s/tool_calls/%d", field, i), c, callRules())
		ids[text(call["tool_call_id"])] = true
	}
	if m, ok := s["metrics"]; ok {
		v.object(field+"/metrics", m, metricsRules())
	}
	if o, ok := s["observation"]; ok {
		v.observation(field+"/observation", o, ids)
	}
}

// callCount checks the rules for a step that no model made.
func (v *validator) callCount(field string, s map[string]jsontext.Value, n int) {
	if n < 0 {
		v.say(field+"/llm_call_count", "it is negative")
	}
	if n != 0 || text(s["source"]) != "agent" {
		return
	}
	for _, name := range []string{"metrics", "reasoning_content"} {
		if _, ok := s[name]; ok {
			v.say(field+"/"+name, "a step without a call of a model has none")
		}
	}
}

func (v *validator) observation(field string, raw []byte, calls map[string]bool) {
	o := v.object(field, raw, []rule{{"results", `[`, true}})
	for i, r := range elements(o["results"]) {
		at := fmt.Sprintf("%s/results/%d", field, i)
		result := v.object(at, r, resultRules())
		if id, ok := result["source_call_id"]; ok && !calls[text(id)] {
			v.say(at+"/source_call_id", "the step has no call %q", text(id))
		}
		if c, ok := result["content"]; ok {
			v.parts(at+"/content", c)
		}
		for k, ref := range elements(result["subagent_trajectory_ref"]) {
			at := fmt.Sprintf("%s/subagent_trajectory_ref/%d", at, k)
			if r := v.object(at, ref, referenceRules()); r["trajectory_id"] == nil && r["trajectory_path"] == nil {
				v.say(at, "it needs a trajectory_id or a trajectory_path")
			}
		}
	}
}

// parts checks a message or content that is a list of parts.
func (v *validator) parts(field string, value jsontext.Value) {
	if value.Kind() != '[' {
		return
	}
	for i, p := range elements(value) {
		at := fmt.Sprintf("%s/%d", field, i)
		part := v.object(at, p, []rule{{"type", `"`, true}, {"text", `"`, false}, {"source", `{`, false}})
		_, hasText := part["text"]
		source, hasSource := part["source"]
		switch kind := text(part["type"]); {
		case kind == "text" && (!hasText || hasSource), kind == "image" && (hasText || !hasSource):
			v.say(at, "a part of the type %q has to hold that and nothing else", kind)
		case kind != "text" && kind != "image" && kind != "":
			v.say(at+"/type", "%q is no type of parts", kind)
		}
		if hasSource {
			image := v.object(at+"/source", source, []rule{{"media_type", `"`, true}, {"path", `"`, true}})
			switch media := text(image["media_type"]); media {
			case "image/jpeg", "image/png", "image/gif", "image/webp", "":
			default:
				v.say(at+"/source/media_type", "%q is no type of images that is allowed", media)
			}
		}
	}
}
