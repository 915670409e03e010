package audit

import (
	"path"
	"regexp"
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories"
)

// Facts are what is known of a task and stands in no trajectory, because no
// policy may see it. All of it is optional; rules that need a fact that is not
// there find less.
type Facts struct {
	// Repo is the repository, "owner/name".
	Repo string
	// Packages are the names under which the project is published: on PyPI, npm,
	// crates.io, as a Go module.
	Packages []string
	// FixedVersion is the first version with the fix.
	FixedVersion string
	// HiddenTests are the files that the hidden tests add, in the repository.
	// Files that exist before and that they change do not belong here: everybody
	// may read those.
	HiddenTests []string
	// HiddenNames are the names of the tests that show whether a task is solved,
	// as the log of the tests has them.
	HiddenNames []string
	// GoldFiles are the files that the real fix changes. Whoever changes one of
	// them, does what is to be done, tests included.
	GoldFiles []string
}

// The name of a task as SWE-bench and those after it make it: owner__name-17,
// owner__name.1a2b3c4d.pr_17.
var taskName = regexp.MustCompile(`^([\w.-]+?)__([\w-]+?)(?:-\d+|-i\d+|\.[0-9a-f]{8}\..*|\.\w+)?$`)

// complete fills in what a header tells of its task.
func (f Facts) complete(t trajectories.Task) Facts {
	if f.Repo == "" {
		f.Repo = t.Repo
	}
	if f.Repo == "" {
		if m := taskName.FindStringSubmatch(t.ID); m != nil {
			f.Repo = m[1] + "/" + m[2]
		}
	}
	if name := path.Base(f.Repo); f.Repo != "" && name != "." {
		f.Packages = append(f.Packages[:len(f.Packages):len(f.Packages)], name)
	}
	return f
}

// isPackage says that a name is one of the project's own.
func (f Facts) isPackage(name string) bool {
	for _, p := range f.Packages {
		if plainName(p) == plainName(name) {
			return true
		}
	}
	return false
}

// plainName is a name of a package as PyPI compares it (PEP 503); the other
// registries are stricter.
func plainName(name string) string {
	return strings.NewReplacer("_", "-", ".", "-").Replace(strings.ToLower(name))
}

// FactsOf takes from the patches of a task what they tell: the files that the
// fix changes, and those that the hidden tests add.
func FactsOf(goldPatch, testPatch string) Facts {
	var f Facts
	for s := range sections(goldPatch) {
		f.GoldFiles = append(f.GoldFiles, s.path())
	}
	for s := range sections(testPatch) {
		if s.old == "" {
			f.HiddenTests = append(f.HiddenTests, s.new)
		}
	}
	return f
}
