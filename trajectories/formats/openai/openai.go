// Package openai is the language of the chat completions API as data sets write
// it, a conversation with tool calls per row:
//
//	{"messages": [{"role": "user", "content": …}, {"role": "assistant", "tool_calls": […]},
//	              {"role": "tool", "tool_call_id": …, "content": …}], "tools": […], …}
//
// A file holds rows (JSONL), a list of rows, one row, or one bare list of
// messages. The items of the Responses API (function_call,
// function_call_output, reasoning) are read too, under messages or input.
//
// An assistant's message is a turn; a message of the role tool answers the call
// whose id it names, wherever it stands. What a row holds beside its messages is
// kept in the header's origin.
//
// Export writes a row per trajectory, on one line. Turns that are not to be
// learned from, because they were copied or no model made them, have the weight
// 0, which the fine-tuning API of OpenAI knows.
package openai

import (
	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/chat"
)

// Name is the format's name.
const Name = "openai"

// Format returns the format.
func Format() formats.Format {
	return formats.Format{Name: Name, Detect: detect, Import: load, Export: export, Lossy: lossy}
}

// probed is how many messages are looked at for a call.
const probed = 20

// detect finds messages, and is sure of them once it sees a call or the answer
// to one: a bare conversation may be of a format that has its calls in the text.
func detect(n *document.Node) formats.Match {
	for row, err := range chat.Rows(n) {
		if err != nil {
			return formats.Match{}
		}
		return formats.Match{Confidence: confidence(row)}
	}
	return formats.Match{}
}

func confidence(row *document.Node) formats.Confidence {
	if row.Kind() != document.Array && chat.ListOf(row) == "" {
		return formats.No
	}
	messages, err := chat.Messages(row)
	if err != nil || messages.Kind() != document.Array {
		return formats.No
	}
	sure, seen := formats.No, 0
	for m, err := range messages.Elements() {
		if seen++; err != nil || seen > probed {
			break
		}
		role, kind, calls := formats.Word(m, "role"), formats.Word(m, "type"), formats.Member(m, "tool_calls")
		switch {
		case role == "tool", calls != nil && calls.Kind() == document.Array, kind == "function_call", kind == "function_call_output":
			return formats.Likely
		case role != "", kind == "reasoning":
			sure = formats.Possible
		default:
			return formats.No
		}
	}
	return sure
}
