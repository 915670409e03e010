package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
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

Commands are read from standard input and run in one bash session; Ctrl-C ends the
command that runs, Ctrl-D the session. With a command after --, only that runs.
Programs that need a terminal of their own, such as editors, do not work in here.`,
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
		res, err := e.Sandbox().Run(ctx, sandbox.Command{Argv: command, Dir: env.Workdir})
		if err != nil {
			return err
		}
		return a.show(res)
	}
	return a.session(ctx, e)
}

// session runs what standard input holds in one bash session.
func (a *app) session(ctx context.Context, e *env.Environment) error {
	shell, err := e.Sandbox().Shell(ctx, env.Workdir)
	if err != nil {
		return err
	}
	defer shell.Close()
	if f, ok := a.stdin.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return a.converse(ctx, e, shell)
	}
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

// converse reads commands from a terminal. There, Ctrl-C ends the command and
// not the session; exit, Ctrl-D and SIGTERM end the session.
func (a *app) converse(ctx context.Context, e *env.Environment, shell sandbox.Shell) error {
	interrupts, end := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	signal.Notify(end, syscall.SIGTERM)
	defer signal.Stop(interrupts)
	defer signal.Stop(end)
	ctx = context.WithoutCancel(ctx) // which the first Ctrl-C ends

	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(a.stdin); s.Scan(); {
			lines <- s.Text()
		}
	}()
	dir, text := env.Workdir, ""
	for {
		prompt := e.Task().ID + ":" + dir + "$ "
		if text != "" {
			prompt = "> "
		}
		fmt.Fprint(a.stderr, prompt)
		select {
		case <-end:
			return nil
		case <-interrupts:
			text = ""
			fmt.Fprintln(a.stderr)
			continue
		case line, more := <-lines:
			if !more || text == "" && strings.TrimSpace(line) == "exit" {
				fmt.Fprintln(a.stderr)
				return nil
			}
			text += line + "\n"
		}
		whole, err := complete(ctx, e.Sandbox(), text)
		if err != nil {
			return err
		}
		if !whole {
			continue
		}
		res, err := interruptible(ctx, shell, text, interrupts)
		if err != nil {
			return err
		}
		_ = a.show(res.Result) // that a command failed is shown, and the session goes on
		dir, text = res.Dir, ""
	}
}

// complete reports whether bash can read text as it is, or more must come: the
// rest of a loop, of a quotation, of a here-document.
func complete(ctx context.Context, sb env.Sandbox, text string) (bool, error) {
	res, err := sb.Run(ctx, sandbox.Command{Argv: []string{"bash", "-n"}, Stdin: strings.NewReader(text)})
	if err != nil {
		return false, err
	}
	said := string(res.Output)
	return !strings.Contains(said, "unexpected end of file") && !strings.Contains(said, "unexpected EOF") &&
		!strings.Contains(said, "here-document"), nil
}

// interruptible runs a script that a signal ends.
func interruptible(ctx context.Context, shell sandbox.Shell, text string, interrupts <-chan os.Signal) (sandbox.ShellResult, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-interrupts:
			cancel()
		case <-done:
		}
	}()
	res, err := shell.Run(ctx, text, 0)
	if errors.Is(err, context.Canceled) {
		// Where it is now: the answer to the cancelled script was not waited for.
		return shell.Run(context.WithoutCancel(ctx), "true", time.Minute)
	}
	return res, err
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
