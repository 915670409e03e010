// Package starter is the suite that ships inside the program: small but
// believable repositories in Go and Python, each with one bug that takes
// thought, in SWE-bench's form.
//
// Every task is one txtar file. It holds the history of its repository as
// whole files per commit, the issue as a user wrote it, the gold patch, the
// hidden tests, and a wrong patch: a plausible attempt that applies and builds
// and still fails a hidden test. From it the same git repository is built on
// every machine, commit for commit. Its history goes on after the base commit,
// with the fix and one commit more, as that of a real project does; so what
// keeps policies from reading the fix has something to do.
package starter

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"github.com/apprentice-rl/apprentice/benchmarks"
	"github.com/apprentice-rl/apprentice/env"
)

//go:embed tasks/*.txtar
var files embed.FS

// Suite returns the suite. Its tasks need git, and go or python3.
func Suite() (benchmarks.Suite, error) {
	entries, err := suite()
	if err != nil {
		return benchmarks.Suite{}, err
	}
	s := benchmarks.Suite{Name: "starter"}
	for _, e := range entries {
		s.Tasks = append(s.Tasks, e.task())
	}
	return s, nil
}

// Wrong returns the wrong patches, one for each task. None resolves its task.
func Wrong() ([]benchmarks.Prediction, error) {
	entries, err := suite()
	if err != nil {
		return nil, err
	}
	var wrong []benchmarks.Prediction
	for _, e := range entries {
		wrong = append(wrong, benchmarks.Prediction{ID: e.ID, Model: "wrong", Patch: &e.wrong})
	}
	return wrong, nil
}

// An entry is a task as its file has it, with its repository built.
type entry struct {
	definition
	history
}

// suite reads the embedded files and builds the repositories, once.
var suite = sync.OnceValues(func() ([]entry, error) {
	names, err := fs.Glob(files, "tasks/*.txtar")
	if err != nil {
		return nil, fmt.Errorf("reading the starter suite: %w", err)
	}
	slices.Sort(names)
	var entries []entry
	for _, name := range names {
		data, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("reading the starter suite: %w", err)
		}
		d, err := parse(data)
		if err != nil {
			return nil, fmt.Errorf("starter suite: %s: %w", name, err)
		}
		h, err := d.build()
		if err != nil {
			return nil, fmt.Errorf("starter suite: %s: %w", name, err)
		}
		entries = append(entries, entry{definition: d, history: h})
	}
	return entries, nil
})

func (e entry) task() env.Task {
	lang := languages[e.Language]
	return env.Task{
		ID:               e.ID,
		Repo:             e.Repo,
		BaseCommit:       e.base,
		ProblemStatement: e.issue,
		CreatedAt:        e.CreatedAt,
		Patch:            e.gold,
		TestPatch:        e.test,
		FailToPass:       slices.Clone(e.FailToPass),
		PassToPass:       slices.Clone(e.PassToPass),
		EvalScript:       e.script(lang),
		LogParser:        lang.parser,
		EvalType:         "pass_and_fail",
		TestCommand:      lang.testCommand,
		Needs:            slices.Clone(lang.needs),
		Setup:            lang.setup,
		Repository:       e.repository,
	}
}
