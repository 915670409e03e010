// Apprentice trains coding agents from experts: it starts sandboxed
// repositories, lets an expert solve tasks in them, records every step, turns
// each action into a training example, and measures the resolve rate of the
// model that was trained.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	// The first SIGINT or SIGTERM cancels the context, and everything cleans
	// up after itself; a second one stops at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, program: "apprentice"}
	if _, err := exec.LookPath(a.program); err != nil {
		a.program = os.Args[0]
	}
	if f, ok := stderr.(*os.File); ok {
		a.terminal = term.IsTerminal(int(f.Fd()))
	}
	cmd := a.command()
	cmd.SetArgs(args)
	cmd.SetIn(stdin)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	if ctx.Err() != nil {
		fmt.Fprintln(stderr, "apprentice: interrupted"+a.kept)
		return exitInterrupted
	}
	if !errors.Is(err, errSaid) {
		hint := ""
		if errors.Is(err, syscall.ENOSPC) {
			hint = "; make room, and give the same command again"
		}
		fmt.Fprintf(stderr, "apprentice: %v%s\n", err, hint)
	}
	return exitCode(err)
}

// An app holds what all commands share.
type app struct {
	stdin    io.Reader
	stdout   io.Writer
	stderr   io.Writer
	terminal bool   // stderr is one
	program  string // how to call this program, for hints
	json     bool   // --json
	kept     string // what to say of an interrupted run
}

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "apprentice",
		Short: "Train coding agents from experts, and measure them",
		Long: `apprentice starts sandboxed repositories, lets an expert solve tasks in them,
records every step, turns each action into a training example with a dense
reward, and measures resolve rates the SWE-bench way.

Exit codes: 0 done, 1 it ran and fell short, 2 your input, 3 infrastructure
(daemon, image, disk), 130 interrupted.`,
		Example: `  apprentice demo                              the whole pipeline, no key, no daemon, no GPU
  apprentice record --policy oracle --run runs/first
  apprentice bench grade --predictions gold --run runs/first
  apprentice srl steps runs/first --out steps.jsonl`,
		Version:       versions()["apprentice"],
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print the result as one JSON document on standard output")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return userf("%w; see '%s --help'", err, cmd.CommandPath())
	})
	root.AddCommand(
		a.demoCommand(),
		a.doctorCommand(),
		a.tasksCommand(),
		a.recordCommand(),
		a.trajCommand(),
		a.srlCommand(),
		a.benchCommand(),
		a.sandboxCommand(),
	)
	return root
}

// say tells people something, on standard error.
func (a *app) say(format string, args ...any) {
	fmt.Fprintf(a.stderr, format+"\n", args...)
}
