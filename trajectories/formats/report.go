package formats

import (
	"encoding/json"
	"slices"
)

// A Report says what became of one source file.
type Report struct {
	File string // as it was named, or found in a folder
	// Format and Version are what it was read as.
	Format  string
	Version string
	Bytes   int64 // of the file on disk
	// Count is taken from what was handed over to the sink, before the sink
	// changed anything.
	Count
	// Kept is how many of the trajectories were imported before. They are among
	// those that are counted, and were not handed over again.
	Kept int
	// Redactions counts the secrets that the sink replaced, by kind. Who has such
	// a sink fills it in.
	Redactions map[string]int
	// Warnings are at most MaxWarnings; More says how many there were beyond.
	Warnings []Warning
	More     int
	// Refused says why the file was not imported, empty if it was.
	Refused string
	// Err is the error behind Refused where there is one: a file that is
	// broken, and not only of another kind.
	Err error
}

// MaxWarnings bounds what a report holds of a file that is wrong everywhere.
const MaxWarnings = 100

// MarshalJSON writes the same members for each file, so that readers need not
// ask which they are. One that was refused has its reason beside them, and
// counts that are 0.
func (r Report) MarshalJSON() ([]byte, error) {
	warnings := r.Warnings
	if warnings == nil {
		warnings = []Warning{}
	}
	return json.Marshal(struct {
		File    string `json:"file"`
		Format  string `json:"format"`
		Version string `json:"version,omitempty"`
		Count
		Kept       int            `json:"kept,omitempty"`
		Redactions map[string]int `json:"redactions,omitempty"`
		Warnings   []Warning      `json:"warnings"`
		More       int            `json:"more_warnings,omitempty"`
		Refused    string         `json:"refused,omitempty"`
	}{r.File, r.Format, r.Version, r.Count, r.Kept, r.Redactions, warnings, r.More, r.Refused})
}

// warn takes a warning, which comes again where an importer goes over the same
// thing twice.
func (r *Report) warn(w Warning) {
	if slices.Contains(r.Warnings, w) {
		return
	}
	if len(r.Warnings) == MaxWarnings {
		r.More++
		return
	}
	r.Warnings = append(r.Warnings, w)
}
