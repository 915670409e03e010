package main

import (
	"context"
	"errors"
	"io/fs"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/apprentice-rl/apprentice/benchmarks/verdicts"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/filter"
	"github.com/apprentice-rl/apprentice/trajectories/summary"
)

// filtering is what the filter command was asked for, and what filter.json
// keeps of it.
type filtering struct {
	Logs           []string `json:"logs"`
	Statuses       []string `json:"status,omitempty"`
	Trainable      bool     `json:"trainable,omitempty"`
	Patch          bool     `json:"patch,omitempty"`
	MinSteps       int      `json:"min_steps,omitempty"`
	MaxSteps       int      `json:"max_steps,omitempty"`
	MaxTokens      int      `json:"max_tokens,omitempty"`
	MaxCost        float64  `json:"max_cost,omitempty"`
	Resolved       []string `json:"resolved,omitempty"`
	Audit          []string `json:"audit,omitempty"`
	Tasks          string   `json:"tasks,omitempty"`
	NearDuplicates float64  `json:"near_duplicates,omitempty"`
	PerTask        int      `json:"per_task,omitempty"`
	HoldOut        float64  `json:"hold_out,omitempty"`
	SplitBy        string   `json:"split_by,omitempty"`
	Seed           uint64   `json:"seed"`
	Link           bool     `json:"link,omitempty"`
	KeepGoing      bool     `json:"keep_going,omitempty"`

	out  string
	list bool
}

func (a *app) trajFilterCommand() *cobra.Command {
	var f filtering
	cmd := &cobra.Command{
		Use:   "filter FILE|FOLDER... --out DIR",
		Short: "Choose the trajectories to learn from, and hold some out",
		Long: `Choose the trajectories that a model is to learn from, and say of every other one
why it fell. They go through these gates, in this order, those that are asked
for:

  --status            how the episode ended
  --trainable         it has a turn that a model may learn
  --patch             it has a patch that is not empty
  --min-steps, --max-steps, --max-tokens, --max-cost
  --resolved          its patch solves its task, as a grader has found
  --audit             an audit finds nothing in it that must not be learned
  --near-duplicates   no other one that is kept does nearly the same
  --per-task          not more than so many of one task

What passes is split at last: with --hold-out a share of it is put aside, whole
tasks or whole repositories, so that no task is in both parts.

--resolved reads what graders have written: a run of apprentice, a folder of the
SWE-bench harness's evaluations, or a report with resolved_ids. A verdict is one
about a patch: it counts for the trajectories with that very patch.

--audit takes rules of 'apprentice traj audit', or all; findings that are high
make a trajectory fall. It reads the logs that the gates before have left.

--near-duplicates compares pairs of consecutive actions: 1 drops the same
sequence only, 0.8 also what differs in one action of twenty. Which one stays,
and who is held out, is decided by --seed: the same logs and options give the
same result, in whatever order the logs are named.

A trajectory that is a part of another one, a subagent's for one, follows it.

DIR/train and DIR/heldout hold the logs that are kept. They are copies, which
take no space where the file system shares what is the same (Btrfs, XFS); --link
makes hard links where it can: then who changes one changes both. DIR/filter.json
says what was asked, and why each of the others fell.`,
		Example: `  apprentice traj filter runs/mine --resolved runs/mine --per-task 3 --out data
  apprentice traj filter imported --status submitted --patch --near-duplicates 0.9 --hold-out 0.1 --split-by repo --out data
  apprentice traj filter imported --audit future,hidden_tests,secret --max-steps 50 --list`,
		Args: someArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.Logs = args
			if err := f.check(cmd.Flags().Changed); err != nil {
				return err
			}
			return a.trajFilter(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.out, "out", "o", "", "the folder for what is kept; one that is not there, or is empty")
	flags.BoolVar(&f.Link, "link", false, "hard links instead of copies, where the file system can")
	flags.BoolVar(&f.list, "list", false, "print the names of what is kept, and write nothing")
	flags.StringSliceVar(&f.Statuses, "status", nil, "exit statuses to keep, with commas between them")
	flags.BoolVar(&f.Trainable, "trainable", false, "only what has a turn that a model may learn")
	flags.BoolVar(&f.Patch, "patch", false, "only what has a patch that is not empty")
	flags.IntVar(&f.MinSteps, "min-steps", 0, "fewest steps (turns with actions)")
	flags.IntVar(&f.MaxSteps, "max-steps", 0, "most steps")
	flags.IntVar(&f.MaxTokens, "max-tokens", 0, "most tokens, in and out, of all requests of the episode")
	flags.Float64Var(&f.MaxCost, "max-cost", 0, "highest cost, in US dollars")
	flags.StringArrayVar(&f.Resolved, "resolved", nil, "only what resolves its task, by this run, folder of evaluations or report; may be repeated")
	flags.StringSliceVar(&f.Audit, "audit", nil, "only what an audit finds nothing in: rules with commas between them, or all")
	flags.StringVar(&f.Tasks, "tasks", "", "the tasks, for what only they tell an audit: SWE-bench rows (default: the starter suite)")
	flags.Float64Var(&f.NearDuplicates, "near-duplicates", 0, "drop what is like another one to this share, such as 0.9")
	flags.IntVar(&f.PerTask, "per-task", 0, "most trajectories of one task (SWE-smith keeps 3)")
	flags.Float64Var(&f.HoldOut, "hold-out", 0, "share of what is kept to hold out, such as 0.1")
	flags.StringVar(&f.SplitBy, "split-by", string(filter.Task), "what is held out as a whole: task or repo")
	flags.Uint64Var(&f.Seed, "seed", 0, "decides which of several stay, and who is held out")
	flags.BoolVar(&f.KeepGoing, "keep-going", false, "leave out logs that cannot be read, and say so")
	_ = cmd.MarkFlagDirname("out")
	_ = cmd.RegisterFlagCompletionFunc("status", cobra.FixedCompletions(statuses(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("audit", cobra.FixedCompletions(append(ruleNames(), allRules), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("split-by", cobra.FixedCompletions(splits(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// check refuses what nobody can have meant.
func (f filtering) check(given func(flag string) bool) error {
	if f.out == "" && !f.list {
		return userf("say where the logs go: --out DIR; or --list prints the names of what is kept")
	}
	if f.out != "" && f.list {
		return userf("--list writes nothing: leave out either it or --out")
	}
	if f.Link && f.list {
		return userf("--list writes nothing, so there is nothing to link: leave out --link")
	}
	for _, s := range f.Statuses {
		if !slices.Contains(statuses(), s) {
			return userf("--status %s: there is no such status; there are %s", s, strings.Join(statuses(), ", "))
		}
	}
	if given("status") && len(f.Statuses) == 0 {
		return userf("--status: name at least one; there are %s", strings.Join(statuses(), ", "))
	}
	for flag, ok := range map[string]bool{
		"max-steps": f.MaxSteps > 0, "max-tokens": f.MaxTokens > 0, "max-cost": f.MaxCost > 0, "per-task": f.PerTask > 0,
		"near-duplicates": f.NearDuplicates > 0 && f.NearDuplicates <= 1, "hold-out": f.HoldOut > 0 && f.HoldOut < 1,
	} {
		switch share := flag == "near-duplicates" || flag == "hold-out"; {
		case !given(flag) || ok:
		case share:
			return userf("--%s: want a share above 0, such as 0.9 or 0.1; leave the flag out to go without", flag)
		default:
			return userf("--%s: want more than 0; leave the flag out to go without", flag)
		}
	}
	if err := f.checkAudit(given); err != nil {
		return err
	}
	if !slices.Contains(splits(), f.SplitBy) {
		return userf("--split-by %s: there are %s", f.SplitBy, strings.Join(splits(), ", "))
	}
	if err := f.options().Check(); err != nil {
		return userError{err}
	}
	if given("split-by") && f.HoldOut == 0 {
		return userf("--split-by says how to split: say how much with --hold-out SHARE")
	}
	return nil
}

// splits are what a split keeps together.
func splits() []string { return []string{string(filter.Task), string(filter.Repository)} }

func (f filtering) options() filter.Options {
	o := filter.Options{
		Seed: f.Seed, Trainable: f.Trainable, Patch: f.Patch, MinSteps: f.MinSteps, MaxSteps: f.MaxSteps,
		MaxTokens: f.MaxTokens, MaxCost: f.MaxCost, NearDuplicates: f.NearDuplicates, PerTask: f.PerTask,
		HoldOut: f.HoldOut, By: filter.By(f.SplitBy), Parallel: runtime.NumCPU(),
	}
	for _, s := range f.Statuses {
		if s == unfinished {
			s = ""
		}
		o.Statuses = append(o.Statuses, trajectories.ExitStatus(s))
	}
	return o
}

func (a *app) trajFilter(ctx context.Context, f filtering) error {
	if f.out != "" {
		if err := vacant(f.out); err != nil {
			return err
		}
	}
	options := f.options()
	entries, unread, err := a.entries(ctx, f.Logs, f.KeepGoing)
	if err != nil {
		return err
	}
	candidates := candidatesOf(entries)
	if len(f.Resolved) > 0 {
		if options.Resolved, err = resolvedBy(f.Resolved, candidates); err != nil {
			return err
		}
	}
	logs := entriesByName(candidates, entries)
	if len(f.Audit) > 0 {
		if options.Flags, err = f.auditedBy(logs); err != nil {
			return err
		}
	}
	result, err := filter.Apply(ctx, candidates, options)
	if err != nil {
		return err
	}
	kept := filtered{Apprentice: versions()["apprentice"], Options: f, Unread: unread, Result: result}
	if f.out != "" && len(result.Train) > 0 {
		if err := kept.write(ctx, f.out, logs); err != nil {
			return err
		}
	}
	switch {
	case a.json:
		err = a.printJSON(kept)
	case f.list:
		err = a.listKept(kept)
	default:
		err = a.printFiltered(kept)
	}
	if err != nil {
		return err
	}
	if f.SplitBy == string(filter.Repository) {
		if n := nameless(candidates, result); n > 0 {
			a.say("%s no repository: each task of theirs was split by itself", count(n, "trajectory names", "trajectories name"))
		}
	}
	if len(result.Train) == 0 {
		a.say("nothing is left%s; --json says why each one fell", map[bool]string{true: " and nothing is written"}[f.out != ""])
		return errors.Join(errFellShort, errSaid)
	}
	return nil
}

// resolvedBy asks graders.
func resolvedBy(paths []string, candidates []filter.Candidate) (func(summary.Summary) (filter.Verdict, string), error) {
	graded, err := verdicts.Read(paths...)
	if none, ok := errors.AsType[*verdicts.NoneError](err); ok {
		return nil, userf("--resolved: %w; 'apprentice bench grade' writes evaluations into its run", none)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, userf("--resolved: %w", err)
	}
	if err != nil {
		return nil, err
	}
	all := make([]summary.Summary, len(candidates))
	for i, c := range candidates {
		all[i] = c.Summary
	}
	return graded.Of(all), nil
}

// nameless counts those that are kept and tell no repository.
func nameless(candidates []filter.Candidate, r *filter.Result) int {
	n := 0
	kept := map[string]bool{}
	for _, name := range slices.Concat(r.Train, r.HeldOut) {
		kept[name] = true
	}
	for _, c := range candidates {
		if s := c.Summary; kept[c.Name] && trajectories.RepositoryOf(s.Repo, s.Task) == "" {
			n++
		}
	}
	return n
}
