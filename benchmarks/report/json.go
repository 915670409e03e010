package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/apprentice-rl/apprentice/benchmarks"
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/trajectories"
)

// SchemaVersion is the version of report.json. It grows when a key changes its
// meaning or goes away, not when one is added.
const SchemaVersion = 1

// A Report is what report.json holds.
type Report struct {
	SchemaVersion int                                   `json:"schema_version"`
	Name          string                                `json:"name"`
	Created       time.Time                             `json:"created"`
	Suite         string                                `json:"suite"`
	Sandbox       string                                `json:"sandbox"` // the driver
	Image         string                                `json:"image"`
	Rules         benchmarks.Rules                      `json:"rules"`
	Limits        Limits                                `json:"limits,omitzero"`
	Enforcement   map[sandbox.Limit]sandbox.Enforcement `json:"enforcement,omitempty"`
	Versions      map[string]string                     `json:"versions,omitempty"`
	Sets          Sets                                  `json:"sets"`
	StepExamples  int                                   `json:"step_examples"`
	Rewards       *Rewards                              `json:"rewards,omitempty"`
	Skipped       []Skip                                `json:"skipped"`

	// Trajectory is in the page only; its own file is its record.
	Trajectory *trajectories.Trajectory `json:"-"`
}

// Limits bound one sandbox; zero fields are not known.
type Limits struct {
	Memory    int64   `json:"memory_bytes,omitempty"`
	Disk      int64   `json:"disk_bytes,omitempty"`
	CPUs      float64 `json:"cpus,omitempty"`
	Processes int64   `json:"processes,omitempty"`
}

// A Skip is a task that was skipped in at least one set.
type Skip struct {
	Task   string `json:"task"`
	Reason string `json:"reason"`
}

// Sets are written as an object, by their names and in their order.
type Sets []SetReport

// A SetReport is what became of one set of predictions.
type SetReport struct {
	Name                   string `json:"-"` // the key
	Kind                   Kind   `json:"kind,omitempty"`
	Title                  string `json:"title"`
	Note                   string `json:"note,omitempty"`
	Resolved               int    `json:"resolved"`
	Unresolved             int    `json:"unresolved"`
	InfrastructureFailures int    `json:"infrastructure_failures"`
	Skipped                int    `json:"skipped"`
	Total                  int    `json:"total"`
	// Rate is the share of resolved tasks among those that were scored, with
	// the ends of its 95 % confidence interval.
	Rate     float64               `json:"rate"`
	RateLow  float64               `json:"rate_low"`
	RateHigh float64               `json:"rate_high"`
	Tasks    map[string]TaskReport `json:"tasks"`
}

// Scored is the number of tasks that the rate is about.
func (s SetReport) Scored() int { return s.Resolved + s.Unresolved }

// Unscored is the number of tasks that the rate is not about.
func (s SetReport) Unscored() int { return s.InfrastructureFailures + s.Skipped }

// A TaskReport is what became of one prediction.
type TaskReport struct {
	Verdict benchmarks.Verdict `json:"verdict"`
	Reason  benchmarks.Reason  `json:"reason,omitempty"`
	Detail  string             `json:"detail,omitempty"`
	Seconds float64            `json:"seconds"`
	// The listed tests by how they ended; nil where there is no log to grade.
	FailToPass *benchmarks.Tests `json:"FAIL_TO_PASS,omitempty"`
	PassToPass *benchmarks.Tests `json:"PASS_TO_PASS,omitempty"`
}

// Failed returns the listed tests that failed.
func (t TaskReport) Failed() []string {
	var failed []string
	for _, tests := range []*benchmarks.Tests{t.FailToPass, t.PassToPass} {
		if tests != nil {
			failed = append(failed, tests.Failure...)
		}
	}
	return failed
}

// Listed counts the listed tests that passed or failed.
func (t TaskReport) Listed() int {
	n := 0
	for _, tests := range []*benchmarks.Tests{t.FailToPass, t.PassToPass} {
		if tests != nil {
			n += len(tests.Success) + len(tests.Failure)
		}
	}
	return n
}

// Tasks returns the ids of all tasks of all sets, sorted.
func (r Report) Tasks() []string {
	ids := map[string]bool{}
	for _, s := range r.Sets {
		for id := range s.Tasks {
			ids[id] = true
		}
	}
	return slices.Sorted(maps.Keys(ids))
}

// JSON renders report.json.
func (r Report) JSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		return nil, fmt.Errorf("rendering report.json: %w", err)
	}
	return b.Bytes(), nil
}

// Read reads a report.json.
func Read(path string) (Report, error) {
	f, err := os.Open(path)
	if err != nil {
		return Report{}, err
	}
	defer f.Close()
	return Decode(path, f)
}

// Decode reads a report.json; name is for errors. Keys that this version does
// not know are left out.
func Decode(name string, r io.Reader) (Report, error) {
	var report Report
	if err := json.NewDecoder(r).Decode(&report); err != nil {
		return Report{}, fmt.Errorf("%s is not a report: %w", name, err)
	}
	if v := report.SchemaVersion; v != SchemaVersion {
		return Report{}, fmt.Errorf("%s has schema_version %d, and this program reads %d", name, v, SchemaVersion)
	}
	return report, nil
}

// MarshalJSON writes the sets as one object.
func (s Sets) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, set := range s {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := e.Encode(set.Name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := e.Encode(set); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON reads what MarshalJSON writes, and keeps the order.
func (s *Sets) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.Join(errors.New("sets must be an object"), err)
	}
	*s = nil
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var set SetReport
		if err := d.Decode(&set); err != nil {
			return fmt.Errorf("set %v: %w", name, err)
		}
		set.Name, _ = name.(string) // the keys of an object are strings
		*s = append(*s, set)
	}
	return nil
}
