package benchmarks

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
)

// An Application is the attempt to apply a patch to the repository of a task.
type Application struct {
	Applied bool
	By      string // the command that applied it
	Log     string // what the commands printed, in the harness's words
}

const patchPath = "/tmp/patch.diff"

// applyTimeout bounds one command that applies a patch.
const applyTimeout = 5 * time.Minute

// chain lists the commands that are tried in turn until one exits with 0.
//
// That of release 4 does not clean up between them: "git apply --reject" leaves
// what it could apply, and patch goes on from there.
func (r Rules) chain() [][]string {
	if r == V5 {
		return [][]string{
			{"git", "apply", "--verbose", patchPath},
			{"git", "apply", "--verbose", "--3way", patchPath},
			{"git", "apply", "--verbose", "--reject", patchPath},
			{"patch", "--batch", "--forward", "--fuzz=5", "-p1", "-i", patchPath},
		}
	}
	return [][]string{
		{"git", "apply", "--verbose", patchPath},
		{"git", "apply", "--verbose", "--reject", patchPath},
		{"patch", "--batch", "--fuzz=5", "-p1", "-i", patchPath},
	}
}

// Apply applies a patch to the repository in the sandbox, as the harness would.
// That it does not apply is an Application; an error means that the sandbox
// could not do its work.
func (r Rules) Apply(ctx context.Context, sb env.Sandbox, patch string) (Application, error) {
	a, err := r.apply(ctx, sb, patch)
	if err != nil {
		return Application{}, fmt.Errorf("applying the patch: %w", err)
	}
	return a, nil
}

func (r Rules) apply(ctx context.Context, sb env.Sandbox, patch string) (Application, error) {
	if err := sb.WriteFile(ctx, patchPath, []byte(patch)); err != nil {
		return Application{}, err
	}
	var log strings.Builder
	for i, argv := range r.chain() {
		if i > 0 && r == V5 {
			for _, clean := range [][]string{{"git", "checkout", "--", "."}, {"git", "clean", "-fd"}} {
				if _, err := inRepository(ctx, sb, clean); err != nil {
					return Application{}, err
				}
			}
		}
		result, err := inRepository(ctx, sb, argv)
		if err != nil {
			return Application{}, err
		}
		if result.Succeeded() {
			fmt.Fprintf(&log, ">>>>> Applied Patch:\n%s", result.Output)
			return Application{Applied: true, By: command(argv), Log: log.String()}, nil
		}
		fmt.Fprintf(&log, "Failed to apply patch to container: %s\n%s%s\n", command(argv), result.Output, result.Reason)
	}
	if r == V5 {
		// A patch that is there already, a reversed one for example.
		check := []string{"git", "apply", "--check", "--reverse", patchPath}
		result, err := inRepository(ctx, sb, check)
		if err != nil {
			return Application{}, err
		}
		if result.Succeeded() {
			return Application{Applied: true, By: command(check), Log: log.String()}, nil
		}
	}
	return Application{Log: log.String()}, nil
}

func inRepository(ctx context.Context, sb env.Sandbox, argv []string) (sandbox.Result, error) {
	return sb.Run(ctx, sandbox.Command{Argv: argv, Dir: env.Workdir, Timeout: applyTimeout, OutputCap: 1 << 20})
}

// command is argv without the path of the patch.
func command(argv []string) string { return strings.Join(argv[:len(argv)-1], " ") }
