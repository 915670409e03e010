package sweagent

import (
	"strconv"
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// end makes the end of what info says.
func (r *reader) end() (trajectories.End, error) {
	e := trajectories.End{Status: trajectories.ExitUnknown, PatchUnknown: true}
	info := formats.Member(r.run, "info")
	var err error
	if e.SourceStatus, err = r.in.Text(info, "exit_status"); err != nil {
		return e, err
	}
	if e.SourceStatus != "" {
		e.Status, e.Limit = status(e.SourceStatus)
		if e.Status == trajectories.ExitUnknown {
			r.in.Warn(info, "the exit status %.80q is not known", e.SourceStatus)
		}
	} else if info != nil {
		r.in.Warn(info, "the run has no exit status: it was not finished")
	}
	if formats.Member(info, "submission") != nil {
		if e.Patch, err = r.in.Text(info, "submission"); err != nil {
			return e, err
		}
		e.PatchUnknown = false
	}
	model := formats.Member(info, "model_stats")
	for _, n := range []struct {
		to   *int
		name string
	}{
		{&e.Usage.Calls, "api_calls"}, {&e.Usage.PromptTokens, "tokens_sent"}, {&e.Usage.CompletionTokens, "tokens_received"},
	} {
		if *n.to, err = r.in.Whole(model, n.name); err != nil {
			return e, err
		}
	}
	// There is a total_cost too, in old files: of all runs of that process.
	if e.Usage.Cost, err = r.in.Number(model, "instance_cost"); err != nil {
		return e, err
	}
	var origin members.List
	known := []string{"model_stats"}
	if e.SourceStatus != "" {
		known = append(known, "exit_status")
	}
	if !e.PatchUnknown {
		known = append(known, "submission")
	}
	rest, err := r.in.Rest(info, known...)
	if err != nil {
		return e, err
	}
	origin.AddRaw("info", rest)
	if rest, err = r.in.Rest(model, noted(e.Usage)...); err != nil {
		return e, err
	}
	origin.AddRaw("model_stats", rest)
	origin.AddRaw("retry", r.retry)
	if o := origin.Object(); o != nil {
		e.Origin = &trajectories.Origin{Extra: o}
	}
	return e, nil
}

// noted names the numbers that a usage holds. A zero is kept beside it: the file
// may as well say nothing.
func noted(u trajectories.Usage) []string {
	var names []string
	for _, s := range stats(u) {
		if s.value != 0 {
			names = append(names, s.name)
		}
	}
	return names
}

// A stat is one of the numbers that a run has cost.
type stat struct {
	name  string
	value float64
}

func stats(u trajectories.Usage) []stat {
	return []stat{
		{"instance_cost", u.Cost}, {"tokens_sent", float64(u.PromptTokens)},
		{"tokens_received", float64(u.CompletionTokens)}, {"api_calls", float64(u.Calls)},
	}
}

// statistics writes what a run has cost, with the zeros or without.
func statistics(u trajectories.Usage, zeros bool) members.List {
	var m members.List
	for _, s := range stats(u) {
		if s.value != 0 || zeros {
			m.AddRaw(s.name, strconv.AppendFloat(nil, s.value, 'f', -1, 64))
		}
	}
	return m
}

// status maps the exit statuses of SWE-agent. After most errors it hands in
// what there is, and notes the error in brackets.
func status(s string) (status, limit trajectories.ExitStatus) {
	if inner, ok := strings.CutPrefix(s, "submitted ("); ok {
		limit = plain(strings.TrimSuffix(inner, ")"))
		if limit == trajectories.ExitUnknown {
			limit = ""
		}
		return trajectories.ExitSubmitted, limit
	}
	if strings.HasPrefix(s, "skipped") {
		return trajectories.ExitCancelled, ""
	}
	return plain(s), ""
}

func plain(s string) trajectories.ExitStatus {
	switch s {
	case "submitted":
		return trajectories.ExitSubmitted
	case "exit_cost":
		return trajectories.ExitCostLimit
	case "exit_context":
		return trajectories.ExitTokenLimit
	case "exit_format":
		return trajectories.ExitFormatErrors
	case "exit_total_execution_time":
		return trajectories.ExitTimeLimit
	case "exit_command_timeout":
		return trajectories.ExitCommandTimeouts
	case "exit_forfeit", "exit_command": // the policy asked for it, or typed exit
		return trajectories.ExitGaveUp
	case "exit_api", "exit_environment_error", "early_exit":
		return trajectories.ExitInfrastructure
	case "exit_error", "unknown_exit":
		return trajectories.ExitCrashed
	}
	return trajectories.ExitUnknown
}

// statusOf is how SWE-agent calls the end of an episode.
func statusOf(e trajectories.End) string {
	if e.Status == trajectories.ExitSubmitted && e.Limit != "" {
		return "submitted (" + word(e.Limit) + ")"
	}
	return word(e.Status)
}

func word(s trajectories.ExitStatus) string {
	for _, name := range []string{
		"submitted", "exit_cost", "exit_context", "exit_format", "exit_total_execution_time", "exit_command_timeout",
		"exit_forfeit", "exit_environment_error", "exit_error",
	} {
		if plain(name) == s {
			return name
		}
	}
	return string(s) // it has no word for it
}

// byProgram says whether SWE-agent itself writes such an action when a run
// ends.
func byProgram(action string) bool {
	switch strings.TrimSpace(action) {
	case "exit_cost", "exit_context", "exit_format", "exit_error", "exit_api", "exit_environment_error",
		"exit_total_execution_time", "exit_command_timeout", "early_exit":
		return true
	}
	return false
}
