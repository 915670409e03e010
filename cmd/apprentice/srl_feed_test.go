package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
	"github.com/apprentice-rl/apprentice/srl"
	"github.com/apprentice-rl/apprentice/srl/feed"
)

// A loaded feed is what loaders.py says of one feed.
type loaded struct {
	Rows    int      `json:"rows"`
	Prompts []string `json:"prompts"`
	Labels  []string `json:"labels"`
	Learned []string `json:"learned"`
}

// TestTrainersReadTheirFeeds has each feed that says it is verified loaded by the
// code of the trainer that it names, and compares what came of the rows.
func TestTrainersReadTheirFeeds(t *testing.T) {
	python, logs, steps := trainersAndSteps(t)
	dir := filepath.Dir(logs)
	dependsOn(t, "../../srl/feed/loaders")
	var read func(*testing.T, feed.Feed, string) loaded
	trainer := ""
	for _, f := range feed.All() {
		if !f.Verified() {
			continue
		}
		if f.Trainer != trainer { // in a process of its own: some fork, and cannot where others have started threads
			trainer, read = f.Trainer, loaders(t, python)
		}
		for _, encoding := range f.Encodings {
			t.Run(strings.Join([]string{f.Trainer, string(f.Stage), string(encoding)}, " "), func(t *testing.T) {
				out := filepath.Join(dir, f.Trainer, string(f.Stage), string(encoding))
				args := []string{"srl", "feed", "--to", f.Trainer, "--stage", string(f.Stage), "--encoding", string(encoding), "--out", out}
				switch f.Stage {
				case feed.SRL:
					args = append(args, steps)
				case feed.SFT:
					args = append(args, logs)
				}
				require.Zero(t, command(t, args...))
				path := filepath.Join(out, f.File("train", encoding))
				if f.Trainer == "hf" || f.Trainer == "messages" {
					path = out // what they read is a folder; those of hf have one name, and the loader's cache knows folders by it
				}
				got := read(t, f, path)
				require.NotZero(t, got.Rows)
				switch f.Stage {
				case feed.SRL:
					sameExamples(t, got, steps)
				case feed.SFT:
					sameAnswers(t, f, got, logs)
				case feed.RLVR:
					require.Equal(t, 12, got.Rows)
					for _, label := range got.Labels {
						require.Contains(t, label, `"suite":"starter"`)
						require.NotContains(t, label, "diff --git")
					}
				}
			})
		}
	}
}

// trainersAndSteps returns the Python that has the trainers, and real trajectories
// with their step examples.
func trainersAndSteps(t *testing.T) (python, logs, steps string) {
	t.Helper()
	python, err := filepath.Abs("../../bin/trainers/bin/python")
	require.NoError(t, err)
	if _, err := os.Stat(python); err != nil {
		sandboxtest.Missing(t, "trainers", "`make trainers` installs them below bin/trainers, which takes 6 GB")
	}
	data := os.Getenv("APPRENTICE_TESTDATA")
	if data == "" {
		sandboxtest.Missing(t, "testdata", "APPRENTICE_TESTDATA names no folder with trajectories")
	}
	dir := t.TempDir()
	logs, steps = filepath.Join(dir, "logs"), filepath.Join(dir, "steps.jsonl")
	require.Zero(t, command(t, "traj", "import", filepath.Join(data, "trajectories", "swe-agent"), "--out", logs, "--keep-going"))
	small(t, logs, 10)
	require.Zero(t, command(t, "srl", "steps", logs, "--out", steps))
	return python, logs, steps
}

// trainersEnvironment keeps trainers off the network, and their caches in a folder
// of the test's.
func trainersEnvironment(t *testing.T) []string {
	home := t.TempDir()
	// LLaMA-Factory names the versions that it was made for, which are not those of the others.
	return append(os.Environ(), "DISABLE_VERSION_CHECK=1", "HF_HOME="+home, "HF_HUB_OFFLINE=1", "HF_DATASETS_CACHE="+home, "CUDA_VISIBLE_DEVICES=",
		"DO_NOT_TRACK=1", "AXOLOTL_DO_NOT_TRACK=1")
}

// small keeps the smallest logs of a folder: some trainers take a time for a
// conversation that is quadratic in it.
func small(t *testing.T, folder string, most int) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	size := map[string]int64{}
	var names []string
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(t, err)
		if size[e.Name()] = info.Size(); strings.HasSuffix(e.Name(), ".jsonl") && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(size[a], size[b]) })
	for _, name := range names[most:] {
		require.NoError(t, os.Remove(filepath.Join(folder, name)))
	}
}

// loaders starts loaders.py, and returns what asks it.
func loaders(t *testing.T, python string) func(t *testing.T, f feed.Feed, path string) loaded {
	cmd := exec.Command(python, "../../srl/feed/loaders/loaders.py")
	cmd.Env = trainersEnvironment(t)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	var said strings.Builder
	cmd.Stderr = &said
	require.NoError(t, cmd.Start())
	wait := sync.OnceValue(cmd.Wait)
	t.Cleanup(func() {
		require.NoError(t, in.Close())
		require.NoError(t, wait())
	})
	lines := bufio.NewReader(out)
	return func(t *testing.T, f feed.Feed, path string) (r loaded) {
		t.Helper()
		require.NoError(t, json.NewEncoder(in).Encode(map[string]any{"trainer": f.Trainer, "stage": f.Stage, "path": path}))
		line, err := lines.ReadBytes('\n')
		if err != nil {
			_ = wait() // then all that it has said is there, and nobody writes
			require.NoError(t, err, "%s", tailOf(said.String()))
		}
		require.NoError(t, json.Unmarshal(line, &r))
		return r
	}
}

func tailOf(s string) string { return s[max(0, len(s)-3000):] }

// sameExamples checks the prompts and the labels that a trainer has got.
func sameExamples(t *testing.T, got loaded, file string) {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	of := map[string]string{}
	for e, err := range srl.ReadJSONL(file, f) {
		require.NoError(t, err)
		label, err := e.Label().Text()
		require.NoError(t, err)
		var prompt strings.Builder
		for _, m := range e.Messages {
			prompt.WriteString("<|im_start|>" + m.Role + "\n" + m.Content + "<|im_end|>\n")
		}
		of[label] = prompt.String() + "<|im_start|>assistant\n"
	}
	require.Len(t, of, got.Rows)
	require.NotEmpty(t, got.Labels)
	for i, text := range got.Labels {
		require.Contains(t, of, text)
		if got.Prompts != nil {
			require.Equal(t, of[text], got.Prompts[i])
		}
		label, err := srl.ParseLabel(text)
		require.NoError(t, err)
		score, err := label.Reward.Score("<think>\nas the expert\n</think>\n"+label.Action, label.Action)
		require.NoError(t, err)
		require.Equal(t, 1.0, score)
	}
}

var space = regexp.MustCompile(`\s+|<\|im_end\|>`)

// sameAnswers checks that a trainer learns from what is to be learned, and from
// nothing else. Where a message ends, templates and trainers differ by line feeds.
func sameAnswers(t *testing.T, f feed.Feed, got loaded, logs string) {
	t.Helper()
	if f.Trainer == "hf" {
		return // a hub's loader learns nothing
	}
	var want []string
	for c, err := range conversationsIn([]string{logs}) {
		require.NoError(t, err)
		var learned strings.Builder
		all := true
		for _, m := range c.Messages {
			if m.Train {
				learned.WriteString(m.Content)
			}
			all = all && (m.Train || m.Role != "assistant")
		}
		if learned.Len() > 0 && (all || f.Trainer == "axolotl") {
			want = append(want, space.ReplaceAllString(learned.String(), ""))
		}
	}
	var have []string
	for _, text := range got.Learned {
		have = append(have, space.ReplaceAllString(text, ""))
	}
	require.ElementsMatch(t, want, have)
}
