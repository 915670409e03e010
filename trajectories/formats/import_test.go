package formats_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

// toy is a format for tests: {"toy": "task", "say": ["a", "b"]}, each word of
// which is an action.
func toy() formats.Format {
	return formats.Format{
		Name: "toy",
		Detect: func(n *document.Node) formats.Match {
			if formats.Member(n, "toy") == nil {
				return formats.Match{}
			}
			return formats.Match{Confidence: formats.Certain, Version: "7"}
		},
		Import: func(_ context.Context, in *formats.Input, to formats.Sink) error {
			n, err := in.Document()
			if err != nil {
				return err
			}
			return play(in, n, to)
		},
	}
}

func play(in *formats.Input, n *document.Node, to formats.Sink) error {
	task, err := in.Text(n, "toy")
	if err != nil {
		return err
	}
	if err := to.Begin(trajectories.Header{ID: "mine", Task: trajectories.Task{ID: task}}); err != nil {
		return err
	}
	turn := 0
	var ids formats.IDs
	for w, err := range in.Elements(n, "say") {
		if err != nil {
			return err
		}
		word, err := w.String()
		if err != nil {
			if err = in.Forgive(err); err != nil {
				return err
			}
			continue
		}
		turn++
		t := trajectories.Turn{N: turn}
		id := ids.Act(&t, formats.Command("say", word))
		if err := to.Turn(t); err != nil {
			return err
		}
		if err := to.Observation(trajectories.Observation{Turn: turn, Observation: env.Observation{Action: id, Text: word}}); err != nil {
			return err
		}
	}
	return to.End(trajectories.End{Status: trajectories.ExitSubmitted})
}

// events is a format whose documents are words of one trajectory, in a file or
// in a folder.
func events() formats.Format {
	return formats.Format{
		Name: "events",
		Detect: func(n *document.Node) formats.Match {
			if formats.Member(n, "word") == nil {
				return formats.Match{}
			}
			return formats.Match{Confidence: formats.Likely, Events: true}
		},
		Folder: func(dir string) ([]string, error) { return filepath.Glob(filepath.Join(dir, "word-*.json")) },
		Import: func(_ context.Context, in *formats.Input, to formats.Sink) error {
			if err := to.Begin(trajectories.Header{}); err != nil {
				return err
			}
			turn := 0
			for n, err := range in.Documents() {
				if err != nil {
					return err
				}
				word, err := in.Text(n, "word")
				if err != nil {
					return err
				}
				turn++
				if err := to.Turn(trajectories.Turn{N: turn, Message: word}); err != nil {
					return err
				}
			}
			return to.End(trajectories.End{Status: trajectories.ExitUnknown})
		},
	}
}

// tree writes files into a folder.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	return dir
}

func options(to formats.Sink) formats.Options {
	return formats.Options{Formats: []formats.Format{toy(), events()}, To: to, Importer: "apprentice test"}
}

func importAll(t *testing.T, o formats.Options, paths ...string) ([]formats.Report, error) {
	t.Helper()
	var reports []formats.Report
	for r, err := range formats.Import(t.Context(), paths, o) {
		if err != nil {
			return reports, err
		}
		reports = append(reports, r)
	}
	return reports, nil
}

func TestAFolderIsWalked(t *testing.T) {
	dir := tree(t, map[string]string{
		"a.json":             `{"toy": "x", "say": ["1", "2"]}`,
		"b/rows.jsonl":       `{"toy": "x", "say": ["1"]}` + "\n" + `{"toy": "../y", "say": []}` + "\n",
		"b/words.jsonl":      `{"word": "p"}` + "\n" + `{"word": "q"}`,
		"c/talk/word-1.json": `{"word": "one"}`,
		"c/talk/word-2.json": `{"word": "two"}`,
		"c/talk/other.json":  `{"toy": "z"}`,
		".git/HEAD.json":     `{"toy": "never"}`,
		"d.yaml":             "a: b\n",
		"e.json":             ``,
	})
	require.NoError(t, os.Symlink(filepath.Join(dir, "a.json"), filepath.Join(dir, "link.json")))
	var into formats.Collector
	o := options(&into)
	o.KeepGoing = true
	o.Taken = func(id string) bool { return id == "z.1" }
	reports, err := importAll(t, o, dir)
	require.NoError(t, err)

	var files []string
	for _, r := range reports {
		rel, err := filepath.Rel(dir, r.File)
		require.NoError(t, err)
		files = append(files, rel+": "+r.Format+r.Refused)
	}
	require.Equal(t, []string{
		"a.json: toy", "b/rows.jsonl: toy", "b/words.jsonl: events", "c/talk: events", "c/talk/other.json: toy",
		"d.yaml: YAML, not a trajectory", "e.json: it is empty",
		"link.json: a link, which is not followed in a folder: name it by itself",
	}, files)
	require.Equal(t, formats.Count{Trajectories: 2, Actions: 1, Observations: 1}, reports[1].Count)

	var ids []string
	for _, tr := range into.Whole {
		ids = append(ids, tr.Header.ID)
	}
	require.Equal(t, []string{"x.1", "x.2", "_.._y.1", "words.1", "talk.1", "z.2"}, ids)
	require.Equal(t, "../y", into.Whole[2].Header.Task.ID)
	require.Len(t, into.Whole[4].Turns, 2)
	require.Equal(t, &trajectories.Source{
		Format: "toy", Version: "7", File: "rows.jsonl", Row: 2, Bytes: 54, Importer: "apprentice test",
		SHA256: into.Whole[1].Header.Source.SHA256,
	}, into.Whole[2].Header.Source)
	require.Zero(t, into.Whole[0].Header.Source.Row)
}

func TestWithoutKeepGoingTheFirstFaultEndsTheImport(t *testing.T) {
	for name, c := range map[string]struct{ content, want string }{
		"refused":      {`{"model_patch": ""}`, "predictions"},
		"cut off":      {`{"toy": "x", "say": ["1", "2"`, "/say"},
		"wrong value":  {`{"toy": "x", "say": ["1", 2]}`, "/say/1"},
		"wrong member": {`{"toy": 3, "say": []}`, "/toy"},
		"bad row":      {`{"toy": "x", "say": []}` + "\n" + `{"toy": "x", "say": [}`, "/say"},
		"no JSON":      {`hello`, "not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := tree(t, map[string]string{"1.json": c.content, "2.json": `{"toy": "x", "say": ["1"]}`})
			var into formats.Collector
			reports, err := importAll(t, options(&into), dir)
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, filepath.Join(dir, "1.json"))
			require.Empty(t, reports)

			o := options(&into)
			o.KeepGoing = true
			reports, err = importAll(t, o, dir)
			require.NoError(t, err)
			require.Len(t, reports, 2)
			require.True(t, reports[0].Refused != "" || len(reports[0].Warnings) > 0)
			require.Equal(t, formats.Count{Trajectories: 1, Actions: 1, Observations: 1}, reports[1].Count)
		})
	}
}

func TestWhoKeepsGoingGetsTheRest(t *testing.T) {
	for name, c := range map[string]struct {
		content  string
		words    int
		warnings []string
	}{
		"a wrong value":       {`{"toy": "x", "say": ["1", 2, "3"]}`, 2, []string{"/say/1"}},
		"cut off in a list":   {`{"toy": "x", "say": ["1", "2`, 1, []string{"cut off"}},
		"a bad row":           {`{"toy": "x", "say": [}` + "\n" + `{"toy": "x", "say": ["1"]}`, 1, []string{"/say"}},
		"a row cut off":       {`{"toy": "x", "say": ["1` + "\n" + `{"toy": "x", "say": ["1"]}`, 1, []string{"line break"}},
		"a row of another":    {`{"toy": "x", "say": ["1"]}` + "\n" + `[7]`, 1, []string{"a JSON array where"}},
		"not UTF-8":           {`{"toy": "x", "say": ["` + "\xff" + `"]}`, 1, []string{"UTF-8"}},
		"twice the same name": {`{"toy": "x", "say": ["1", "2"], "say": ["3"]}`, 1, []string{"second member"}},
	} {
		t.Run(name, func(t *testing.T) {
			var into formats.Collector
			o := options(&into)
			o.KeepGoing = true
			reports, err := importAll(t, o, filepath.Join(tree(t, map[string]string{"a.json": c.content}), "a.json"))
			require.NoError(t, err)
			require.Len(t, reports, 1)
			require.Equal(t, c.words, reports[0].Actions, "%+v", reports[0])
			for _, want := range c.warnings {
				var all []string
				for _, w := range reports[0].Warnings {
					all = append(all, w.String())
				}
				require.Contains(t, strings.Join(all, "\n"), want)
			}
		})
	}
}

// full is a sink whose disk is full after some turns.
type full struct {
	formats.Collector
	turns, discarded int
}

var errFull = errors.New("no space left on device")

func (f *full) Turn(t trajectories.Turn) error {
	if f.turns--; f.turns < 0 {
		return errFull
	}
	return f.Collector.Turn(t)
}

func (f *full) Discard() {
	f.discarded++
	f.Collector.Discard()
}

func TestErrorsOfTheSinkEndTheImport(t *testing.T) {
	dir := tree(t, map[string]string{"1.json": `{"toy": "x", "say": ["1", "2"]}`, "2.json": `{"toy": "y", "say": []}`})
	to := &full{turns: 1}
	o := options(to)
	o.KeepGoing = true
	reports, err := importAll(t, o, dir)
	require.ErrorIs(t, err, errFull)
	require.Empty(t, reports)
	require.Equal(t, 1, to.discarded)
	require.Empty(t, to.Whole)
}

func TestTheFormatMayBeNamed(t *testing.T) {
	path := filepath.Join(tree(t, map[string]string{"a.json": `{"say": ["1"]}`}), "a.json")
	var into formats.Collector
	o := options(&into)
	_, err := importAll(t, o, path)
	require.ErrorContains(t, err, "no format that is known")
	o.From = "toy"
	reports, err := importAll(t, o, path)
	require.NoError(t, err)
	require.Equal(t, 1, reports[0].Actions)
	o.From = "jot"
	_, err = importAll(t, o, path)
	require.ErrorContains(t, err, `no format "jot"`)
}

func TestWhatIsNoTrajectoryIsRefusedWithAReason(t *testing.T) {
	for content, want := range map[string]string{
		`{"a__b-1": {"instance_id": "a__b-1", "model_patch": ""}}`:           "predictions",
		`[{"instance_id": "a__b-1", "model_patch": ""}]`:                     "predictions",
		`{"org": "a", "repo": "b", "number": 1, "fix_patch": ""}`:            "predictions",
		`[{"conversations": []}]`:                                            "Harbor",
		`{"agent": {}, "execution_status": "idle", "stats": {}}`:             "state beside an OpenHands conversation",
		`{"sessionId": "s", "projectHash": "h", "messages": []}`:             "gemini-cli",
		`{"type":"header","version":1,"id":"x.1"}`:                           "event log of this program",
		`{"instance_id": "x", "problem_statement": "p", "base_commit": "c"}`: "a task",
		`{"completed_instances": 1, "resolved_ids": []}`:                     "report of an evaluation",
		`{"x": {"patch_successfully_applied": true, "resolved": false}}`:     "report of an evaluation",
		`[]`:                        "an empty list",
		`{}`:                        "an object without members",
		`[1, 2]`:                    "values of the kind number",
		`{"a": 1, "b": 2}`:          `its first members are "a", "b"`,
		"7":                         "number",
		"\x7fELF\x02\x01":           "not JSON",
		"\xff\xfe{\x00":             "UTF-16",
		`{"toy": "x", "say": ["1"]`: "ends in the middle",
	} {
		var into formats.Collector
		_, err := importAll(t, options(&into), filepath.Join(tree(t, map[string]string{"a.json": content}), "a.json"))
		require.ErrorContains(t, err, want, content)
	}
}

func TestALinkThatIsNamedIsFollowed(t *testing.T) {
	dir := tree(t, map[string]string{"real/a.json": `{"toy": "x", "say": ["1"]}`, "real/talk/word-1.json": `{"word": "one"}`})
	for link, to := range map[string]string{"folder": "real", "talk": "real/talk", "file": "real/a.json"} {
		require.NoError(t, os.Symlink(to, filepath.Join(dir, link)))
	}
	for name, want := range map[string][]string{
		"folder": {"folder/a.json: 1 of toy", "folder/talk: 1 of events"},
		"talk":   {"talk: 1 of events"},
		"file":   {"file: 1 of toy"},
	} {
		var into formats.Collector
		reports, err := importAll(t, options(&into), filepath.Join(dir, name))
		require.NoError(t, err)
		var got []string
		for _, r := range reports {
			rel, err := filepath.Rel(dir, r.File)
			require.NoError(t, err)
			got = append(got, fmt.Sprintf("%s: %d of %s", rel, r.Trajectories, r.Format))
		}
		require.Equal(t, want, got, name)
	}
}

func TestWhatIsReadTwiceIsWarnedOfOnce(t *testing.T) {
	twice := toy()
	twice.Import = func(_ context.Context, in *formats.Input, to formats.Sink) error {
		n, err := in.Document()
		if err != nil {
			return err
		}
		if err := errors.Join(in.Fault(n, "odd"), in.Fault(n, "odd"), in.Fault(n, "strange")); err != nil {
			return err
		}
		return play(in, n, to)
	}
	var into formats.Collector
	o := options(&into)
	o.Formats, o.KeepGoing = []formats.Format{twice}, true
	reports, err := importAll(t, o, filepath.Join(tree(t, map[string]string{"a.json": `{"toy": "x", "say": []}`}), "a.json"))
	require.NoError(t, err)
	require.Equal(t, []formats.Warning{{Text: "odd"}, {Text: "strange"}}, reports[0].Warnings)
}

func TestReportsAsJSON(t *testing.T) {
	imported, err := json.Marshal(formats.Report{File: "a", Format: "toy", Count: formats.Count{Trajectories: 1}})
	require.NoError(t, err)
	require.JSONEq(t, `{"file":"a","format":"toy","trajectories":1,"actions":0,"observations":0,"warnings":[]}`, string(imported))
	warned, err := json.Marshal(formats.Report{File: "a", Format: "toy", Count: formats.Count{Orphans: 1}, Warnings: []formats.Warning{{Row: 2, Field: "/a", Offset: 3, Text: "t"}}, More: 4})
	require.NoError(t, err)
	require.JSONEq(t, `{"file":"a","format":"toy","trajectories":0,"actions":0,"observations":0,"orphans":1,"warnings":[{"row":2,"field":"/a","offset":3,"text":"t"}],"more_warnings":4}`, string(warned))
	refused, err := json.Marshal(formats.Report{File: "a", Refused: "no"})
	require.NoError(t, err)
	require.JSONEq(t, `{"file":"a","format":"","trajectories":0,"actions":0,"observations":0,"warnings":[],"refused":"no"}`, string(refused))
}

func TestALongListOfFaultsIsCutShort(t *testing.T) {
	content := `{"toy": "x", "say": [` + strings.Repeat("1,", 3*formats.MaxWarnings) + `"end"]}`
	var into formats.Collector
	o := options(&into)
	o.KeepGoing = true
	reports, err := importAll(t, o, filepath.Join(tree(t, map[string]string{"a.json": content}), "a.json"))
	require.NoError(t, err)
	require.Len(t, reports[0].Warnings, formats.MaxWarnings)
	require.Equal(t, 2*formats.MaxWarnings, reports[0].More)
	require.Equal(t, 1, reports[0].Actions)
}

func TestAnImportCanBeCancelled(t *testing.T) {
	dir := tree(t, map[string]string{"1.json": `{"toy": "x", "say": []}`, "2.json": `{"toy": "y", "say": []}`})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var into formats.Collector
	var last error
	for _, err := range formats.Import(ctx, []string{dir}, options(&into)) {
		last = err
		cancel()
	}
	require.ErrorIs(t, last, context.Canceled)
	require.Len(t, into.Whole, 1)
}
