package mini

import (
	"encoding/json"
	"strconv"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// closing writes the last message, and all that stands outside the messages.
func (e *exporter) closing(h trajectories.Header, end trajectories.End) error {
	_, x, err := e.origin(end.Origin)
	if err != nil {
		return err
	}
	status := end.SourceStatus
	if !e.own {
		status = statusOf(end.Status)
	}
	submission, known := end.Patch, !end.PatchUnknown
	if end.Submission != nil {
		submission, known = *end.Submission, true
	}
	if err := e.exit(status, submission, x); err != nil {
		return err
	}
	_, header, err := e.origin(h.Origin)
	if err != nil {
		return err
	}
	var stats, info, root members.List
	stats.AddRaw("instance_cost", number(end.Usage.Cost))
	stats.AddRaw("api_calls", strconv.AppendInt(nil, int64(end.Usage.Calls), 10))
	stats.AddAll(x.ModelStats)
	info.AddRaw("model_stats", stats.Object())
	info.Add("mini_version", h.Policy.Version)
	addOrNull(&info, "exit_status", status, status != "")
	addOrNull(&info, "submission", submission, known)
	if e.own {
		info.AddAll(header.Info)
	} else {
		info.AddRaw("config", config(h))
		if end.Detail != "" {
			info.Add("exception_str", end.Detail)
		}
	}
	root.AddRaw("info", info.Object())
	root.Add("trajectory_format", Name11)
	root.Add("instance_id", h.Task.ID)
	root.AddAll(header.Rest)
	if _, err := e.w.WriteString("],"); err != nil {
		return err
	}
	_, err = e.w.Write(append(root.Object()[1:], '\n'))
	return err
}

func addOrNull(m *members.List, name, text string, known bool) {
	if !known {
		m.Add(name, nil)
		return
	}
	m.Add(name, text)
}

// exit writes the message that repeats how a run has ended.
func (e *exporter) exit(status, submission string, x extras) error {
	if status == "" && x.Exit == nil || string(x.Exit) == "null" {
		return nil
	}
	var differs struct {
		Content        *string
		Extra, Message json.RawMessage
		WholeExtra     json.RawMessage `json:"whole_extra"`
	}
	if x.Exit != nil {
		if err := json.Unmarshal(x.Exit, &differs); err != nil {
			return err
		}
	}
	content := submission
	if differs.Content != nil {
		content = *differs.Content
	}
	var m, extra members.List
	m.Add("role", "exit")
	m.Add("content", content)
	if differs.WholeExtra != nil {
		m.AddRaw("extra", differs.WholeExtra)
	} else {
		extra.Add("exit_status", status)
		extra.Add("submission", submission)
		extra.AddAll(differs.Extra)
		m.AddRaw("extra", extra.Object())
	}
	m.AddAll(differs.Message)
	return e.message(m)
}

// config is as much of a configuration as other programs' trajectories know.
func config(h trajectories.Header) json.RawMessage {
	var model, environment, all members.List
	model.Add("model_name", h.Policy.Model)
	environment.Add("image", h.Task.Image)
	all.AddRaw("model", model.Object())
	all.AddRaw("environment", environment.Object())
	return all.Object()
}

// statusOf is how mini-swe-agent calls an exit status.
func statusOf(s trajectories.ExitStatus) string {
	switch s {
	case trajectories.ExitUnknown:
		return ""
	case trajectories.ExitSubmitted:
		return "Submitted"
	case trajectories.ExitStepLimit, trajectories.ExitCostLimit:
		return "LimitsExceeded"
	case trajectories.ExitTimeLimit:
		return "TimeExceeded"
	case trajectories.ExitTokenLimit:
		return "ContextWindowExceededError"
	case trajectories.ExitFormatErrors:
		return "RepeatedFormatError"
	case trajectories.ExitCancelled:
		return "UserInterruption"
	}
	return string(s) // as it does with what it has no word for: the name of the cause
}
