package chat

import "strings"

// SplitThinking takes the reasoning off a text in which a model thought aloud,
// between <think> and </think> at its beginning. Where the first of the two is
// missing, as with models whose prompt ends with it, all before the second is
// reasoning.
func SplitThinking(text string) (reasoning, message string) {
	const begins, ends = "<think>", "</think>"
	before, after, found := strings.Cut(text, ends)
	if !found {
		return "", text
	}
	before = strings.TrimLeft(before, " \t\r\n")
	inner, tagged := strings.CutPrefix(before, begins)
	if !tagged && strings.Contains(before, begins) {
		return "", text // it stands in the middle: the text speaks of it
	}
	return strings.TrimSpace(inner), strings.TrimLeft(after, " \t\r\n")
}

// Problem is the task's own text in a prompt, where the prompt marks it as
// SWE-agent, OpenHands, mini-swe-agent or Terminus do; else the whole prompt.
func Problem(prompt string) string {
	for _, marks := range []struct{ begins, ends string }{
		{"<pr_description>", "</pr_description>"},
		{"<issue_description>", "</issue_description>"},
		{"Task Description:\n", "\n\nCurrent terminal state:"},
	} {
		_, rest, found := strings.Cut(prompt, marks.begins)
		if !found {
			continue
		}
		if i := strings.LastIndex(rest, marks.ends); i >= 0 {
			return strings.Trim(rest[:i], "\r\n")
		}
	}
	return prompt
}
