package mini

import (
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// end makes the end of what the file notes of it.
func (r *reader) end() (trajectories.End, error) {
	if r.root.Kind() == document.Array {
		return r.bare()
	}
	var e trajectories.End
	var err error
	info := formats.Member(r.root, "info")
	if e.SourceStatus, err = r.in.Text(info, "exit_status"); err != nil {
		return e, err
	}
	submission, err := r.in.Text(info, "submission")
	if err != nil {
		return e, err
	}
	if e.Usage.Calls, err = r.in.Whole(info, "model_stats", "api_calls"); err != nil {
		return e, err
	}
	if e.Usage.Cost, err = r.in.Number(info, "model_stats", "instance_cost"); err != nil {
		return e, err
	}
	if e.Detail, err = r.in.Text(info, "exception_str"); err != nil {
		return e, err
	}
	costs, err := r.in.Number(info, "config", "agent", "cost_limit")
	if err != nil {
		return e, err
	}
	e.Status = status(e.SourceStatus, costs > 0 && e.Usage.Cost >= costs)
	if e.SourceStatus == "" {
		r.in.Warn(info, "the run has no exit status: it was not finished")
	}
	handIn(&e, submission, formats.Member(info, "submission") != nil)
	origin, err := r.closing(submission, e.SourceStatus)
	if err != nil {
		return e, err
	}
	stats, err := r.in.Rest(formats.Member(info, "model_stats"), "api_calls", "instance_cost")
	if err != nil {
		return e, err
	}
	origin.AddRaw("model_stats", stats)
	e.Origin = originOf(&origin)
	return e, nil
}

// handIn says what the submission is. What was handed in after all went well
// is the patch, or a text if it does not look like one; otherwise version 1 has
// the exception here.
func handIn(e *trajectories.End, submission string, known bool) {
	switch {
	case !known:
		e.PatchUnknown = true
	case looksLikePatch(submission), submission == "":
		e.Patch = submission
	default:
		e.PatchUnknown, e.Submission = true, &submission
	}
}

func looksLikePatch(s string) bool {
	for line := range strings.Lines(s) {
		if strings.HasPrefix(line, "diff --git ") || strings.HasPrefix(line, "--- ") {
			return true
		}
	}
	return false
}

// closing reads the last message, which repeats what info says, and returns
// where it does not. In version 1.1 a run that has ended has one as a rule; the
// member is null for those that have none.
func (r *reader) closing(submission, status string) (members.List, error) {
	var origin members.List
	if r.held != nil { // version 1
		m := *r.held
		r.held = nil
		m.Role, m.Kind = "environment", trajectories.MessageExit
		return origin, r.to.Message(m)
	}
	if r.exit == nil {
		if r.extras && status != "" {
			origin.Add("exit", nil)
		}
		return origin, nil
	}
	var differs members.List
	content, err := r.in.Text(r.exit, "content")
	if err != nil {
		return origin, err
	}
	if content != submission {
		differs.Add("content", content)
	}
	extra := formats.Member(r.exit, "extra")
	repeats := formats.Word(extra, "exit_status") == status && formats.Word(extra, "submission") == submission &&
		formats.Member(extra, "exit_status") != nil && formats.Member(extra, "submission") != nil
	if repeats {
		rest, err := r.in.Rest(extra, "exit_status", "submission")
		if err != nil {
			return origin, err
		}
		differs.AddRaw("extra", rest)
	} else {
		whole, err := r.in.Rest(extra)
		if err != nil {
			return origin, err
		}
		if whole == nil {
			whole = []byte("{}")
		}
		differs.AddRaw("whole_extra", whole)
	}
	rest, err := r.in.Rest(r.exit, "role", "content", "extra")
	if err != nil {
		return origin, err
	}
	differs.AddRaw("message", rest)
	if differs.Object() == nil && status == "" {
		differs.Add("content", content)
	}
	origin.AddRaw("exit", differs.Object())
	return origin, nil
}

// bare is the end of a list of messages, which notes nothing: that the last
// command was the one that submits is all there is to know.
func (r *reader) bare() (trajectories.End, error) {
	e := trajectories.End{Status: trajectories.ExitUnknown, PatchUnknown: true}
	if r.held != nil {
		if err := r.flush(); err != nil {
			return e, err
		}
	}
	if r.submits {
		e.Status = trajectories.ExitSubmitted
		if looksLikePatch(r.shown) {
			e.Patch, e.PatchUnknown = r.shown, false
		}
	}
	return e, nil
}

// status maps the exit statuses of mini-swe-agent: a few of its own, and the
// names of the exceptions that ended a run.
func status(s string, costs bool) trajectories.ExitStatus {
	switch s {
	case "":
		return trajectories.ExitUnknown
	case "Submitted":
		return trajectories.ExitSubmitted
	case "LimitsExceeded":
		if costs {
			return trajectories.ExitCostLimit
		}
		return trajectories.ExitStepLimit
	case "TimeExceeded":
		return trajectories.ExitTimeLimit
	case "RepeatedFormatError":
		return trajectories.ExitFormatErrors
	case "UserInterruption", "KeyboardInterrupt":
		return trajectories.ExitCancelled
	case "ContextWindowExceededError":
		return trajectories.ExitTokenLimit
	// Of litellm, of its HTTP client, and of the program that starts containers.
	case "APIError", "APIConnectionError", "APIStatusError", "APITimeoutError", "AuthenticationError", "BadGatewayError",
		"InternalServerError", "NotFoundError", "PermissionDeniedError", "RateLimitError", "ServiceUnavailableError",
		"Timeout", "CalledProcessError", "TimeoutExpired", "ConnectionError", "ReadTimeout":
		return trajectories.ExitInfrastructure
	}
	return trajectories.ExitCrashed
}
