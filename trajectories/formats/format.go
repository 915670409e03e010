package formats

import (
	"context"
	"io"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/document"
)

// A Format is a way in which some program writes trajectories. Import and
// Export are nil where that direction does not exist.
type Format struct {
	Name string // "swe-agent", "atif", …: what --from and --to take
	// Detect looks at one document of a file. It must be quick, and look at a
	// few members only.
	Detect func(n *document.Node) Match
	// Folder says which files of a folder are one trajectory together, in their
	// order. Nil for formats that keep to files.
	Folder func(dir string) (files []string, err error)
	// Import reads an input and hands over what it holds. Errors of the sink
	// are returned as they are.
	Import func(ctx context.Context, in *Input, to Sink) error
	// Export writes one trajectory.
	Export func(t Source, w io.Writer) error
	// Check says what is wrong with a document that Export has written, by the
	// rules of the format. Nil where a format has no rules.
	Check func(document []byte) error
	// Ending ends the name of a file with one exported trajectory: ".traj". Empty
	// says that trajectories are rows, of which a file takes many.
	Ending string
	// Lossy lists what Export would leave out of a trajectory.
	Lossy func(t *trajectories.Trajectory) []Loss
}

// A Match is how well a document fits a format; the zero Match is no fit.
type Match struct {
	Confidence Confidence
	// Version is that of the format, where it has versions.
	Version string
	// Events says that the documents of the file are the events of one
	// trajectory. Otherwise each of them is a trajectory, or several.
	Events bool
}

// Confidence is how sure a match is.
type Confidence int

// The confidences, from the lowest to the highest.
const (
	No       Confidence = iota
	Possible            // the members fit, and may fit other formats
	Likely              // the members fit no other format that is known
	Certain             // the document says so itself
)

// detect returns the format that fits a document best, of several that fit
// equally well the first.
func detect(all []Format, n *document.Node) (Format, Match, bool) {
	var best Format
	var match Match
	for _, f := range all {
		if f.Detect == nil {
			continue
		}
		if m := f.Detect(n); m.Confidence > match.Confidence {
			best, match = f, m
		}
	}
	return best, match, match.Confidence > No
}
