package mini

import (
	"encoding/json"
	"io"
	"strconv"
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
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
	var stats, info, root formats.Members
	stats.Add("instance_cost", number(end.Usage.Cost))
	stats.Add("api_calls", strconv.AppendInt(nil, int64(end.Usage.Calls), 10))
	stats.AddAll(x.ModelStats)
	info.Add("model_stats", stats.Object())
	info.AddText("mini_version", h.Policy.Version)
	addOrNull(&info, "exit_status", status, status != "")
	addOrNull(&info, "submission", submission, known)
	if e.own {
		info.AddAll(header.Info)
	} else {
		info.Add("config", config(h))
		if end.Detail != "" {
			info.AddText("exception_str", end.Detail)
		}
	}
	root.Add("info", info.Object())
	root.AddText("trajectory_format", Name11)
	root.AddText("instance_id", h.Task.ID)
	root.AddAll(header.Rest)
	if _, err := e.w.WriteString("],"); err != nil {
		return err
	}
	_, err = e.w.Write(append(root.Object()[1:], '\n'))
	return err
}

func addOrNull(m *formats.Members, name, text string, known bool) {
	if !known {
		m.Add(name, json.RawMessage("null"))
		return
	}
	m.AddText(name, text)
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
	var m, extra formats.Members
	m.AddText("role", "exit")
	m.AddText("content", content)
	if differs.WholeExtra != nil {
		m.Add("extra", differs.WholeExtra)
	} else {
		extra.AddText("exit_status", status)
		extra.AddText("submission", submission)
		extra.AddAll(differs.Extra)
		m.Add("extra", extra.Object())
	}
	m.AddAll(differs.Message)
	return e.message(m)
}

// config is as much of a configuration as other programs' trajectories know.
func config(h trajectories.Header) json.RawMessage {
	var model, environment, all formats.Members
	model.AddText("model_name", h.Policy.Model)
	environment.AddText("image", h.Task.Image)
	all.Add("model", model.Object())
	all.Add("environment", environment.Object())
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

func newReader(text json.RawMessage) io.Reader { return strings.NewReader(string(text)) }
