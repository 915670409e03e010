package benchmarks

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/apprentice-rl/apprentice/env"
)

// A Prediction is one patch for one task, in SWE-bench's form, with one key of
// our own. Other keys of a predictions file are ignored.
type Prediction struct {
	ID    string  `json:"instance_id"`
	Model string  `json:"model_name_or_path"`
	Patch *string `json:"model_patch"` // nil means that the model gave none
	// Missing, where set, says why there is no patch although that says
	// nothing about the model. Such a prediction is not scored. The key is our
	// own: other tools pass over it, and see a model that gave no patch.
	Missing *Missing `json:"apprentice,omitempty"`
}

// Missing is why there is no patch to grade.
type Missing struct {
	Status MissingStatus `json:"status"`
	Detail string        `json:"detail,omitempty"`
}

// A MissingStatus is one of a closed set.
type MissingStatus string

const (
	// MissingInfrastructure: the episode has no end, because the
	// infrastructure broke it or the run was stopped.
	MissingInfrastructure MissingStatus = "infrastructure"
	// MissingSkipped: the task could not be worked on where it was recorded.
	MissingSkipped MissingStatus = "skipped"
)

// verdict is what such a prediction is graded as.
func (m *Missing) verdict() Verdict {
	if m.Status == MissingSkipped {
		return Skipped
	}
	return InfrastructureFailure
}

// check refuses what nobody can have meant.
func (m *Missing) check(patch *string) error {
	switch {
	case m == nil:
		return nil
	case m.Status != MissingInfrastructure && m.Status != MissingSkipped:
		return fmt.Errorf("%q is no reason why a patch is missing; want %s or %s", m.Status, MissingInfrastructure, MissingSkipped)
	case patch != nil:
		return errors.New("the status says that there is no patch, and model_patch holds one")
	}
	return nil
}

// Empty reports whether there is no patch to apply.
func (p Prediction) Empty() bool { return p.Patch == nil || *p.Patch == "" }

// ReadPredictions reads predictions from r. The ending of name tells the form,
// as it does for the SWE-bench harness: .jsonl is one object a line; .json is a
// list of objects, or an object of them by task id. Where a task occurs more
// than once the last prediction counts, in the place of the first. What cannot
// be read is an *env.RowError.
func ReadPredictions(name string, r io.Reader) ([]Prediction, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("reading predictions %s: %w", name, err)
	}
	doc := document{name: name, data: data}
	switch filepath.Ext(name) {
	case ".jsonl":
		err = doc.readLines()
	case ".json":
		err = doc.readWhole()
	default:
		err = fmt.Errorf("predictions %s: the name must end in .jsonl (one object a line) or .json (a list, or an object by task id)", name)
	}
	return doc.predictions, err
}

// A document is a predictions file while it is read.
type document struct {
	name        string
	data        []byte
	predictions []Prediction
	place       map[string]int // task id → index in predictions
}

func (d *document) readLines() error {
	start := 0
	for line := range bytes.Lines(d.data) {
		if len(bytes.TrimSpace(line)) > 0 {
			if err := d.add(start, line, ""); err != nil {
				return err
			}
		}
		start += len(line)
	}
	return nil
}

func (d *document) readWhole() error {
	// Checking the whole first makes the positions below exact.
	var all json.RawMessage
	if err := json.Unmarshal(d.data, &all); err != nil {
		return d.errorAt(0, err)
	}
	dec := json.NewDecoder(bytes.NewReader(d.data))
	open, err := dec.Token()
	if err != nil {
		return d.errorAt(0, err)
	}
	if open != json.Delim('[') && open != json.Delim('{') {
		return d.errorAt(0, errors.New("neither a list of predictions nor an object of them by task id"))
	}
	for dec.More() {
		key := ""
		if open == json.Delim('{') {
			token, err := dec.Token()
			if err != nil {
				return d.errorAt(dec.InputOffset(), err)
			}
			key, _ = token.(string)
		}
		var row json.RawMessage
		if err := dec.Decode(&row); err != nil {
			return d.errorAt(dec.InputOffset(), err)
		}
		if err := d.add(int(dec.InputOffset())-len(row), row, key); err != nil {
			return err
		}
	}
	return nil
}

// add reads the prediction that stands at offset start. Its task id may be left
// out where key gives it.
func (d *document) add(start int, row []byte, key string) error {
	var p Prediction
	if err := json.Unmarshal(row, &p); err != nil {
		return d.errorAt(int64(start), err)
	}
	if p.ID == "" {
		p.ID = key
	}
	if p.ID == "" {
		e := d.errorAt(int64(start), errors.New("missing; every prediction names its task"))
		e.Field = "instance_id"
		return e
	}
	if err := p.Missing.check(p.Patch); err != nil {
		e := d.errorAt(int64(start), err)
		e.Field = "apprentice.status"
		return e
	}
	if i, ok := d.place[p.ID]; ok {
		d.predictions[i] = p
		return nil
	}
	if d.place == nil {
		d.place = map[string]int{}
	}
	d.place[p.ID] = len(d.predictions)
	d.predictions = append(d.predictions, p)
	return nil
}

// errorAt places err, which came from the JSON value at offset start, in the
// file.
func (d *document) errorAt(start int64, err error) *env.RowError {
	e := &env.RowError{File: d.name, Err: err}
	offset := start
	var syntax *json.SyntaxError
	var mismatch *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		// Offset counts the bytes read, the bad one included.
		offset += max(0, syntax.Offset-1)
		e.Err = fmt.Errorf("not valid JSON: %w", err)
	case errors.As(err, &mismatch):
		offset += max(0, mismatch.Offset-1)
		e.Field = mismatch.Field
		e.Err = fmt.Errorf("cannot hold a JSON %s", mismatch.Value)
	}
	before := d.data[:min(int(offset), len(d.data))]
	e.Line = bytes.Count(before, []byte("\n")) + 1
	e.Column = len(before) - bytes.LastIndexByte(before, '\n')
	return e
}

// Merge returns the predictions of before, each in its place or what after has
// for its task, and then the others of after.
func Merge(before, after []Prediction) []Prediction {
	merged := slices.Clone(before)
	place := map[string]int{}
	for i, p := range before {
		place[p.ID] = i
	}
	for _, p := range after {
		if i, ok := place[p.ID]; ok {
			merged[i] = p
		} else {
			merged = append(merged, p)
		}
	}
	return merged
}

// WritePredictions writes predictions to path, one object a line; the name must
// end in .jsonl. The file appears whole or not at all.
func WritePredictions(path string, predictions []Prediction) error {
	if !strings.HasSuffix(path, ".jsonl") {
		return fmt.Errorf("writing predictions %s: the name must end in .jsonl", path)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, p := range predictions {
		if err := enc.Encode(p); err != nil {
			return fmt.Errorf("writing predictions %s: %w", path, err)
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("writing predictions: %w", err)
	}
	if err := renameio.WriteFile(path, b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("writing predictions: %w", err)
	}
	return nil
}
