// Package formatstest checks the importer of a format: that nothing of a real
// file is lost, and that no bad file does harm.
//
// What is in a file is counted twice. A format's test brings a counter of a few
// lines that knows nothing of the importer and looks at the decoded JSON as a
// map; what the import has handed over must equal it, in trajectories, actions,
// observations and bytes.
package formatstest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

// A Suite is what one importer is checked with.
type Suite struct {
	Format formats.Format
	// Detected are the formats among which the files have to be told apart;
	// Format alone if there are none.
	Detected []formats.Format
	// Files says whether a file of the folder that APPRENTICE_TESTDATA names is
	// of this format, by its path below trajectories/, with slashes.
	Files func(path string) bool
	// Want is how many such files there are at least, so that none is missed.
	Want int
	// Count counts a document of a real file.
	Count func(document any) Tally
	// Measure returns the bytes of a trajectory's actions and observations,
	// counted as Count counts them. Nil means the texts of the arguments, and
	// the texts that the policy saw.
	Measure func(t *trajectories.Trajectory) (actions, observations int)
	// Samples are documents made by hand, by name. They should use all that the
	// format has.
	Samples map[string]string
}

// A Tally is what a file holds.
type Tally struct {
	Trajectories, Actions, Observations int
	ActionBytes, ObservationBytes       int
}

// Add returns the sum of two tallies.
func (a Tally) Add(b Tally) Tally {
	a.Trajectories += b.Trajectories
	a.Actions += b.Actions
	a.Observations += b.Observations
	a.ActionBytes += b.ActionBytes
	a.ObservationBytes += b.ObservationBytes
	return a
}

// Run checks an importer.
func Run(t *testing.T, s Suite) {
	t.Run("real files", s.real)
	t.Run("shapes", s.shapes)
	t.Run("cut off", s.cut)
	t.Run("damaged", s.damaged)
	t.Run("other values", s.mutated)
}

func (s Suite) all() []formats.Format {
	if s.Detected != nil {
		return s.Detected
	}
	return []formats.Format{s.Format}
}

// Import imports one file. It checks that what comes is a readable log.
func (s Suite) Import(t testing.TB, path string, keepGoing bool) (formats.Report, []*trajectories.Trajectory, error) {
	t.Helper()
	var into formats.Collector
	var report formats.Report
	n := 0
	for r, err := range formats.Import(t.Context(), []string{path}, formats.Options{Formats: s.all(), To: &into, KeepGoing: keepGoing, Importer: "test"}) {
		n++
		require.Equal(t, 1, n, "one file, one report")
		if err != nil {
			return r, into.Whole, err
		}
		report = r
	}
	return report, into.Whole, nil
}

// write puts a file into a folder of the test's own.
func write(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

// names are the names of the samples in a fixed order.
func (s Suite) names() []string {
	var names []string
	for name := range s.Samples {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Root is the folder with the real files. The test is skipped without it.
func Root(t testing.TB) string {
	t.Helper()
	data := os.Getenv("APPRENTICE_TESTDATA")
	if data == "" {
		sandboxtest.Missing(t, "testdata", "APPRENTICE_TESTDATA names no folder with published trajectories")
	}
	return filepath.Join(data, "trajectories")
}

// files are the real files of the format.
func (s Suite) files(t testing.TB) []string {
	t.Helper()
	root := Root(t)
	var paths []string
	require.NoError(t, filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err == nil && s.Files(filepath.ToSlash(rel)) {
			paths = append(paths, path)
		}
		return err
	}))
	require.GreaterOrEqual(t, len(paths), s.Want, "real files of %s below %s", s.Format.Name, root)
	return paths
}

// label is the name of a test for a file: the end of its path.
func label(path string) string {
	parts := strings.Split(filepath.ToSlash(path), "/")
	return strings.Join(parts[max(0, len(parts)-2):], "/")
}
