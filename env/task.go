package env

import (
	"context"
	"io"
)

// A Task is one problem to solve, in the form of a SWE-bench row (classic, or
// v5 with image, eval_script, log_parser and eval_type).
type Task struct {
	ID               string   `json:"instance_id"`
	Repo             string   `json:"repo"`
	BaseCommit       string   `json:"base_commit"`
	ProblemStatement string   `json:"problem_statement"`
	Hints            string   `json:"hints_text,omitempty"`
	CreatedAt        string   `json:"created_at,omitempty"`
	Version          string   `json:"version,omitempty"`
	Patch            string   `json:"patch"`      // the gold patch, without tests
	TestPatch        string   `json:"test_patch"` // the hidden tests
	FailToPass       []string `json:"FAIL_TO_PASS"`
	PassToPass       []string `json:"PASS_TO_PASS"`

	// Image names the sandbox image; empty means the driver's own base.
	Image string `json:"image,omitempty"`
	// EvalScript applies the hidden tests and runs them (SWE-bench v5).
	EvalScript string `json:"eval_script,omitempty"`
	// LogParser names the parser of the eval script's output, for example
	// "parse_log_gotest".
	LogParser string `json:"log_parser,omitempty"`
	// EvalType is EvalPassAndFail (also when empty) or EvalFailOnly.
	EvalType string `json:"eval_type,omitempty"`

	// TestCommand runs the tests that exist in the repository, as its README
	// tells a developer to. Empty where nobody has said.
	TestCommand string `json:"test_command,omitempty"`
	// Needs names the programs that the image must hold. A task that misses
	// one is skipped, not failed.
	Needs []string `json:"needs,omitempty"`
	// Setup is a shell script that prepares an image for many tasks at once
	// (fills a build cache, say). It runs before the repository is there, and
	// its result is kept as a snapshot.
	Setup string `json:"setup,omitempty"`

	// Repository provides the source code. Nil means that the image holds it
	// in Workdir, as SWE-bench's images do.
	Repository Repository `json:"-"`
}

// The values of Task.EvalType.
const (
	EvalPassAndFail = "pass_and_fail"
	EvalFailOnly    = "fail_only"
)

// Workdir is where the repository stands in every sandbox.
const Workdir = "/testbed"

// A Repository provides the source code of a task.
type Repository interface {
	// Archive writes a tar stream of a git repository whose HEAD is at commit,
	// with its work tree checked out, and with no object that cannot be
	// reached from commit.
	Archive(ctx context.Context, commit string, w io.Writer) error
}
