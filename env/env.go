// Package env turns a task and a sandbox into an environment: the repository
// of a [Task] at its base commit, in which a policy acts through [Tool]s.
//
//	e, err := env.Open(ctx, sb, task, env.Options{}) // reset
//	obs, err := e.Do(ctx, action)                    // step
//	diff, err := e.Patch(ctx)                        // what changed since reset
//
// A [Launcher] also starts the sandbox that an environment needs, and keeps
// what the tasks' setup scripts prepare.
//
// Open puts the repository at the base commit, removes everything newer (refs,
// tags, reflogs, unreachable objects, remotes) and proves that nothing is left
// before any policy sees it. The hidden tests of a task are not in the sandbox
// while a policy works. Time zone, locale and hash seeds are fixed.
//
// Every policy acts through the tools alone, the scripted expert too, so that
// all trajectories speak one language: bash, str_replace_editor, search and
// submit.
//
// Repositories that an image does not hold come from package env/gitrepo,
// which builds and prunes them with go-git outside the sandbox.
package env

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// A Sandbox is what an environment needs of a started sandbox. The client in
// package sandbox/guest provides it for every driver.
type Sandbox interface {
	// Run runs one command to its end.
	Run(ctx context.Context, cmd sandbox.Command) (sandbox.Result, error)
	// ReadFile returns the contents of a regular file; the error matches
	// fs.ErrNotExist if there is none.
	ReadFile(ctx context.Context, path string) ([]byte, error)
	// WriteFile writes a regular file, making its parent folders as needed.
	WriteFile(ctx context.Context, path string, data []byte) error
	// Stat returns what is known of a file; links are followed.
	Stat(ctx context.Context, path string) (sandbox.File, error)
	// PutTar unpacks a tar stream below dir.
	PutTar(ctx context.Context, dir string, tar io.Reader) error
	// Shell starts a bash session in dir.
	Shell(ctx context.Context, dir string) (sandbox.Shell, error)
}

// An Action is one tool call of a policy.
type Action struct {
	// ID is unique in its trajectory; observations refer to it.
	ID string `json:"id"`
	// Tool is the tool's name.
	Tool string `json:"tool"`
	// Arguments is the JSON object of the tool's arguments, as the policy
	// wrote it.
	Arguments json.RawMessage `json:"arguments"`
}

// An Observation is what came back for one action.
type Observation struct {
	// Action is the ID of the action.
	Action string `json:"action"`
	// Text is what the policy sees.
	Text string `json:"text"`
	// Failed says that the tool refused the call or its command did not end
	// with exit code 0.
	Failed bool `json:"failed,omitempty"`
	// Result is the end of the command, for tools that run one; its output is
	// in Text.
	Result *sandbox.Result `json:"result,omitempty"`
	// Submitted says that this action ended the episode.
	Submitted bool `json:"submitted,omitempty"`
	// Duration is the wall time that the action took.
	Duration time.Duration `json:"duration"`
}

// A Tool is one thing that a policy can do in an environment. Tools are
// immutable; the same definition is rendered for every model interface.
type Tool struct {
	Name        string
	Description string
	// Parameters is the JSON schema of the arguments.
	Parameters json.RawMessage
	// Run acts. An error means that the environment is broken; whatever is
	// wrong with the arguments or the command is an observation.
	Run func(ctx context.Context, e *Environment, arguments json.RawMessage) (Observation, error)
}
