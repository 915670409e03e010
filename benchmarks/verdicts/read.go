package verdicts

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/apprentice-rl/apprentice/benchmarks"
	"github.com/apprentice-rl/apprentice/benchmarks/report"
)

// A NoneError says that a file or a folder holds no verdicts.
type NoneError struct {
	Path string
	Err  error // what is wrong with a file; nil for a folder
}

func (e *NoneError) Error() string {
	if e.Err == nil {
		return e.Path + " holds no evaluations: no report.json is in it"
	}
	return fmt.Sprintf("%s is no report of a grader: %v", e.Path, e.Err)
}

func (e *NoneError) Unwrap() error { return e.Err }

// Read reads the verdicts at the paths: reports, runs and other folders of
// evaluations. What is at a path and is no report is a [*NoneError].
func Read(paths ...string) (*Verdicts, error) {
	v := &Verdicts{patches: map[work]found{}, graded: map[string]bool{}, tasks: map[string]found{}}
	for _, path := range paths {
		if err := v.read(path); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (v *Verdicts) read(path string) error {
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return fmt.Errorf("looking for verdicts: %w", err)
	case st.IsDir():
		return v.folder(path)
	}
	// A run's report has one verdict for each set and task; its evaluations say
	// which patch that is about.
	if beside := filepath.Join(filepath.Dir(path), evaluation); isDir(beside) {
		return v.folder(beside)
	}
	return v.file(path)
}

// evaluation is the folder of a run that package benchmarks keeps evaluations
// in.
const evaluation = "evaluation"

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// folder reads all reports below dir, and of a run those of its evaluations.
func (v *Verdicts) folder(dir string) error {
	if run := filepath.Join(dir, evaluation); isDir(run) {
		dir = run
	}
	reports := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() != "report.json" {
			return err
		}
		if isDir(filepath.Join(filepath.Dir(path), evaluation)) {
			return nil // of a run: its evaluations say more
		}
		reports++
		return v.file(path)
	})
	switch none := (*NoneError)(nil); {
	case errors.As(err, &none):
		return err
	case err != nil:
		return fmt.Errorf("reading verdicts: %w", err)
	case reports == 0:
		return &NoneError{Path: dir}
	}
	return nil
}

// file reads one report, of whichever form.
func (v *Verdicts) file(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return &NoneError{Path: path, Err: err}
	}
	switch {
	case members["sets"] != nil:
		err = v.run(path)
	case isList(members["resolved_ids"]), isList(members["resolved"]):
		err = v.final(path, data)
	default:
		err = v.evaluations(path, members)
	}
	if err != nil {
		return &NoneError{Path: path, Err: err}
	}
	return nil
}

func isList(raw json.RawMessage) bool { return bytes.HasPrefix(raw, []byte("[")) }

// run takes the report of a run.
func (v *Verdicts) run(path string) error {
	r, err := report.Read(path)
	if err != nil {
		return err
	}
	for _, set := range r.Sets {
		for task, t := range set.Tasks {
			if t.Verdict.Scored() {
				add(v.tasks, task, found{resolved: t.Verdict == benchmarks.Resolved, reason: t.Reason, file: path})
			}
		}
	}
	return nil
}

// final takes the final report of the SWE-bench harness.
func (v *Verdicts) final(path string, data []byte) error {
	var ids struct {
		Resolved   []string `json:"resolved_ids"`
		Older      []string `json:"resolved"`
		Unresolved []string `json:"unresolved_ids"`
		Empty      []string `json:"empty_patch_ids"`
	}
	if err := json.Unmarshal(data, &ids); err != nil {
		return err
	}
	for _, of := range []struct {
		ids []string
		found
	}{
		{ids.Resolved, found{resolved: true}},
		{ids.Older, found{resolved: true}},
		{ids.Unresolved, found{}},
		{ids.Empty, found{reason: benchmarks.ReasonEmptyPatch}},
	} {
		of.file = path
		for _, id := range of.ids {
			add(v.tasks, id, of.found)
		}
	}
	return nil
}

// evaluations takes the report of one task, as it stands beside the patch that
// was graded, or what some harnesses write of all tasks in this form, or as
// true and false.
func (v *Verdicts) evaluations(path string, members map[string]json.RawMessage) error {
	digest, kept, err := patchBeside(path)
	if err != nil {
		return err
	}
	if len(members) == 0 {
		return errors.New("it names no task")
	}
	for task, raw := range members {
		var plain *bool
		if json.Unmarshal(raw, &plain) == nil && plain != nil {
			add(v.tasks, task, found{resolved: *plain, file: path})
			continue
		}
		var e struct {
			Resolved *bool `json:"resolved"`
			Infra    bool  `json:"infra_failure"`
			Own      struct {
				Verdict benchmarks.Verdict `json:"verdict"`
				Reason  benchmarks.Reason  `json:"reason"`
			} `json:"apprentice"`
		}
		if err := json.Unmarshal(raw, &e); err != nil || e.Resolved == nil {
			return fmt.Errorf("%q does not say whether it is resolved", task)
		}
		if e.Own.Verdict != "" && !e.Own.Verdict.Scored() || e.Own.Verdict == "" && e.Infra && !*e.Resolved {
			continue
		}
		f := found{resolved: *e.Resolved, reason: e.Own.Reason, file: path}
		if kept {
			add(v.patches, work{task, digest}, f)
			v.graded[task] = true
		} else {
			add(v.tasks, task, f)
		}
	}
	return nil
}

// patchBeside digests the patch as package summary does.
func patchBeside(path string) (digest string, ok bool, err error) {
	patch, err := os.ReadFile(filepath.Join(filepath.Dir(path), "patch.diff"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", false, nil
	case err != nil:
		return "", false, err
	case len(patch) == 0:
		return "", true, nil
	}
	sum := sha256.Sum256(patch)
	return hex.EncodeToString(sum[:]), true, nil
}
