package srl

import (
	"encoding/json"
	"maps"
	"path"
	"slices"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/behaviour"
)

// An Exclusion says why a step is no target.
type Exclusion string

// What can be excluded. The step after such a one has the same prompt as ever.
const (
	// ExcludeSubmit is a step that only hands in the work.
	ExcludeSubmit Exclusion = "submit"
	// ExcludeViews is a step that only shows files, searches and lists. It is most of
	// what experts do, and there is more than one right way to do it.
	ExcludeViews Exclusion = "views"
	// ExcludeDuplicates is a step with the calls of an earlier one, to the letter.
	ExcludeDuplicates Exclusion = "duplicates"
	// ExcludeUndone is a step whose changes the expert has taken back: with the
	// editor's undo_edit of the file, or with git checkout, restore or reset
	// --hard of it (or of everything) before the file was changed again; and the
	// step that takes them back. A call that is known to have failed neither
	// changes a file nor takes a change back.
	ExcludeUndone Exclusion = "undone"
	// These two are not to be chosen: steps that no model may learn from (copied
	// ones, those of a script, those whose call was lost), and the last step where
	// targets are n-1.
	excludeUntrainable Exclusion = "not to be learned"
	excludeLast        Exclusion = "the last step"
)

// Exclusions are the steps that Options.Exclude can name.
func Exclusions() []Exclusion {
	return []Exclusion{ExcludeSubmit, ExcludeViews, ExcludeDuplicates, ExcludeUndone}
}

// exclusions returns what tells why step k, from 1, is no target; empty is a target.
func (o Options) exclusions(steps []trajectories.Step) func(k int) Exclusion {
	var acts [][][]behaviour.Act // of each action of each step
	if len(o.Exclude) > 0 {      // commands are parsed for it
		for _, s := range steps {
			var all [][]behaviour.Act
			for _, a := range s.Turn.Actions {
				all = append(all, behaviour.Classify(a.Tool, a.Arguments))
			}
			acts = append(acts, all)
		}
	}
	var undone map[int]bool
	if slices.Contains(o.Exclude, ExcludeUndone) {
		undone = takenBack(steps, acts)
	}
	seen := map[string]bool{}
	return func(k int) Exclusion {
		step := steps[k-1]
		calls := callsOf(step.Turn.Actions)
		before := seen[calls]
		seen[calls] = true
		if !step.Turn.Trainable() {
			return excludeUntrainable
		}
		if o.Targets == TargetsButLast && k == len(steps) {
			return excludeLast
		}
		for _, d := range o.Exclude {
			switch {
			case d == ExcludeSubmit && only(acts[k-1], behaviour.Submit),
				d == ExcludeViews && only(acts[k-1], behaviour.View, behaviour.Search, behaviour.List),
				d == ExcludeDuplicates && before,
				d == ExcludeUndone && undone[k]:
				return d
			}
		}
		return ""
	}
}

// callsOf is a key for what actions do.
func callsOf(actions []env.Action) string {
	var key []byte
	for _, a := range actions {
		key = append(append(append(append(key, a.Tool...), 0), a.Arguments...), 0)
	}
	return string(key)
}

// only reports whether acts are of these kinds alone, but for what only the shell
// notices (cd) and asking about the machine.
func only(acts [][]behaviour.Act, kinds ...behaviour.Kind) bool {
	found := false
	for _, a := range slices.Concat(acts...) {
		switch {
		case slices.Contains(kinds, a.Kind):
			found = true
		case a.Kind != behaviour.Shell && a.Kind != behaviour.Inspect:
			return false
		}
	}
	return found
}

// takenBack returns the steps, from 1, whose changes were taken back, and those that
// took them back.
func takenBack(steps []trajectories.Step, acts [][][]behaviour.Act) map[int]bool {
	undone := map[int]bool{}
	changed := map[string]int{} // by which step a file was changed last
	undo := func(k int, file string) {
		if by, ok := changed[file]; ok {
			undone[by], undone[k] = true, true
			delete(changed, file)
		}
	}
	for i, step := range steps {
		k := i + 1
		for j, action := range step.Turn.Actions {
			// What failed did nothing. Of several commands in one call, who knows which.
			if len(acts[i][j]) < 2 && failed(step, action) {
				continue
			}
			if file, ok := undoes(action); ok { // what it writes is the file as it was
				undo(k, file)
				continue
			}
			for _, a := range acts[i][j] {
				files, all := discards(a)
				if all {
					files = slices.Collect(maps.Keys(changed))
				}
				for _, f := range files {
					undo(k, f)
				}
				if files == nil && (a.Kind == behaviour.Edit || a.Kind == behaviour.Create) {
					for _, f := range a.Writes {
						changed[absolute(f)] = k
					}
				}
			}
		}
	}
	return undone
}

// failed reports whether what came back says that an action failed.
func failed(step trajectories.Step, action env.Action) bool {
	return slices.ContainsFunc(step.Observations, func(o env.Observation) bool { return o.Action == action.ID && o.Failed })
}

// absolute is a file's name as seen from the repository.
func absolute(file string) string {
	if path.IsAbs(file) {
		return path.Clean(file)
	}
	return path.Join(env.Workdir, file)
}

// undoes returns the file whose last change an editor's call takes back.
func undoes(a env.Action) (file string, ok bool) {
	var arguments struct {
		Command string `json:"command"`
		Path    string `json:"path"`
	}
	if json.Unmarshal(a.Arguments, &arguments) != nil || arguments.Command != "undo_edit" {
		return "", false
	}
	return absolute(arguments.Path), true
}

// discards returns the files whose changes git drops from the working tree, or that
// it drops all of them. A stash is not among it: what it takes away may come back.
func discards(a behaviour.Act) (files []string, all bool) {
	words := a.Args
	for len(words) > 1 && (words[0] == "-C" || words[0] == "-c") { // git's own options
		words = words[2:]
	}
	if a.Kind != behaviour.VCS || a.Detail != behaviour.Change || len(words) == 0 {
		return nil, false
	}
	rest := words[1:]
	switch words[0] {
	case "checkout", "restore":
		if slices.Contains(rest, "-b") || slices.Contains(rest, "--staged") {
			return nil, false
		}
		for _, word := range rest {
			switch {
			case word == ".":
				return nil, true
			case word != "" && word != "HEAD" && word[0] != '-':
				files = append(files, absolute(word))
			}
		}
		return files, false
	case "reset":
		return nil, slices.Contains(rest, "--hard")
	}
	return nil, false
}
