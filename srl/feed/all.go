package feed

import (
	"iter"
	"path"
	"slices"

	"github.com/apprentice-rl/apprentice/srl"
)

// What has read the feeds in the tests. The versions are those of
// loaders/requirements.txt and loaders/trainers.txt.
const (
	readByTRL      = "datasets.load_dataset and the data preparation of trl 1.16.0"
	readByVerlRL   = "verl 0.9.1's RLHFDataset"
	readByVerlSFT  = "verl 0.9.1's MultiTurnSFTDataset"
	readByOpenRLHF = "openrlhf 0.11.2's blending_datasets and PromptDataset"
	readByOpenSFT  = "openrlhf 0.11.2's blending_datasets and SFTDataset"
	readByLlama    = "llamafactory 0.9.5's get_dataset"
	readByAxolotl  = "axolotl 0.19.0's chat_template strategy"
	readByDatasets = "datasets.load_dataset 4.8.4"
	readByNemo     = "nemo-gym 0.4.0's compute_sample_metrics and its server swe_pivot"
	readByNemoGym  = "nemo-gym 0.4.0's compute_sample_metrics"
)

// All lists the feeds, by trainer.
func All() []Feed {
	both := []Encoding{JSONL, Parquet}
	return []Feed{
		{"trl", SRL, both, readByTRL, trlSRL, rows(examples, plain)},
		{"trl", SFT, both, readByTRL, trlSFT, rows(conversations, chat)},
		{"trl", RLVR, both, readByTRL, trlRLVR, rows(tasks, plainTaskOf)},
		{"verl", SRL, []Encoding{Parquet, JSONL}, readByVerlRL, verlSRL, rows(examples, verl)},
		{"verl", SFT, []Encoding{Parquet}, readByVerlSFT, verlSFT, rows(conversations, chat)},
		{"verl", RLVR, []Encoding{Parquet, JSONL}, readByVerlRL, verlRLVR, rows(tasks, verlTaskOf)},
		{"openrlhf", SRL, both, readByOpenRLHF, openRLHFSRL, rows(examples, withoutPlaces(promptOf, openRLHF, "<image>"))},
		{"openrlhf", SFT, both, readByOpenSFT, openRLHFSFT, rows(conversations, chat)},
		{"openrlhf", RLVR, both, readByOpenRLHF, openRLHFRLVR, rows(tasks, withoutPlaces(taskPromptOf, openRLHFTaskOf, "<image>"))},
		{"messages", SFT, []Encoding{JSONL, Parquet}, readByLlama, llama, rows(conversations, withoutPlaces(saidIn, chat, "<image>", "<video>", "<audio>"))},
		{"axolotl", SFT, both, readByAxolotl, axolotl, rows(conversations, marked)},
		{"hf", SRL, []Encoding{Parquet, JSONL}, readByDatasets, hf, rows(examples, plain)},
		{"hf", SFT, []Encoding{Parquet, JSONL}, readByDatasets, hf, rows(conversations, marked)},
		{"hf", RLVR, []Encoding{Parquet, JSONL}, readByDatasets, hf, rows(tasks, plainTaskOf)},
		{"nemo-gym", SRL, []Encoding{JSONL}, readByNemo, nemoSRL, rows(examples, nemo)},
		{"nemo-gym", RLVR, []Encoding{JSONL}, readByNemoGym, nemoRLVR, rows(tasks, nemoTaskOf)},
		{"slime", SRL, []Encoding{JSONL}, "", slimeSRL, rows(examples, slime)},
		{"slime", RLVR, []Encoding{JSONL}, "", slimeRLVR, rows(tasks, slimeTaskOf)},
	}
}

// File is the name of a part's file in the folder of a feed, "train" or "test".
// That of hf is the one by which a hub finds the splits of a data set.
func (f Feed) File(part string, e Encoding) string {
	if f.Trainer == "hf" {
		return path.Join("data", part+"-00000-of-00001."+string(e))
	}
	return part + "." + string(e)
}

// Reads reports whether the trainer reads an encoding.
func (f Feed) Reads(e Encoding) bool { return slices.Contains(f.Encodings, e) }

func promptOf(e srl.Example) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, m := range e.Messages {
			if !yield(m.Content) {
				return
			}
		}
	}
}

func taskPromptOf(t Task) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, m := range t.Messages {
			if !yield(m.Content) {
				return
			}
		}
	}
}

func saidIn(c Conversation) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, m := range c.Messages {
			if !yield(m.Content) {
				return
			}
		}
	}
}
