package sandbox

import (
	"context"
	"time"
)

// A Shell is a bash session inside a sandbox. Its state (directory, variables,
// functions, background jobs) survives from one script to the next.
type Shell interface {
	// Run runs a script in the session. A timeout kills what the script
	// started, background jobs of earlier scripts excepted.
	Run(ctx context.Context, script string, timeout time.Duration) (ShellResult, error)

	// Close ends the session and everything that it started.
	Close() error
}

// A ShellResult is the end of one script in a Shell.
type ShellResult struct {
	Result
	// Dir is the session's working directory afterwards.
	Dir string `json:"dir"`
	// Restarted says that the script ended the shell itself (exit, exec, kill,
	// a timeout that it ignored). A new shell has taken its place, in the same
	// directory and with the exported variables as they last were known.
	Restarted bool `json:"restarted,omitempty"`
}
