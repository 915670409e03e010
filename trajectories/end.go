package trajectories

import "time"

// An End closes a trajectory.
type End struct {
	Time   time.Time  `json:"time,omitzero"`
	Status ExitStatus `json:"status"`
	// Limit is the limit that forced a submission, where one did: the program
	// handed in what was there. Status is ExitSubmitted then.
	Limit ExitStatus `json:"limit,omitempty"`
	// SourceStatus is the status in the source's own words.
	SourceStatus string `json:"source_status,omitempty"`
	// Detail says more in words where the status does not say it all.
	Detail string `json:"detail,omitempty"`
	// Patch is the final difference of the working tree, whatever the status.
	Patch string `json:"patch"`
	// PatchUnknown says that the source holds no patch, not even an empty one.
	PatchUnknown bool `json:"patch_unknown,omitempty"`
	// Submission is what the policy handed in, where that is not Patch.
	Submission *string `json:"submission,omitempty"`
	Usage      Usage   `json:"usage,omitzero"`
	// Redactions counts the secrets that were replaced in this log, by kind. As
	// "blocked" it counts those that are still there, because they stand in the
	// patch, in what was handed in, or in a text that is the same.
	Redactions map[string]int `json:"redactions,omitempty"`
	Origin     *Origin        `json:"origin,omitempty"`
}

// ExitStatus is how an episode ended, one of a closed set.
type ExitStatus string

// The exit statuses. ExitInfrastructure means that sandbox or model endpoint
// failed: such an episode says nothing about the policy and is run again. The
// last four are of imported trajectories alone.
const (
	ExitSubmitted       ExitStatus = "submitted"
	ExitStepLimit       ExitStatus = "step_limit"
	ExitTokenLimit      ExitStatus = "token_limit" // the limit of the model's context, too
	ExitCostLimit       ExitStatus = "cost_limit"
	ExitTimeLimit       ExitStatus = "time_limit"
	ExitFormatErrors    ExitStatus = "format_errors" // too many in a row
	ExitGaveUp          ExitStatus = "gave_up"       // the policy itself cannot go on
	ExitInfrastructure  ExitStatus = "infrastructure"
	ExitCommandTimeouts ExitStatus = "command_timeouts" // too many in a row
	ExitCancelled       ExitStatus = "cancelled"        // a person stopped it
	ExitCrashed         ExitStatus = "crashed"          // the program around the policy failed
	ExitUnknown         ExitStatus = "unknown"          // the source does not say
)

// Valid reports whether a status is one of the set, as exported files have them.
func (s ExitStatus) Valid() bool {
	switch s {
	case ExitSubmitted, ExitStepLimit, ExitTokenLimit, ExitCostLimit, ExitTimeLimit, ExitFormatErrors, ExitGaveUp,
		ExitInfrastructure, ExitCommandTimeouts, ExitCancelled, ExitCrashed, ExitUnknown:
		return true
	}
	return false
}
