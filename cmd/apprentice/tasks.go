package main

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/apprentice-rl/apprentice/benchmarks"
	"github.com/apprentice-rl/apprentice/benchmarks/starter"
	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox/docker"
)

// taskFlags choose tasks.
type taskFlags struct {
	file string
	ids  []string
}

func (f *taskFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.file, "tasks", "", "SWE-bench rows, as .jsonl or .jsonl.gz (default: the starter suite)")
	cmd.Flags().StringArrayVar(&f.ids, "task", nil, "only the task of this id; may be repeated")
	_ = cmd.RegisterFlagCompletionFunc("task", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		s, err := f.source()
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var ids []string
		for _, t := range s.Tasks {
			ids = append(ids, t.ID)
		}
		return ids, cobra.ShellCompDirectiveNoFileComp
	})
}

// source is everything that can be chosen from.
func (f *taskFlags) source() (benchmarks.Suite, error) {
	if f.file == "" {
		return starter.Suite()
	}
	file, err := os.Open(f.file)
	if err != nil {
		return benchmarks.Suite{}, userf("--tasks: %w", err)
	}
	defer file.Close()
	var r io.Reader = file
	name := filepath.Base(f.file)
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(file); err != nil {
			return benchmarks.Suite{}, userf("--tasks %s: %w", f.file, err)
		}
		name = strings.TrimSuffix(name, ".gz")
	}
	tasks, err := env.ReadTasks(f.file, r)
	if err != nil {
		return benchmarks.Suite{}, err
	}
	return benchmarks.Suite{Name: strings.TrimSuffix(name, filepath.Ext(name)), Tasks: tasks}, nil
}

// suite is what has been chosen.
func (f *taskFlags) suite() (benchmarks.Suite, error) {
	all, err := f.source()
	if err != nil || len(f.ids) == 0 {
		return all, err
	}
	chosen := benchmarks.Suite{Name: all.Name}
	for _, id := range f.ids {
		t, err := all.Task(id)
		if err != nil {
			return benchmarks.Suite{}, fmt.Errorf("--task: %w; 'apprentice tasks list' names them all", err)
		}
		chosen.Tasks = append(chosen.Tasks, t)
	}
	return chosen, nil
}

// one is the one task that has been chosen.
func (f *taskFlags) one() (env.Task, error) {
	if len(f.ids) != 1 {
		return env.Task{}, userf("name one task with --task ID; 'apprentice tasks list' names them all")
	}
	s, err := f.suite()
	if err != nil {
		return env.Task{}, err
	}
	return s.Tasks[0], nil
}

func (a *app) tasksCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "tasks",
		Short:   "List and show tasks, and make their image",
		Example: "  apprentice tasks list\n  apprentice tasks show starter__envfile-76",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.tasksListCommand(), a.tasksShowCommand(), a.tasksImagesCommand())
	return cmd
}

func (a *app) tasksListCommand() *cobra.Command {
	var tf taskFlags
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List tasks",
		Example: "  apprentice tasks list\n  apprentice tasks list --tasks verified.jsonl --json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			s, err := tf.suite()
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(s.Tasks)
			}
			for _, t := range s.Tasks {
				title, _, _ := strings.Cut(strings.TrimSpace(t.ProblemStatement), "\n")
				fmt.Fprintf(a.stdout, "%-32s %s\n", t.ID, strings.TrimLeft(title, "# "))
			}
			return nil
		},
	}
	tf.add(cmd)
	return cmd
}

func (a *app) tasksShowCommand() *cobra.Command {
	var tf taskFlags
	cmd := &cobra.Command{
		Use:     "show ID",
		Short:   "Show a task: what a policy sees, and what it does not",
		Example: "  apprentice tasks show starter__envfile-76",
		Args:    oneArg,
		RunE: func(_ *cobra.Command, args []string) error {
			tf.ids = args
			t, err := tf.one()
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(t)
			}
			fmt.Fprintf(a.stdout, "%s  %s at %.12s\n\n%s\n\n", t.ID, t.Repo, t.BaseCommit, strings.TrimSpace(t.ProblemStatement))
			fmt.Fprintf(a.stdout, "--- hidden from policies: the gold patch\n%s\n", t.Patch)
			fmt.Fprintf(a.stdout, "--- must fail before and pass after: %s\n", strings.Join(t.FailToPass, ", "))
			fmt.Fprintf(a.stdout, "--- must pass before and after: %d tests\n", len(t.PassToPass))
			return nil
		},
	}
	tf.add(cmd)
	return cmd
}

func (a *app) tasksImagesCommand() *cobra.Command {
	var build, quiet bool
	cmd := &cobra.Command{
		Use:   "images",
		Short: "Name the Docker image of the starter suite, and build it",
		Long: `Name the Docker image of the starter suite, and build it: from Debian packages
with mmdebstrap where that is installed and this is root (no registry needed),
else with the engine on top of Debian's official image. The tag is a digest of
the recipe, so the image is built once.`,
		Example: "  apprentice tasks images --build",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			img := starterImage()
			d, err := docker.New(cmd.Context(), docker.Options{BaseImage: img.Ref()})
			if err != nil {
				return err
			}
			defer d.Close()
			if build {
				if err := a.ensureImage(cmd.Context(), d, img); err != nil {
					return err
				}
			}
			has, err := d.HasImage(cmd.Context(), img.Ref())
			if err != nil {
				return err
			}
			switch {
			case a.json:
				return a.printJSON(map[string]any{"image": img.Ref(), "present": has})
			case has || quiet:
				fmt.Fprintln(a.stdout, img.Ref())
			default:
				fmt.Fprintf(a.stdout, "%s is not built yet; 'apprentice tasks images --build' does it\n", img.Ref())
			}
			if build && !has {
				return errors.New("the image was built, but the engine does not have it")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&build, "build", false, "build the image if the engine has not got it")
	cmd.Flags().BoolVar(&quiet, "quiet", false, "print the image's name and nothing else")
	return cmd
}
