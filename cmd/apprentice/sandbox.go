package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/apprentice-rl/apprentice/benchmarks"
	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
)

func (a *app) sandboxCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "sandbox",
		Short:   "Look into the environment of a task, and clean up",
		Example: "  apprentice sandbox run --task starter__envfile-76\n  apprentice sandbox list\n  apprentice sandbox gc",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.sandboxRunCommand(), a.sandboxListCommand(), a.sandboxGCCommand())
	return cmd
}

func (a *app) sandboxRunCommand() *cobra.Command {
	var sf sandboxFlags
	var tf taskFlags
	var patch string
	cmd := &cobra.Command{
		Use:   "run --task ID [--patch FILE] [-- COMMAND...]",
		Short: "Open a shell in exactly the environment of a task",
		Long: `Open a shell in exactly the environment of a task: its repository at the base
commit with nothing newer, the same image, limits, user and variables as a
policy and the evaluator get. The sandbox is gone afterwards.

At a terminal this is an interactive bash, in which everything works that works at
a terminal; elsewhere, standard input is run as one script. With a command after --,
only that runs, on the standard streams.`,
		Example: `  apprentice sandbox run --task starter__envfile-76
  apprentice sandbox run --task starter__envfile-76 --patch fix.diff -- go test ./...
  echo 'git log --oneline' | apprentice sandbox run --task starter__envfile-76`,
		RunE: func(cmd *cobra.Command, args []string) error {
			task, err := tf.one()
			if err != nil {
				return err
			}
			var diff []byte
			if patch != "" {
				if diff, err = os.ReadFile(patch); err != nil {
					return userf("--patch: %w", err)
				}
			}
			d, err := a.openDriver(cmd.Context(), sf, task)
			if err != nil {
				return err
			}
			defer d.Close()
			return a.sandboxRun(cmd.Context(), d, task, string(diff), args)
		},
	}
	sf.add(cmd)
	tf.add(cmd)
	cmd.Flags().StringVar(&patch, "patch", "", "apply this patch first, as the evaluator does")
	return cmd
}

func (a *app) sandboxRun(ctx context.Context, d sandbox.Driver, task env.Task, patch string, command []string) (err error) {
	launcher := &env.Launcher{Driver: d, Run: "sandbox-run"}
	e, err := launcher.Launch(ctx, task, env.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	if patch != "" {
		applied, err := benchmarks.V4.Apply(ctx, e.Sandbox(), patch)
		if err != nil {
			return err
		}
		if !applied.Applied {
			return userf("--patch: it does not apply to %s:\n%s", task.ID, applied.Log)
		}
	}
	a.say("%s at %.12s in a %s sandbox; it is gone when this ends", task.ID, e.Start(), d.Name())
	if len(command) > 0 {
		res, err := a.attach(ctx, e, sandbox.Command{Argv: command})
		if err != nil {
			return err
		}
		return a.show(res)
	}
	return a.session(ctx, e)
}

// session runs what standard input holds in one bash session, or, where that is
// a person at a terminal, an interactive bash.
func (a *app) session(ctx context.Context, e *env.Environment) error {
	if a.atTerminal() {
		// Its exit code is that of the last command; leaving is no failure.
		_, err := a.attach(ctx, e, sandbox.Command{
			Argv: []string{"bash", "--norc", "-i"},
			Env:  map[string]string{"PS1": e.Task().ID + ":\\w\\$ "},
		})
		return err
	}
	shell, err := e.Sandbox().Shell(ctx, env.Workdir)
	if err != nil {
		return err
	}
	defer shell.Close()
	script, err := io.ReadAll(a.stdin)
	if err != nil {
		return err
	}
	res, err := shell.Run(ctx, string(script), 0)
	if err != nil {
		return err
	}
	return a.show(res.Result)
}

// atTerminal reports whether a person types and reads here.
func (a *app) atTerminal() bool {
	in, ok := a.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return false
	}
	out, ok := a.stdout.(*os.File)
	return ok && term.IsTerminal(int(out.Fd()))
}

// attach runs a command on the standard streams: on a terminal of its own where
// this process has one.
func (a *app) attach(ctx context.Context, e *env.Environment, cmd sandbox.Command) (sandbox.Result, error) {
	cmd.Dir, cmd.Stdin, cmd.Output = env.Workdir, a.stdin, a.stdout
	if !a.atTerminal() {
		return e.Sandbox().Run(ctx, cmd)
	}
	in, out := int(a.stdin.(*os.File).Fd()), int(a.stdout.(*os.File).Fd())
	size := func() (s sandbox.Size) {
		if columns, rows, err := term.GetSize(out); err == nil {
			s = sandbox.Size{Rows: uint16(rows), Columns: uint16(columns)}
		}
		return s
	}
	// Keys go to the program inside as they are, Ctrl-C among them.
	before, err := term.MakeRaw(in)
	if err != nil {
		return sandbox.Result{}, fmt.Errorf("taking over the terminal: %w", err)
	}
	defer func() { _ = term.Restore(in, before) }()
	sizes, done := make(chan sandbox.Size), make(chan struct{})
	defer close(done)
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGWINCH)
	defer signal.Stop(changed)
	go func() {
		for {
			select {
			case <-changed:
				select {
				case sizes <- size():
				case <-done:
					return
				}
			case <-done:
				return
			}
		}
	}()
	cmd.Terminal = &sandbox.Terminal{Size: size(), Type: os.Getenv("TERM"), Resize: sizes}
	return e.Sandbox().Run(ctx, cmd)
}

// show prints the output of a command, and says how it ended where that was
// not with exit code 0.
func (a *app) show(res sandbox.Result) error {
	if _, err := a.stdout.Write(res.Output); err != nil {
		return err
	}
	if res.Succeeded() {
		return nil
	}
	switch res.End {
	case sandbox.EndExit:
		a.say("[exit code %d]", res.ExitCode)
	case sandbox.EndRefused:
		a.say("[%s]", res.Reason)
	default:
		a.say("[%s %s after %v]", res.End, res.Signal, res.Duration.Round(time.Millisecond))
	}
	return errors.Join(errFellShort, errSaid)
}
