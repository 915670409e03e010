package feed_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/srl"
	"github.com/apprentice-rl/apprentice/srl/feed"
	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/srl/reward"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

func example() srl.Example {
	return srl.Example{
		SchemaVersion: 1, ID: "a.1#1", Task: "a", Trajectory: "a.1", Step: 1, Steps: 2,
		Messages: []srl.Message{{Role: "system", Content: "é"}, {Role: "user", Content: "Fix <b> & \u2028go.\x00"}},
		Action:   "<function=submit>\n</function>",
		Calls:    []srl.Call{{Tool: "submit", Arguments: json.RawMessage("{}")}},
		Reward:   reward.Bare(format.XML),
	}
}

func only[T any](values ...T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range values {
			if !yield(v, nil) {
				return
			}
		}
	}
}

// episode is a trajectory in which the policy answered twice.
func episode(end bool, change func(*trajectories.Trajectory)) formats.Source {
	t := &trajectories.Trajectory{
		Header: trajectories.Header{ID: "a.1", Task: trajectories.Task{ID: "a"}, System: "Be good.", Prompt: "Fix it."},
		Turns: []trajectories.Turn{
			{N: 1, Message: "I look.", Actions: []env.Action{{ID: "1", Tool: "bash", Arguments: json.RawMessage(`{"command":"ls"}`)}}},
			{N: 2, Message: "Done.", Actions: []env.Action{{ID: "2", Tool: "submit"}}},
		},
		Observations: []trajectories.Observation{{Turn: 1, Observation: env.Observation{Action: "1", Text: "x"}}},
	}
	if end {
		t.End = &trajectories.End{Status: trajectories.ExitSubmitted}
	}
	if change != nil {
		change(t)
	}
	return formats.Of(t)
}

func conversation(t *testing.T, from formats.Source) feed.Conversation {
	t.Helper()
	c, err := feed.Converse(from)
	require.NoError(t, err)
	return c
}

func source(t *testing.T) feed.Source {
	task := env.Task{ID: "a", Repo: "r/a", BaseCommit: "c", ProblemStatement: "It is broken.", Patch: "THE FIX", TestPatch: "THE TESTS"}
	return feed.Source{
		Examples:      only(example()),
		Conversations: only(conversation(t, episode(true, nil))),
		Tasks:         feed.Tasks("suite", []env.Task{task}, env.DefaultTools()),
	}
}

// In either encoding a row is the same.
func TestParquetHasTheRowsOfJSONL(t *testing.T) {
	for _, f := range feed.All() {
		if !f.Reads(feed.Parquet) || !f.Reads(feed.JSONL) {
			continue
		}
		t.Run(f.Trainer+" "+string(f.Stage), func(t *testing.T) {
			var lines, table bytes.Buffer
			for encoding, w := range map[feed.Encoding]io.Writer{feed.JSONL: &lines, feed.Parquet: &table} {
				done, err := f.Write(w, encoding, "train", source(t))
				require.NoError(t, err)
				require.Equal(t, feed.Written{Rows: 1, LeftOut: map[string]int{}}, done)
			}
			rows, err := parquet.Read[any](bytes.NewReader(table.Bytes()), int64(table.Len()))
			require.NoError(t, err)
			require.Len(t, rows, 1)
			row, err := json.Marshal(rows[0])
			require.NoError(t, err)
			require.JSONEq(t, lines.String(), string(row))
		})
	}
}

func TestEveryRowOfSRLHasTheLabel(t *testing.T) {
	text, err := example().Label().Text()
	require.NoError(t, err)
	quoted, err := json.Marshal(text)
	require.NoError(t, err)
	unescaped := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(quoted))
	for _, f := range feed.All() {
		if f.Stage == feed.SRL && f.Reads(feed.JSONL) {
			var b strings.Builder
			_, err := f.Write(&b, feed.JSONL, "train", source(t))
			require.NoError(t, err)
			require.Contains(t, b.String(), unescaped, f.Trainer)
		}
	}
}

func TestNoRowOfATaskHasItsSolution(t *testing.T) {
	n := 0
	for _, f := range feed.All() {
		if f.Stage == feed.RLVR && f.Reads(feed.JSONL) {
			var b strings.Builder
			_, err := f.Write(&b, feed.JSONL, "train", source(t))
			require.NoError(t, err)
			require.Contains(t, b.String(), "It is broken.", f.Trainer)
			require.NotContains(t, b.String(), "THE ", f.Trainer)
			n++
		}
	}
	require.NotZero(t, n)
}

func TestWhatATrainerCannotTakeIsLeftOut(t *testing.T) {
	second := func(t *trajectories.Trajectory) { t.Turns[1].Copied = true }
	for name, test := range map[string]struct {
		trainer string
		from    formats.Source
		row     string // part of the row, or
		why     string // why there is none
	}{
		"all is learned":          {"trl", episode(true, nil), `"content":"Done.\n\n<function=submit>`, ""},
		"no end":                  {"trl", episode(false, nil), "", "it is unfinished"},
		"no end, marks":           {"axolotl", episode(false, nil), "", "it is unfinished"},
		"no mark for a copy":      {"verl", episode(true, second), "", "it has an answer that is not to be learned, and this trainer learns from all"},
		"a mark for a copy":       {"axolotl", episode(true, second), `"content":"I look.\n\n<function=bash>\n<parameter=command>ls</parameter>\n</function>","train":true}],`, ""},
		"a place for a picture":   {"messages", episode(true, func(t *trajectories.Trajectory) { t.Observations[0].Text = "an <image>" }), "", "it says <image>, which this trainer takes for a place of one"},
		"no place for it":         {"trl", episode(true, func(t *trajectories.Trajectory) { t.Observations[0].Text = "an <image>" }), "an <image>", ""},
		"nobody asked":            {"openrlhf", episode(true, func(t *trajectories.Trajectory) { t.Header.System, t.Header.Prompt = "", "" }), "", "it begins with an answer, and this trainer needs a question first"},
		"nothing was said at all": {"trl", episode(true, func(t *trajectories.Trajectory) { t.Turns, t.Observations = nil, nil }), "", "there is nothing in it to learn"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := feed.Find(test.trainer, feed.SFT)
			require.NoError(t, err)
			encoding := f.Encodings[0]
			if encoding == feed.Parquet { // of which no part can be read here
				require.NotEmpty(t, test.why)
			}
			var b strings.Builder
			done, err := f.Write(&b, encoding, "train", feed.Source{Conversations: only(conversation(t, test.from))})
			require.NoError(t, err)
			if test.why != "" {
				require.Equal(t, feed.Written{LeftOut: map[string]int{test.why: 1}}, done)
				return
			}
			require.Equal(t, 1, done.Rows)
			require.Contains(t, b.String(), test.row)
		})
	}
}

func TestAnErrorEndsAFeed(t *testing.T) {
	broken := errors.New("broken")
	f, err := feed.Find("trl", feed.SRL)
	require.NoError(t, err)
	for name, test := range map[string]struct {
		to   io.Writer
		from iter.Seq2[srl.Example, error]
	}{
		"reading": {io.Discard, func(yield func(srl.Example, error) bool) { yield(srl.Example{}, broken) }},
		"writing": {full{broken}, only(example())},
	} {
		for _, encoding := range f.Encodings {
			_, err := f.Write(test.to, encoding, "train", feed.Source{Examples: test.from})
			require.ErrorIs(t, err, broken, "%s %s", name, encoding)
		}
	}
}

// full is a writer that takes nothing.
type full struct{ err error }

func (f full) Write([]byte) (int, error) { return 0, f.err }

func TestFeedsThatDoNotExist(t *testing.T) {
	_, err := feed.Find("axolotl", feed.SRL)
	require.ErrorIs(t, err, feed.ErrNoFeed)
	require.ErrorContains(t, err, "axolotl has no rows for srl, only for [sft]")
	_, err = feed.Find("nobody", feed.SRL)
	require.ErrorIs(t, err, feed.ErrNoFeed)
	require.ErrorContains(t, err, "[trl verl openrlhf messages axolotl hf nemo-gym slime]")
}

// The guide says the same of each feed as the program.
func TestTheGuideListsTheFeeds(t *testing.T) {
	guide, err := os.ReadFile("../../docs/feeds.md")
	require.NoError(t, err)
	var rows []string
	for _, f := range feed.All() {
		var encodings []string
		for _, e := range f.Encodings {
			encodings = append(encodings, string(e))
		}
		rows = append(rows, "| `"+f.Trainer+"` | "+string(f.Stage)+" | "+strings.Join(encodings, ", ")+" | "+cmp.Or(f.Reader, "**unverified**")+" |")
	}
	require.Contains(t, string(guide), "|---|---|---|---|\n"+strings.Join(rows, "\n")+"\n\n")
}

// The versions that feeds name are those that are installed.
func TestReadersHaveTheVersionsThatAreInstalled(t *testing.T) {
	installed, err := os.ReadFile("loaders/requirements.txt")
	require.NoError(t, err)
	trainers, err := os.ReadFile("loaders/trainers.txt")
	require.NoError(t, err)
	lists := string(installed) + string(trainers)
	version := regexp.MustCompile(`([a-z-]+)(?:\.load_dataset)? (\d+\.\d+\.\d+)`)
	for _, f := range feed.All() {
		if !f.Verified() {
			continue
		}
		named := version.FindStringSubmatch(f.Reader)
		require.NotNil(t, named, f.Reader)
		require.Contains(t, lists, "\n"+named[1]+"=="+named[2]+"\n", f.Reader)
	}
}
