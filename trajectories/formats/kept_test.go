package formats_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

// remember is Options.Kept for what a collector holds.
func remember(into *formats.Collector) func(trajectories.Source) (string, bool) {
	return func(s trajectories.Source) (string, bool) {
		for _, t := range into.Whole {
			if *t.Header.Source == s {
				return t.Header.ID, true
			}
		}
		return "", false
	}
}

func TestWhatWasImportedBeforeIsCountedAndNotWrittenAgain(t *testing.T) {
	dir := tree(t, map[string]string{
		"a.json":      `{"toy": "x", "say": ["1", "2"]}`,
		"rows.jsonl":  `{"toy": "y", "say": ["1"]}` + "\n" + `{"toy": "y", "say": ["1"]}` + "\n",
		"same/a.json": `{"toy": "x", "say": ["1", "2"]}`,
	})
	var into formats.Collector
	o := options(&into)
	o.Kept = remember(&into)
	taken := func(id string) bool {
		for _, t := range into.Whole {
			if t.Header.ID == id {
				return true
			}
		}
		return false
	}
	o.Taken = taken

	// Of an import that was killed the first row is there.
	_, err := importAll(t, o, filepath.Join(dir, "rows.jsonl"))
	require.NoError(t, err)
	into.Whole = into.Whole[:1]

	first, err := importAll(t, o, dir)
	require.NoError(t, err)
	kept := func(reports []formats.Report) (all []int) {
		for _, r := range reports {
			all = append(all, r.Kept)
		}
		return all
	}
	require.Equal(t, []int{0, 1, 1}, kept(first), "a file that is there twice is imported once")
	ids := func() (all []string) {
		for _, t := range into.Whole {
			all = append(all, t.Header.ID)
		}
		return all
	}
	require.Equal(t, []string{"y.1", "x.1", "y.2"}, ids())

	second, err := importAll(t, o, dir)
	require.NoError(t, err)
	require.Equal(t, []int{1, 2, 1}, kept(second))
	require.Len(t, into.Whole, 3)
	for i, r := range second {
		require.Equal(t, first[i].Count, r.Count)
	}
	report, err := json.Marshal(second[0])
	require.NoError(t, err)
	require.Contains(t, string(report), `"kept":1`)

	// Another content is another trajectory, whatever the name.
	changed := tree(t, map[string]string{"a.json": `{"toy": "x", "say": ["3"]}`})
	third, err := importAll(t, o, changed)
	require.NoError(t, err)
	require.Equal(t, []int{0}, kept(third))
	require.Equal(t, "x.2", into.Whole[3].Header.ID)
}

func TestTheTrajectoriesOfOneDocumentAreToldApart(t *testing.T) {
	several := toy()
	one := several.Import
	several.Import = func(ctx context.Context, in *formats.Input, to formats.Sink) error {
		if err := one(ctx, in, to); err != nil {
			return err
		}
		return one(ctx, in, to)
	}
	var into formats.Collector
	o := options(&into)
	o.Formats = []formats.Format{several}
	o.Kept = remember(&into)
	dir := tree(t, map[string]string{"a.json": `{"toy": "x", "say": ["1", "2"]}`})
	_, err := importAll(t, o, dir)
	require.NoError(t, err)
	require.Len(t, into.Whole, 2)
	require.Equal(t, []int{0, 1}, []int{into.Whole[0].Header.Source.Part, into.Whole[1].Header.Source.Part})

	into.Whole = into.Whole[1:] // only the second one
	reports, err := importAll(t, o, dir)
	require.NoError(t, err)
	require.Equal(t, 1, reports[0].Kept)
	require.Equal(t, 2, reports[0].Trajectories)
	require.Len(t, into.Whole, 2)
	require.Equal(t, 0, into.Whole[1].Header.Source.Part)
}
