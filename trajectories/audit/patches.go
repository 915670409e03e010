package audit

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories"
)

const (
	// hugePatch is more bytes than anybody writes for one issue.
	hugePatch  = 100 << 10
	manyFiles  = 50
	mostParsed = 8 << 20 // bytes of a patch that are taken apart
)

// patches finds final patches that cannot be what was asked for.
type patches struct {
	silent
	e *episode
}

func startPatch(e *episode) watch { return patches{e: e} }

func (p patches) end(e *trajectories.End) {
	if e == nil || e.PatchUnknown {
		return
	}
	if strings.TrimSpace(e.Patch) == "" {
		if e.Status == trajectories.ExitSubmitted {
			p.empty()
		}
		return
	}
	at := Finding{Rule: Patch, Severity: High, Place: FinalPatch, Quote: p.e.quote(e.Patch, 0)}
	if !isDiff(e.Patch[:min(len(e.Patch), mostParsed)]) {
		at.Why = "the final patch is no patch"
		p.e.report(at)
		return
	}
	var files, binaries int
	for s := range sections(e.Patch[:min(len(e.Patch), mostParsed)]) {
		if files++; s.binary {
			if binaries++; binaries == 1 {
				f := at
				f.Quote, f.Why = p.e.quote(s.head, 0), "the patch holds the binary file "+s.path()
				p.e.report(f)
			}
		}
	}
	switch {
	case len(e.Patch) > hugePatch:
		at.Why = fmt.Sprintf("the patch has %d KB", len(e.Patch)>>10)
		p.e.report(at)
	case files > manyFiles:
		at.Why = fmt.Sprintf("the patch changes %d files", files)
		p.e.report(at)
	}
}

func (p patches) empty() {
	f := Finding{Rule: Patch, Severity: High, Place: FinalPatch, Why: "an empty patch was submitted"}
	if s := cmp.Or(p.e.handedIn, p.e.last); s != nil {
		f.Turn, f.Step, f.Action, f.Place, f.Quote = s.turn.N, s.n, s.action.ID, Call, p.e.quote(s.text(), 0)
	}
	p.e.report(f)
}
