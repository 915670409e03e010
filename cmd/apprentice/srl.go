package main

import (
	"bufio"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/apprentice-rl/apprentice/srl"
	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/srl/reward"
	"github.com/apprentice-rl/apprentice/trajectories"
)

func (a *app) srlCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "srl",
		Short:   "Make training examples of trajectories, and score answers",
		Example: "  apprentice srl steps runs/demo --out steps.jsonl",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.srlStepsCommand())
	cmd.AddCommand(a.srlScoreCommand())
	cmd.AddCommand(a.srlStatsCommand())
	cmd.AddCommand(a.srlFeedCommand())
	cmd.AddCommand(a.srlServeCommand())
	return cmd
}

func (a *app) srlStepsCommand() *cobra.Command {
	var (
		out      string
		language string
		kind     string
		targets  string
		opts     srl.Options
	)
	cmd := &cobra.Command{
		Use:   "steps RUN|FILE...",
		Short: "Turn each expert action into one SRL step example",
		Long: `Turn each expert action of finished trajectories into one training example, as
JSONL: a prompt (the issue and the latest action/observation pairs) and the
expert's action at that step, with the reward that scores answers to it
(Supervised Reinforcement Learning, arXiv 2510.25992).

Rewards:
  bare   our default: difflib without autojunk, on the tool's name and its
         argument values without the call syntax around them
  paper  the paper taken literally: difflib as Python calls it plainly (with
         autojunk), on the whole text of the action`,
		Example: `  apprentice srl steps runs/demo --out steps.jsonl
  apprentice srl steps runs/demo --targets n-1 --window 4 --reward paper`,
		Args: someArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			lang := format.Language(language)
			if !slices.Contains([]string{"xml", "json", "bash"}, language) {
				return userf("--language %s: there is no such action language; use xml, json or bash", language)
			}
			if opts.Window == 0 || opts.Window < -1 {
				return userf("--window %d: want 1 or more, or -1 for all", opts.Window)
			}
			switch kind {
			case "bare":
				opts.Reward = reward.Bare(lang)
			case "paper":
				opts.Reward = reward.Paper(lang)
			default:
				return userf("--reward %s: there is no such reward; use bare or paper", kind)
			}
			opts.Targets = srl.Targets(targets)
			if err := opts.Check(); err != nil {
				return userError{err}
			}
			return a.srlSteps(args, opts, out)
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "file to write, as JSONL (default: standard output, with --json in one document)")
	cmd.Flags().IntVar(&opts.Window, "window", 2, "action/observation pairs that a prompt shows, -1 for all")
	cmd.Flags().StringVar(&targets, "targets", "all", "steps that become examples: all, or n-1 to leave the last one out")
	cmd.Flags().StringVar(&language, "language", "xml", "how actions are written: xml, json or bash")
	cmd.Flags().StringVar(&kind, "reward", "bare", "reward that scores answers: bare or paper")
	_ = cmd.RegisterFlagCompletionFunc("language", cobra.FixedCompletions([]string{"xml", "json", "bash"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("reward", cobra.FixedCompletions([]string{"bare", "paper"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.Flags().IntVar(&opts.ObservationCap, "observation-cap", 8000, "characters of one observation that a prompt shows")
	return cmd
}

func (a *app) srlSteps(args []string, opts srl.Options, out string) error {
	var read counted
	examples := examplesOf(args, opts, &read)
	var n int
	var err error
	switch {
	case out == "" && a.json:
		n, err = a.printExamples(examples, &read)
	case out == "":
		w := bufio.NewWriter(a.stdout)
		if n, err = srl.WriteJSONL(w, examples); err == nil {
			err = w.Flush()
		}
	default:
		n, err = writeExamples(out, examples)
	}
	if err != nil {
		return err
	}
	if read.unfinished > 0 {
		a.say("%d trajectories are unfinished and were left out", read.unfinished)
	}
	if out != "" {
		if a.json {
			return a.printJSON(map[string]any{"step_examples": n, "trajectories": read.finished, "file": out})
		}
		fmt.Fprintf(a.stdout, "%d step examples of %d trajectories in %s\n", n, read.finished, out)
	}
	return nil
}

// printExamples prints all examples in one JSON document.
func (a *app) printExamples(examples iter.Seq2[srl.Example, error], read *counted) (int, error) {
	all := []srl.Example{}
	for e, err := range examples {
		if err != nil {
			return len(all), err
		}
		all = append(all, e)
	}
	return len(all), a.printJSON(map[string]any{"step_examples": len(all), "trajectories": read.finished, "examples": all})
}

// counted is how many trajectories were read.
type counted struct{ finished, unfinished int }

// examplesOf reads the trajectories that are named one after another, and yields
// the examples of those that are finished.
func examplesOf(args []string, opts srl.Options, read *counted) iter.Seq2[srl.Example, error] {
	return func(yield func(srl.Example, error) bool) {
		for l, err := range logs(args) {
			var t *trajectories.Trajectory
			if err == nil {
				t, err = l.Read()
			}
			if err != nil {
				yield(srl.Example{}, err)
				return
			}
			if t.End == nil {
				read.unfinished++
				continue
			}
			read.finished++
			for e, err := range srl.Examples(t, opts) {
				if !yield(e, err) {
					return
				}
			}
		}
	}
}

// writeExamples writes a file that is there whole or not at all.
func writeExamples(path string, examples iter.Seq2[srl.Example, error]) (n int, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return 0, err
	}
	f, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o644))
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Cleanup() }() // does nothing once the file is in its place
	w := bufio.NewWriter(f)
	if n, err = srl.WriteJSONL(w, examples); err != nil {
		return n, err
	}
	if err := w.Flush(); err != nil {
		return n, err
	}
	return n, f.CloseAtomicallyReplace()
}
