package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/apprentice-rl/apprentice/agent"
	"github.com/apprentice-rl/apprentice/benchmarks"
	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox/guest/program"
	"github.com/apprentice-rl/apprentice/sandbox/local/store"
	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	recorded "github.com/apprentice-rl/apprentice/trajectories/store"
)

// The exit codes, as the help of the root command documents them.
const (
	exitDone           = 0
	exitFellShort      = 1
	exitUser           = 2
	exitInfrastructure = 3
	exitInterrupted    = 130
)

var (
	// errFellShort: everything ran, but the result is below what was asked.
	errFellShort = errors.New("fell short")
	// errSaid: the error has been printed already.
	errSaid = errors.New("said before")
)

// A userError is one that the user can mend by another input.
type userError struct{ err error }

func (e userError) Error() string { return e.err.Error() }
func (e userError) Unwrap() error { return e.err }

// userf makes a userError.
func userf(format string, args ...any) error { return userError{fmt.Errorf(format, args...)} }

// exitCode maps the families of errors to exit codes. What is neither the
// user's nor a shortfall is the infrastructure's.
func exitCode(err error) int {
	var (
		user      userError
		row       *env.RowError
		unknown   *benchmarks.UnknownTaskError
		event     *trajectories.EventError
		recording *agent.InputError
		grading   *benchmarks.InputError
		spent     *agent.BudgetError
		reference *store.ReferenceError
		broken    *document.Error
		refused   *formats.RefusedError
		archive   *recorded.ArchiveError
	)
	switch {
	case errors.Is(err, errFellShort), errors.As(err, &spent):
		return exitFellShort
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EDQUOT):
		return exitInfrastructure
	case errors.As(err, &user), errors.As(err, &row), errors.As(err, &unknown), errors.As(err, &event),
		errors.As(err, &recording), errors.As(err, &grading), errors.As(err, &reference),
		errors.As(err, &broken), errors.As(err, &refused), errors.As(err, &archive), errors.Is(err, format.ErrCannotHold),
		errors.Is(err, program.ErrMissing), errors.Is(err, program.ErrDamaged), errors.Is(err, agent.ErrStop):
		return exitUser
	}
	return exitInfrastructure
}

// printJSON prints a result as one JSON document.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// noArgs and oneArg are cobra's, with the exit code of a user's error.
func noArgs(cmd *cobra.Command, args []string) error { return checkArgs(cobra.NoArgs, cmd, args) }
func oneArg(cmd *cobra.Command, args []string) error { return checkArgs(cobra.ExactArgs(1), cmd, args) }
func someArgs(cmd *cobra.Command, args []string) error {
	return checkArgs(cobra.MinimumNArgs(1), cmd, args)
}

func checkArgs(check cobra.PositionalArgs, cmd *cobra.Command, args []string) error {
	if err := check(cmd, args); err != nil {
		return userf("%w; see '%s --help'", err, cmd.CommandPath())
	}
	return nil
}
