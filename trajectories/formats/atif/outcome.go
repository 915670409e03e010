package atif

import (
	"slices"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats/chat"
)

// The schema has no members for the task, the end and the patch. What was a log
// of another source has them in its extra, under these names.
const (
	taskMember   = "task_id"
	statusMember = "exit_status"
	patchMember  = "patch"
)

// statuses are those that a log may have.
var statuses = []trajectories.ExitStatus{
	trajectories.ExitSubmitted, trajectories.ExitStepLimit, trajectories.ExitTokenLimit, trajectories.ExitCostLimit,
	trajectories.ExitTimeLimit, trajectories.ExitFormatErrors, trajectories.ExitGaveUp, trajectories.ExitInfrastructure,
	trajectories.ExitCommandTimeouts, trajectories.ExitCancelled, trajectories.ExitCrashed, trajectories.ExitUnknown,
}

// outcome writes what became of a task, so that readers have it all the same.
func (x *exporter) outcome(h *trajectories.Header, e *trajectories.End) {
	var extra chat.Extra
	extra.Add(taskMember, h.Task.ID)
	extra.Add(statusMember, e.Status)
	if !e.PatchUnknown {
		extra.Add(patchMember, e.Patch)
	}
	x.write([]byte(`,"extra":`))
	x.write(extra.Object())
}

// An outcome is what [exporter.outcome] has written.
type outcome struct {
	task   string
	status trajectories.ExitStatus
	patch  *string // nil if it is not known
}

// outcome reads it, and reports whether it is there. Members of these names that
// another program has made for itself are not taken for it: they would have to
// be all three kinds of texts, with a status of ours among them.
func (i importer) outcome(n *document.Node) (outcome, bool, error) {
	var o outcome
	for name, to := range map[string]func(string){
		taskMember:   func(s string) { o.task = s },
		statusMember: func(s string) { o.status = trajectories.ExitStatus(s) },
		patchMember:  func(s string) { o.patch = &s },
	} {
		m, ok := n.Get("extra", name)
		if !ok || m.Kind() != document.String {
			continue
		}
		text, err := m.String()
		if err := i.in.Forgive(err); err != nil {
			return outcome{}, false, err
		}
		to(text)
	}
	return o, o.task != "" && slices.Contains(statuses, o.status), nil
}
