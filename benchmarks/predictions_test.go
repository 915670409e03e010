package benchmarks_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/benchmarks"
	"github.com/apprentice-rl/apprentice/env"
)

func patch(text string) *string { return &text }

func TestReadPredictions(t *testing.T) {
	want := []benchmarks.Prediction{
		{ID: "a__b-1", Model: "m", Patch: patch("diff --git a/x b/x\n")},
		{ID: "a__b-2", Model: "m"},
	}
	tests := []struct{ name, file, text string }{
		{"lines", "p.jsonl", `{"instance_id":"a__b-1","model_name_or_path":"m","model_patch":"diff --git a/x b/x\n","cost":1}
{"instance_id":"a__b-2","model_name_or_path":"m","model_patch":null}
`},
		{"lines with blank ones and no last newline", "p.jsonl", "\n" + `{"instance_id":"a__b-1","model_name_or_path":"m","model_patch":"diff --git a/x b/x\n"}

{"instance_id":"a__b-2","model_name_or_path":"m"}`},
		{"list", "p.json", `[{"instance_id":"a__b-1","model_name_or_path":"m","model_patch":"diff --git a/x b/x\n"},
{"instance_id":"a__b-2","model_name_or_path":"m"}]`},
		{"object by task id", "p.json", `{"a__b-1":{"instance_id":"a__b-1","model_name_or_path":"m","model_patch":"diff --git a/x b/x\n"},
"a__b-2":{"model_name_or_path":"m"}}`},
		{"the last of a task counts, in the place of the first", "p.jsonl", `{"instance_id":"a__b-1","model_name_or_path":"m","model_patch":"old"}
{"instance_id":"a__b-2","model_name_or_path":"m","model_patch":null}
{"instance_id":"a__b-1","model_name_or_path":"m","model_patch":"diff --git a/x b/x\n"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := benchmarks.ReadPredictions(test.file, strings.NewReader(test.text))
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
}

func TestReadPredictionsSaysWhereItIsWrong(t *testing.T) {
	tests := []struct{ name, file, text, want string }{
		{"cut line", "p.jsonl", "{\"instance_id\":\"a\"}\n{\"instance_id\":", "p.jsonl:2:15: not valid JSON"},
		{"stray character", "p.jsonl", `{"instance_id" "a"}`, "p.jsonl:1:16: not valid JSON"},
		{"no task id", "p.jsonl", `{"model_patch":""}`, "p.jsonl:1:1: field instance_id: missing"},
		{"patch of the wrong type", "p.jsonl", "{\"instance_id\":\"a\"}\n{\"instance_id\":\"b\",\"model_patch\":17}", "p.jsonl:2:35: field model_patch: cannot hold a JSON number"},
		{"in a list", "p.json", "[\n  {\"instance_id\": \"a\"},\n  {\"instance_id\": 3}\n]", "p.json:3:19: field instance_id: cannot hold a JSON number"},
		{"in an object", "p.json", "{\n  \"a\": {\"model_patch\": []}\n}", "p.json:2:24: field model_patch: cannot hold a JSON array"},
		{"a list that does not end", "p.json", "[\n  {\"instance_id\": \"a\"},\n", "p.json:2:24: not valid JSON"},
		{"neither list nor object", "p.json", `"gold"`, "p.json:1:1: neither a list of predictions nor an object"},
		{"no such status", "p.jsonl", `{"instance_id":"a","apprentice":{"status":"lost"}}`, `p.jsonl:1:1: field apprentice.status: "lost" is no reason`},
		{"a patch that is not there", "p.jsonl", `{"instance_id":"a","model_patch":"x","apprentice":{"status":"skipped"}}`, "p.jsonl:1:1: field apprentice.status"},
		{"unknown ending", "p.csv", "", "predictions p.csv: the name must end in .jsonl"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := benchmarks.ReadPredictions(test.file, strings.NewReader(test.text))
			require.ErrorContains(t, err, test.want)
			if test.file != "p.csv" {
				var row *env.RowError
				require.ErrorAs(t, err, &row)
			}
		})
	}
}

func TestPredictionsSurviveWritingAndReading(t *testing.T) {
	path := filepath.Join(t.TempDir(), "predictions", "set.jsonl")
	want := []benchmarks.Prediction{
		{ID: "a", Model: "m", Patch: patch("-<&>\r\n+\u2028\n")},
		{ID: "b", Model: "m", Patch: patch("")},
		{ID: "c", Model: "m"},
		{ID: "d", Model: "m", Missing: &benchmarks.Missing{Status: benchmarks.MissingSkipped, Detail: "no program <go>"}},
	}
	require.NoError(t, benchmarks.WritePredictions(path, want[:1]))
	require.NoError(t, benchmarks.WritePredictions(path, want))
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	got, err := benchmarks.ReadPredictions(path, file)
	require.NoError(t, err)
	require.Equal(t, want, got)

	beside, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, beside, 1)
}

func TestMergedPredictionsKeepTheirPlace(t *testing.T) {
	before := []benchmarks.Prediction{{ID: "a", Patch: patch("old")}, {ID: "b", Patch: patch("b")}}
	after := []benchmarks.Prediction{{ID: "c", Patch: patch("c")}, {ID: "a", Patch: patch("new")}}
	require.Equal(t, []benchmarks.Prediction{{ID: "a", Patch: patch("new")}, {ID: "b", Patch: patch("b")}, {ID: "c", Patch: patch("c")}},
		benchmarks.Merge(before, after))
	require.Equal(t, "old", *before[0].Patch, "what came in is not changed")
	require.Equal(t, after, benchmarks.Merge(nil, after))
}

func TestPredictionsThatCannotBeWrittenLeaveTheOldOnes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "set.jsonl")
	require.NoError(t, os.Mkdir(path, 0o755))
	require.Error(t, benchmarks.WritePredictions(path, nil))
	beside, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, beside, 1)
}

func TestReadRealPredictions(t *testing.T) {
	dir := filepath.Join(testdata(t), "trajectories/predictions")
	tests := []struct {
		file        string
		rows, empty int
	}{
		{"mini-swe-agent_preds.json", 33, -1},
		{"swe-agent_all_preds.jsonl", 1, 0},
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			file, err := os.Open(filepath.Join(dir, test.file))
			require.NoError(t, err)
			defer file.Close()
			got, err := benchmarks.ReadPredictions(test.file, file)
			require.NoError(t, err)
			require.Len(t, got, test.rows)
		})
	}
}

func FuzzReadPredictions(f *testing.F) {
	f.Add("p.jsonl", `{"instance_id":"a","model_patch":null}`)
	f.Add("p.json", `[{"instance_id":"a"}]`)
	f.Add("p.json", `{"a":{"model_patch":"x"},"b":{}}`)
	f.Add("p.json", "[\n{\"instance_id\":1}")
	f.Fuzz(func(t *testing.T, name, text string) {
		predictions, err := benchmarks.ReadPredictions(name, strings.NewReader(text))
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, p := range predictions {
			require.NotEmpty(t, p.ID)
			require.False(t, seen[p.ID])
			seen[p.ID] = true
		}
	})
}
