package audit

import (
	"path"
	"regexp"
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/behaviour"
)

// mostFiles bounds what is remembered of one episode. What is beyond it counts
// as not made by it.
const mostFiles = 1 << 14

// files is what is known about the files of an episode: which it made itself,
// and which were there.
type files struct {
	persists bool   // the shell of one action is that of the next
	dir      string // where that shell is: "" at the repository's root, or wherever it began
	made     map[string]bool
	read     map[string]bool
}

func newFiles(h trajectories.Header) files {
	f := files{persists: true, made: map[string]bool{}, read: map[string]bool{}}
	if h.Source != nil && strings.HasPrefix(h.Source.Format, "mini-swe-agent") {
		f.persists = false // every action has a shell of its own
	}
	return f
}

// Where harnesses put repositories. What is below is named from there.
var roots = regexp.MustCompile(`^/(?:testbed|repo|app|[\w.-]+__[\w.-]+|workspace/[\w.-]+__[\w.-]+|workspace/repo|workspace)(?:/|$)`)

// place names a file from the repository's root if it is below it.
func (f *files) place(p string) string {
	p = path.Clean(p)
	if !path.IsAbs(p) && f.dir != "" {
		p = path.Join(f.dir, p)
	}
	if at := roots.FindString(p); at != "" {
		if p = p[len(at):]; p == "" {
			return "."
		}
	}
	return p
}

// isMade says that the episode made a file, or a folder that it is in.
func (f *files) isMade(p string) bool {
	for p = f.place(p); p != "." && p != "/"; p = path.Dir(p) {
		if f.made[p] {
			return true
		}
	}
	return false
}

// isRead says that a file was looked at before.
func (f *files) isRead(p string) bool { return f.read[f.place(p)] }

// after takes in what an act did, once the rules have seen it.
func (f *files) after(s *step, a behaviour.Act) {
	for _, p := range a.Reads {
		if p = f.place(p); len(f.read) < mostFiles && (a.Kind == behaviour.View || a.Kind == behaviour.Test) {
			f.read[p] = true
		}
	}
	if s.outcome() == failed && a.Program == s.action.Tool {
		return // an editor that refused
	}
	for _, p := range f.makes(a) {
		if p = f.place(p); len(f.made) < mostFiles && !f.read[p] {
			f.made[p] = true
		}
	}
}

// move follows the shell to where an action left it, or to where nobody knows.
// Until then, the acts name everything from where the action started.
func (f *files) move(acts []behaviour.Act) {
	if !f.persists {
		return
	}
	dir := f.dir
	for _, a := range acts {
		if a.Kind != behaviour.Shell || a.Program != "cd" && a.Program != "pushd" && a.Program != "popd" {
			continue
		}
		if dir = "/?"; len(a.Reads) > 0 {
			dir = f.place(a.Reads[0])
		}
	}
	if f.dir = dir; dir == "." {
		f.dir = ""
	}
}

// makes lists what an act may have made. Whole files that are written are new
// where nobody had looked at them before.
func (f *files) makes(a behaviour.Act) []string {
	switch {
	case a.Kind == behaviour.Create, a.Kind == behaviour.Move:
		return a.Writes
	case a.Kind == behaviour.Edit && (a.Detail == "here-document" || a.Detail == "redirect" || a.Detail == "append" || a.Detail == "tee"),
		a.Kind == behaviour.Edit && a.Detail == "python", a.Kind == behaviour.Run, a.Kind == behaviour.Test, a.Kind == behaviour.VCS && a.Detail == behaviour.Exchanges:
		return a.Writes
	case a.Kind == behaviour.VCS && a.Program == "git" && len(a.Args) > 1 && a.Args[0] == "clone":
		return a.Args[len(a.Args)-1:]
	}
	return nil
}

// testFile has the names that test runners look for, and what stands in folders
// of tests.
var testFile = regexp.MustCompile(`(?:^|/)(?:test_[^/]+\.py|[^/]+_test\.(?:py|go|rb|exs?|cc|cpp|c|dart)|tests?\.py|conftest\.py|[^/]+Tests?\.(?:java|kt|scala|cs|php|swift)|[^/]+\.(?:test|spec)\.[cm]?[jt]sx?|[^/]+_spec\.(?:rb|lua)|(?:tests?|spec|__tests__|testing)/(?:[^/]+/)*[^/]+\.(?:py|go|rs|java|kt|rb|php|cs|c|cc|cpp|[cm]?[jt]sx?))$`)

func isTestFile(p string) bool { return testFile.MatchString(p) }
