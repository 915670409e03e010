// Package sft writes rows for supervised fine-tuning: a conversation per
// trajectory, on one line, with a mark on each message that says whether it is
// to be learned from.
//
//	{"id": …, "task": …, "repo": …, "model": …, "tools": […],
//	 "messages": [{"role": "assistant", "content": …, "reasoning_content": …, "tool_calls": […], "train": true}, …],
//	 "status": …}
//
// A message has "train": true where it is a turn that a model may learn from,
// as [trajectories.Turn.Trainable] says. Prompts, answers of tools and turns that
// were copied, that no model made, or whose call could not be read, are context:
// false. Trainers that know such a mark have to be told of it (axolotl:
// message_field_training: train; ms-swift calls it loss); one that learns from
// all of an assistant's messages needs rows without turns that are false.
//
// There are two forms. "sft" has calls beside the text, as the chat completions
// API has them: arguments are a string that holds JSON. A loader of data sets
// gives all objects of a column the same members, and would fill the arguments
// of each tool with those of all others; a string it leaves alone, and axolotl
// decodes it. Content is a string in all messages, "" where nothing was said,
// and a call whose arguments are no JSON object has {}, since decoders stop at
// anything else. The thinking of the policy is reasoning_content, the name that
// chat templates know. "sft-xml" has calls in the text, as SWE-smith trains with
// them, and needs no template that knows tools; it has no tools and no thinking.
//
// A row is made for training, and is no record of an episode: times, costs, exit
// codes and the like are not in it, and Lossy does not list them. It lists what
// a model would learn from or should see, and does not: messages that are left
// out because the policy was not shown them, turns that saw other messages than
// those before them, texts that were lost.
package sft

import (
	"io"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/chat"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
	"github.com/apprentice-rl/apprentice/trajectories/formats/swesmith"
)

// The names of the two formats.
const (
	Name    = "sft"
	NameXML = "sft-xml"
)

// Format returns the form with calls beside the text.
func Format() formats.Format {
	return formats.Format{Name: Name, Export: export, Lossy: lossy}
}

// XML returns the form with calls in the text.
func XML() formats.Format {
	return formats.Format{Name: NameXML, Export: exportXML, Lossy: lossyXML}
}

func export(t formats.Source, w io.Writer) error {
	return chat.WriteRow(w, t, chat.Form{
		Head: func(h *trajectories.Header) *members.List {
			row := head(h)
			row.Add("tools", chat.Definitions(h.Tools))
			return row
		},
		Tail: tail,
		Talk: func(h *trajectories.Header, say func(*members.List)) chat.Talk {
			return &chat.Conversation{Header: h, Say: say, Plain: true, Mark: mark}
		},
	})
}

func exportXML(t formats.Source, w io.Writer) error {
	return chat.WriteRow(w, t, chat.Form{
		Head: head,
		Tail: tail,
		Talk: func(h *trajectories.Header, say func(*members.List)) chat.Talk {
			return &swesmith.Conversation{Header: h, Say: say, Mark: mark}
		},
	})
}

// mark says whether a message is to be learned from.
func mark(m *members.List, turn *trajectories.Turn) {
	m.Add("train", turn != nil && turn.Trainable())
}

// head makes what stands before the messages. All rows have the same members,
// since loaders of data sets want that.
func head(h *trajectories.Header) *members.List {
	var row members.List
	row.Add("id", h.ID)
	row.Add("task", h.Task.ID)
	row.Add("repo", h.Task.Repo)
	row.Add("model", h.Policy.Model)
	return &row
}

func tail(e *trajectories.End) *members.List {
	status := trajectories.ExitUnknown
	if e != nil {
		status = e.Status
	}
	var row members.List
	row.Add("status", status)
	return &row
}
