// Package feed writes training data in the form that one trainer reads.
//
// There are three stages of training, and each has rows of its own:
//
//	srl    a step example: a prompt, and the expert's action that answers are compared with
//	sft    a conversation: a whole trajectory, of which the assistant's messages are learned
//	rlvr   a task: the issue, and what finds its tests, for rewards from outcomes
//
// and each trainer has its own names for the parts of a row, its own file formats
// and its own traps. A [Feed] is one stage in one trainer's form; [All] lists
// them. What every row of srl carries is a label (see srl.Label), the one text
// that the trainer's reward hook has to get back.
//
// All rows of a file have the same members with the same types, since loaders of
// data sets build a table of them; what is open-ended is JSON inside a string.
//
// A feed is verified when the code that loads it in production has loaded it: the
// trainer's own, not ours. TestTrainersReadTheirFeeds does that for those that say
// so in [Feed.Reader]; the others are written from the trainer's documentation and
// say that they are unverified.
package feed

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/apprentice-rl/apprentice/srl"
)

// A Stage is a way of training, which wants rows of its own kind.
type Stage string

// The stages.
const (
	SFT  Stage = "sft"
	SRL  Stage = "srl"
	RLVR Stage = "rlvr"
)

// An Encoding is a file format.
type Encoding string

// The encodings. Rows of JSONL stand on a line each.
const (
	JSONL   Encoding = "jsonl"
	Parquet Encoding = "parquet"
)

// A Feed is the form in which one trainer reads the rows of one stage.
type Feed struct {
	Trainer string
	Stage   Stage
	// Encodings are those that the trainer reads, the one to choose first.
	Encodings []Encoding
	// Reader names the trainer's own code that has read this feed in the tests,
	// with the version. Empty says that none has: the feed is unverified.
	Reader string
	// Usage says how the trainer is pointed at a folder with this feed: settings
	// and command lines, as Markdown. FOLDER, TRAIN and TEST stand for the names,
	// and LOADER for that of the encoding.
	Usage string

	write writer
}

// Verified reports whether the trainer's own code has read this feed.
func (f Feed) Verified() bool { return f.Reader != "" }

// A Source is what rows are made of. Of the three, a feed reads the one of its
// stage.
type Source struct {
	Examples      iter.Seq2[srl.Example, error]
	Conversations iter.Seq2[Conversation, error]
	Tasks         iter.Seq2[Task, error]
}

// ErrNoFeed is what errors about feeds that do not exist match.
var ErrNoFeed = errors.New("there is no such feed")

// Find returns the feed of a trainer and a stage.
func Find(trainer string, stage Stage) (Feed, error) {
	var stages []Stage
	for _, f := range All() {
		if f.Trainer == trainer && f.Stage == stage {
			return f, nil
		}
		if f.Trainer == trainer {
			stages = append(stages, f.Stage)
		}
	}
	if stages != nil {
		return Feed{}, fmt.Errorf("%w: %s has no rows for %s, only for %v", ErrNoFeed, trainer, stage, stages)
	}
	return Feed{}, fmt.Errorf("%w: no trainer is called %s; use one of %v", ErrNoFeed, trainer, Trainers())
}

// Trainers are the names of the trainers, in the order of All.
func Trainers() []string {
	var names []string
	for _, f := range All() {
		if !slices.Contains(names, f.Trainer) {
			names = append(names, f.Trainer)
		}
	}
	return names
}
