package feed

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/sft"
)

// A Conversation is a trajectory as a chat, with its calls in the text.
type Conversation struct {
	ID       string `json:"id"`
	Task     string `json:"task"`
	Repo     string `json:"repo"`
	Model    string `json:"model"`
	Messages []struct {
		Role    string `json:"role"`
		Content string `json:"content"`
		Train   bool   `json:"train"`
	} `json:"messages"`
	// Finished says that the trajectory has its end.
	Finished bool `json:"-"`
}

// Converse returns a trajectory as a conversation.
func Converse(t formats.Source) (Conversation, error) {
	var row bytes.Buffer
	watched := &watched{Source: t}
	if err := sft.XML().Export(watched, &row); err != nil {
		return Conversation{}, err
	}
	c := Conversation{}
	if err := json.Unmarshal(row.Bytes(), &c); err != nil {
		return Conversation{}, fmt.Errorf("reading back what was written: %w", err)
	}
	c.Finished = watched.ended
	return c, nil
}

// watched notices the end of a trajectory.
type watched struct {
	formats.Source
	ended bool
}

func (w *watched) Events() iter.Seq2[trajectories.Event, error] {
	return func(yield func(trajectories.Event, error) bool) {
		for e, err := range w.Source.Events() {
			w.ended = w.ended || e.End != nil
			if !yield(e, err) {
				return
			}
		}
	}
}

func conversations(s Source) iter.Seq2[Conversation, error] { return s.Conversations }

// A chatRow is a conversation to be imitated.
type chatRow struct {
	Messages   []message `json:"messages" parquet:"messages,list"`
	Trajectory string    `json:"trajectory_id" parquet:"trajectory_id"`
	Task       string    `json:"task_id" parquet:"task_id"`
}

// chat makes a row for trainers that learn from all of an assistant's messages.
func chat(c Conversation, _ int, _ string) (chatRow, error) {
	row := chatRow{Trajectory: c.ID, Task: c.Task}
	learned := false
	for _, m := range c.Messages {
		if m.Role == "assistant" && !m.Train {
			return row, leftOut("it has an answer that is not to be learned, and this trainer learns from all")
		}
		learned = learned || m.Train
		row.Messages = turn(row.Messages, message{m.Role, m.Content})
	}
	switch last := len(row.Messages) - 1; {
	case !c.Finished:
		return row, leftOut(unfinished)
	case !learned:
		return row, leftOut(nothing)
	case row.Messages[0].Role == "assistant":
		return row, leftOut("it begins with an answer, and this trainer needs a question first")
	case row.Messages[last].Role != "assistant":
		row.Messages = row.Messages[:last] // nobody answers it
	}
	return row, nil
}

const (
	unfinished = "it is unfinished"
	nothing    = "there is nothing in it to learn"
)

// turn adds a message. Templates of chats want roles to alternate, and
// LLaMA-Factory empties a row whose roles do not, so what one side says in several
// messages is one.
func turn(to []message, m message) []message {
	if last := len(to) - 1; last >= 0 && to[last].Role == m.Role {
		to[last].Content = strings.Trim(to[last].Content+"\n\n"+m.Content, "\n")
		return to
	}
	return append(to, m)
}

// A markedRow is a conversation with a mark on each message that says whether it
// is learned from.
type markedRow struct {
	Messages   []markedMessage `json:"messages" parquet:"messages,list"`
	Trajectory string          `json:"trajectory_id" parquet:"trajectory_id"`
	Task       string          `json:"task_id" parquet:"task_id"`
}

type markedMessage struct {
	message
	Train bool `json:"train" parquet:"train"`
}

func marked(c Conversation, _ int, _ string) (markedRow, error) {
	row := markedRow{Trajectory: c.ID, Task: c.Task}
	if !c.Finished {
		return row, leftOut(unfinished)
	}
	learned := 0
	for i, m := range c.Messages {
		if m.Train {
			learned = i + 1
		}
		row.Messages = append(row.Messages, markedMessage{message{m.Role, m.Content}, m.Train})
	}
	if row.Messages = row.Messages[:learned]; learned == 0 { // nothing follows what is learned last
		return row, leftOut(nothing)
	}
	return row, nil
}

// withoutPlaces leaves out rows with a text that a trainer takes for the place of a
// picture, a video or a sound, wherever it stands: it would cut the row there, or
// refuse it.
func withoutPlaces[In, Row any](texts func(In) iter.Seq[string], rowOf func(In, int, string) (Row, error), places ...string) func(In, int, string) (Row, error) {
	return func(in In, n int, part string) (Row, error) {
		for text := range texts(in) {
			for _, place := range places {
				if strings.Contains(text, place) {
					var none Row
					return none, leftOut("it says " + place + ", which this trainer takes for a place of one")
				}
			}
		}
		return rowOf(in, n, part)
	}
}
