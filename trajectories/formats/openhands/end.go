package openhands

import (
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// failureStatus tells how an episode ended from the words of an error. The first
// that fit count.
func failureStatus(text string) trajectories.ExitStatus {
	text = strings.ToLower(text)
	for _, f := range []struct {
		words  []string
		status trajectories.ExitStatus
	}{
		{[]string{"maximum iteration", "max iteration", "maxiterations"}, trajectories.ExitStepLimit},
		{[]string{"budget"}, trajectories.ExitCostLimit},
		{[]string{"stuck in a loop", "stuckinloop"}, trajectories.ExitGaveUp},
		{[]string{"context window", "contextwindow", "context length"}, trajectories.ExitTokenLimit},
		{[]string{"ratelimit", "rate limit", "apiconnection", "internalservererror", "serviceunavailable", "bad gateway", "apierror", "authenticationerror"}, trajectories.ExitInfrastructure},
		{[]string{"runtime disconnected", "agentruntime", "runtimeunavailable", "docker"}, trajectories.ExitInfrastructure},
		{[]string{"timeout", "timed out"}, trajectories.ExitTimeLimit},
		{[]string{"cancel", "keyboardinterrupt"}, trajectories.ExitCancelled},
	} {
		for _, w := range f.words {
			if strings.Contains(text, w) {
				return f.status
			}
		}
	}
	return trajectories.ExitCrashed
}

// stateStatus tells how an episode ended from the agent's state (V0) or the
// conversation's (V1).
func stateStatus(state string) trajectories.ExitStatus {
	switch state {
	case "finished":
		return trajectories.ExitSubmitted
	case "rejected", "stuck":
		return trajectories.ExitGaveUp
	case "stopped", "paused", "deleting":
		return trajectories.ExitCancelled
	case "error":
		return trajectories.ExitCrashed
	}
	return trajectories.ExitUnknown
}

// end writes the end. The state is the last one that the events tell of.
func (t *talk) end(state string, usage trajectories.Usage) error {
	if err := t.flush(); err != nil {
		return err
	}
	if err := t.begin(); err != nil {
		return err
	}
	e := trajectories.End{Status: stateStatus(state), SourceStatus: state, PatchUnknown: t.row.patch == nil, Usage: usage}
	if t.row.patch != nil {
		e.Patch = *t.row.patch
	}
	switch {
	case t.row.failure != "":
		e.Status = failureStatus(t.row.failure)
		e.SourceStatus, _, _ = strings.Cut(t.row.failure, "\n")
		if e.SourceStatus != t.row.failure {
			e.Detail = t.row.failure
		}
	case t.out.Finished():
		e.Status = trajectories.ExitSubmitted
	}
	if m := t.row.metrics; m != nil {
		e.Usage = m.usage()
		var extra members.List
		extra.AddRaw("metrics", m.Rest)
		if object := extra.Object(); object != nil {
			e.Origin = &trajectories.Origin{Extra: object}
		}
	}
	e.Usage.Calls = t.out.Usage().Calls
	return t.out.End(e)
}
