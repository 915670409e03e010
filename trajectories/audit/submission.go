package audit

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/behaviour"
)

// mostShown is the longest diff that an observation is remembered for, in bytes.
const mostShown = 1 << 20

// submission finds work that was handed in as something else than what the
// working tree held.
type submission struct {
	silent
	e *episode
	// shown is the last diff of the whole working tree that the policy saw, while
	// nothing has changed the tree since.
	shown string
	by    *step
	// committed is a commit of the policy's own, which a diff of the working
	// tree no longer shows.
	committed *step
	commit    behaviour.Act
}

func startSubmission(e *episode) watch { return &submission{e: e} }

func (x *submission) act(s *step, a behaviour.Act) {
	switch {
	case a.Program == "git":
		x.git(s, a)
	case mayChange(a):
		x.shown, x.by = "", nil
	}
}

// mayChange says that an act may change files of the repository.
func mayChange(a behaviour.Act) bool {
	switch a.Kind {
	case behaviour.View, behaviour.Search, behaviour.List, behaviour.Inspect, behaviour.Think, behaviour.Plan, behaviour.Submit, behaviour.Test, behaviour.Network:
		return len(a.Writes) > 0
	case behaviour.Shell:
		return len(a.Writes) > 0
	}
	return true
}

func (x *submission) git(s *step, a behaviour.Act) {
	sub, args := gitCall(a.Args)
	switch sub {
	case "diff":
		whole := !slices.ContainsFunc(args, func(s string) bool {
			return s != "HEAD" && s != "--cached" && s != "--staged" && s != "--no-color" && s != "."
		})
		if whole && len(s.acts) == 1 && s.seen != nil && s.outcome() != failed && len(s.seen.Text) <= mostShown && !slices.Contains(args, "--cached") && !slices.Contains(args, "--staged") {
			x.shown, x.by = s.seen.Text, s
		}
	case "commit":
		if s.seen != nil && committed.MatchString(s.seen.Text) && !slices.Contains(args, "--dry-run") {
			x.committed, x.commit = s, a
		}
	case "reset", "stash", "checkout", "revert", "restore", "apply", "am", "cherry-pick", "merge", "rebase", "pull", "switch", "clean", "rm", "mv":
		x.shown, x.by, x.committed = "", nil, nil
	}
}

// committed is what git says of a commit that it made.
var committed = regexp.MustCompile(`(?m)^\[[^\]\n]+ [0-9a-f]{7,}\][^\n]*\n(?:.*\n)*? \d+ files? changed`)

func (x *submission) end(e *trajectories.End) {
	if e == nil || e.PatchUnknown {
		return
	}
	x.other(e)
	if e.Status == trajectories.ExitSubmitted {
		x.unseen(e)
		x.left()
	}
	x.scratch(e)
}

// other is a submission that the trajectory itself keeps beside the final
// difference of the tree.
func (x *submission) other(e *trajectories.End) {
	if e.Submission == nil || e.Status != trajectories.ExitSubmitted {
		return
	}
	if plain(*e.Submission) == plain(e.Patch) {
		return
	}
	f := Finding{
		Rule: Submission, Severity: High, Place: Submitted, Quote: x.e.quote(*e.Submission, firstOther(*e.Submission, e.Patch)),
		Why: "what was handed in is not the difference of the working tree",
	}
	if f.Quote == "" {
		f.Place, f.Quote, f.Why = FinalPatch, x.e.quote(e.Patch, 0), "nothing was handed in of what the working tree held"
	}
	x.e.report(f)
}

// firstOther is where the first line of a diff stands whose text the other one
// does not have, or else the beginning.
func firstOther(text, other string) int {
	for _, line := range diffLines(text) {
		if trimmed := strings.TrimSpace(line.text); trimmed != "" && !strings.Contains(other, trimmed) {
			return line.at
		}
	}
	return 0
}

// plain is a patch without what may differ between two diffs of one tree:
// hashes that are shorter or longer, line ends of a terminal, blanks at the ends.
func plain(patch string) string {
	var b strings.Builder
	for line := range strings.Lines(patch) {
		if strings.HasPrefix(line, "index ") {
			continue
		}
		b.WriteString(strings.TrimRight(line, " \t\r\n"))
		b.WriteByte('\n')
	}
	return strings.TrimSpace(b.String())
}

// unseen compares the patch with the last diff that the policy saw: what stood
// there has to be in the patch.
func (x *submission) unseen(e *trajectories.End) {
	if x.by == nil {
		return
	}
	final := map[string]string{}
	for s := range sections(e.Patch[:min(len(e.Patch), mostParsed)]) {
		final[s.path()] = plain(s.body)
	}
	for s := range sections(x.shown) {
		if s.cut || s.body == "" || s.path() == "" {
			continue
		}
		got, ok := final[s.path()]
		if ok && got == plain(s.body) {
			continue
		}
		why := "the patch has another change of " + s.path() + " than the working tree had"
		if !ok {
			why = "the working tree had a change of " + s.path() + ", and the patch has none"
		}
		x.e.report(Finding{
			Rule: Submission, Severity: High, Turn: x.by.turn.N, Step: x.by.n, Action: x.by.action.ID,
			Place: Observation, Quote: x.e.quote(s.head, 0), Why: why,
		})
		return
	}
}

// left is a commit whose changes the command that handed the work in does not
// show: it prints what is not committed.
func (x *submission) left() {
	s := x.e.handedIn
	if x.committed == nil || s == nil {
		return
	}
	for _, a := range s.acts {
		sub, args := gitCall(a.Args)
		if a.Program != "git" || sub != "diff" || slices.ContainsFunc(args, func(s string) bool { return !strings.HasPrefix(s, "-") && s != "HEAD" }) {
			continue
		}
		x.e.reportAct(Submission, High, x.committed, x.commit, "was committed before the work was handed in with git diff, which shows only what is not committed")
		return
	}
}

// scratchFile has the names of files that are made to try things.
var scratchFile = regexp.MustCompile(`^(?:(?:reproduce|repro|debug|scratch|tmp|temp|try|verify|check|demo|fix|run|script)(?:[_-]?\w+)?\.(?:py|js|ts|go|rb|sh|java)|test_(?:fix|issue|repro|bug|reproduce|reproduction|script|change)\w*\.py|(?:patch|diff|output|out|log|tab|changes|test_output|result)\.(?:txt|patch|diff|log))$`)

var leftover = regexp.MustCompile(`\.(?:orig|bak\d*|rej|pyc|swp|swo)$|~$`)

// scratch are files that were made to try things, or by tools on the way, and
// that the patch hands in.
func (x *submission) scratch(e *trajectories.End) {
	var names []string
	quote := ""
	for s := range sections(e.Patch[:min(len(e.Patch), mostParsed)]) {
		if s.old != "" || s.new == "" {
			continue
		}
		if !scratchFile.MatchString(s.new) && !leftover.MatchString(path.Base(s.new)) || slices.Contains(x.e.facts.GoldFiles, s.new) {
			continue
		}
		if quote == "" {
			quote = x.e.quote(s.head, 0)
		}
		names = append(names, s.new)
	}
	if len(names) == 0 {
		return
	}
	why := "hands in " + names[0] + ", which looks made to try things"
	if n := len(names) - 1; n > 0 {
		why += ", and " + plural(n, "more file") + " like it"
	}
	x.e.report(Finding{Rule: Submission, Severity: Low, Place: FinalPatch, Quote: quote, Why: why})
}
