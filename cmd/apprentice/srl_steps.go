package main

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/apprentice-rl/apprentice/srl"
	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/srl/reward"
	"github.com/apprentice-rl/apprentice/trajectories"
)

func (a *app) srlStepsCommand() *cobra.Command {
	var (
		s         stepping
		asked     srl.Options
		profile   string
		language  string
		named     string
		targets   string
		excluded  []string
		solutions []string
		from      string
		stripped  bool
	)
	cmd := &cobra.Command{
		Use:   "steps [RUN|FOLDER|FILE...]",
		Short: "Turn each expert action into one SRL step example",
		Long: `Turn each expert action of finished trajectories into one training example, as
JSONL: a prompt (the issue and the latest action/observation pairs) and the
expert's action at that step, with the reward that scores answers to it
(Supervised Reinforcement Learning, arXiv 2510.25992).

A profile is a named and versioned set of choices, and each example says by which
it was made. 'apprentice srl profiles' shows what the paper leaves open and what
each of them chooses; flags change single choices, which the examples say, too.

Trajectories are runs, stores, logs and archives. What other programs have written,
rows of messages (SFT) included, is imported first with --from auto, or kept with
'apprentice traj import'. With --solutions, examples are made of rows with a
problem and a worked solution whose steps are numbered and titled
("1. **Title** …"), as in s1K-1.1.

Steps that --exclude names are no targets, but are shown in later prompts:
  submit      only hands in the work
  views       only shows files, searches or lists
  duplicates  has the calls of an earlier step
  undone      changed a file, which was then put back (undo_edit, git checkout,
              restore, reset --hard) before it was changed again; and the
              step that put it back

Tokens are estimated: three and a half bytes each. With --max-tokens, examples over
it are counted, the longest is named, and --drop-long leaves them out.

--hold-out 0.05 holds tasks out, not steps: each is in or out by a hash of its id
and the seed, whatever else is there.`,
		Example: `  apprentice srl steps runs/demo --out steps.jsonl
  apprentice srl steps imported --profile paper --out steps.jsonl
  apprentice srl steps data/train --exclude submit,views --window 4 --hold-out 0.05 --out steps.jsonl
  apprentice srl steps rows.jsonl --from auto --out steps.jsonl
  apprentice srl steps --solutions s1k.jsonl --profile paper-math --hint --out steps.jsonl`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := idle(cmd.Flags(), len(solutions) > 0); err != nil {
				return err
			}
			p, l, err := profileFor(profile, language, len(solutions) > 0)
			if err != nil {
				return err
			}
			if from != "" {
				if from != "auto" && !slices.Contains(formatNames(), from) {
					return userf("--from %s: there is no such format; use auto, or one of %s", from, strings.Join(formatNames(), ", "))
				}
				s.foreign = importing{paths: args, from: strings.TrimPrefix(from, "auto"), keepGoing: s.keepGoing}
			}
			if s.source, err = sourceOf(args, solutions, s.fields); err != nil {
				return err
			}
			o := p.Options
			cmd.Flags().Visit(func(f *pflag.Flag) {
				switch f.Name {
				case "window":
					o.Window = asked.Window
				case "targets":
					o.Targets = srl.Targets(targets)
				case "exclude":
					for _, e := range excluded {
						o.Exclude = append(o.Exclude, srl.Exclusion(e))
					}
				case "observation-cap":
					o.ObservationCap = asked.ObservationCap
				case "observation-tokens":
					o.ObservationTokens = asked.ObservationTokens
				case "reasoning":
					o.Reasoning = asked.Reasoning
				case "hint":
					o.Hint = asked.Hint
				}
			})
			if o.Reward, err = reward.Named(cmp.Or(named, o.Reward.Name), l); err != nil {
				return userf("--reward: %w", err)
			}
			o.Reward.Format.TagsStripped = stripped
			if err := o.Check(); err != nil {
				return userError{err}
			}
			s.opts = p.Make(o)
			if err := s.check(); err != nil {
				return err
			}
			return a.srlSteps(cmd.Context(), s)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&s.out, "out", "o", "", "file to write, as JSONL (default: standard output, with --json in one document)")
	f.StringVar(&profile, "profile", "", "the choices: default, paper or paper-math (default: default, with --solutions paper-math)")
	f.IntVar(&asked.Window, "window", 0, "action/observation pairs that a prompt shows, -1 for all (default: the profile's, 2 but for paper-math)")
	f.StringVar(&targets, "targets", "", "steps that become examples: all, or n-1 to leave the last one out (default: the profile's)")
	f.StringSliceVar(&excluded, "exclude", nil, "steps that are no targets: submit, views, duplicates, undone")
	f.StringVar(&language, "language", "", "how actions are written: xml, json, bash or text (default: the profile's)")
	f.StringVar(&named, "reward", "", "reward that scores answers: "+strings.Join(reward.Names(), ", ")+" (default: the profile's)")
	f.BoolVar(&stripped, "tags-stripped", false, "score outputs whose <think> tags a tokenizer counts as special, and drops when it decodes")
	f.IntVar(&asked.ObservationCap, "observation-cap", 0, "characters of one observation that a prompt shows, -1 for all (default: the profile's, 8000)")
	f.IntVar(&asked.ObservationTokens, "observation-tokens", 0, "estimated tokens of one observation that a prompt shows, in place of --observation-cap")
	f.BoolVar(&asked.Reasoning, "reasoning", false, "show what the expert thought at past steps")
	f.BoolVar(&asked.Hint, "hint", false, "tell the title of the step to be taken, where steps have titles")
	f.StringArrayVar(&solutions, "solutions", nil, "rows with a problem and a worked solution (.jsonl, .jsonl.gz); may be repeated")
	f.StringVar(&s.fields.Problem, "problem-field", "", "the member of such a row that has the problem (default: question)")
	f.StringVar(&s.fields.Solution, "solution-field", "", "the member that has the solution (default: deepseek_attempt, else solution)")
	f.StringVar(&s.fields.ID, "id-field", "", "the member that has the row's id (default: id)")
	f.IntVar(&s.maxTokens, "max-tokens", 0, "count examples with more estimated tokens than this, prompt and action")
	f.BoolVar(&s.dropLong, "drop-long", false, "leave those out")
	f.BoolVar(&s.keepGoing, "keep-going", false, "leave steps out that the action language cannot hold, instead of stopping there")
	f.StringVar(&from, "from", "", "the files are another program's, of this format (auto finds it out): they are imported first, and not kept")
	f.Float64Var(&s.holdOut, "hold-out", 0, "share of the tasks whose examples go to another file (steps.heldout.jsonl for steps.jsonl)")
	f.Uint64Var(&s.seed, "seed", 0, "another seed holds other tasks out")
	fixed := func(flag string, values ...string) {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	fixed("from", append([]string{"auto"}, formatNames()...)...)
	fixed("profile", "default", "paper", "paper-math")
	fixed("targets", "all", "n-1")
	fixed("language", "xml", "json", "bash", "text")
	fixed("reward", reward.Names()...)
	fixed("exclude", "submit", "views", "duplicates", "undone")
	return cmd
}

// idle refuses flags that would do nothing.
func idle(flags *pflag.FlagSet, solutions bool) error {
	for _, flag := range []string{"hint", "problem-field", "solution-field", "id-field"} {
		if flags.Changed(flag) && !solutions {
			return userf("--%s is for --solutions, and does nothing with trajectories", flag)
		}
	}
	for _, flag := range []string{"from", "reasoning", "observation-cap", "observation-tokens"} {
		if flags.Changed(flag) && solutions {
			return userf("--%s is for trajectories, and does nothing with --solutions", flag)
		}
	}
	for _, flag := range []string{"window", "observation-cap"} {
		if n, err := flags.GetInt(flag); err == nil && flags.Changed(flag) && (n == 0 || n < -1) {
			return userf("--%s %d: want 1 or more, or -1 for all", flag, n)
		}
	}
	switch {
	case flags.Changed("observation-cap") && flags.Changed("observation-tokens"):
		return userf("observations are cut to --observation-cap or to --observation-tokens: give one of the two")
	case flags.Changed("seed") && !flags.Changed("hold-out"):
		return userf("--seed chooses which tasks are held out: say how many with --hold-out SHARE")
	}
	return nil
}

// profileFor finds a profile, and the action language: the one that was asked for or
// else the profile's.
func profileFor(name, language string, solutions bool) (srl.Profile, format.Language, error) {
	if name == "" {
		name = "default"
		if solutions {
			name = "paper-math"
		}
	}
	p, err := srl.Find(name)
	if err != nil {
		return p, "", userf("--profile: %w", err)
	}
	l := format.Language(cmp.Or(language, string(p.Options.Reward.Format.Language)))
	if !slices.Contains(format.Languages(), l) {
		return p, l, userf("--language %s: there is no such action language; use xml, json, bash or text", language)
	}
	if (l == format.Text) != solutions {
		return p, l, userf("text is the language of --solutions, whose profile is paper-math, and of nothing else")
	}
	return p, l, nil
}

// sourceOf yields what reads one trajectory after another.
func sourceOf(paths, solutions []string, fields srl.SolutionFields) (iter.Seq2[reader, error], error) {
	switch {
	case len(solutions) > 0 && len(paths) > 0:
		return nil, userf("examples are made of --solutions or of trajectories: give one of the two")
	case len(solutions) > 0:
		return solved(solutions, fields), nil
	case len(paths) == 0:
		return nil, userf("name the trajectories: runs, stores, logs or archives; or --solutions FILE")
	}
	return trajectoriesIn(paths), nil
}

// trajectoriesIn yields what reads the trajectories of runs, stores, logs and
// archives.
func trajectoriesIn(paths []string) iter.Seq2[reader, error] {
	return func(yield func(reader, error) bool) {
		for l, err := range logs(paths) {
			if err != nil {
				yield(reader{}, err)
				return
			}
			if !yield(reader{l.Name(), l.Read}, nil) {
				return
			}
		}
	}
}

// A reader reads one trajectory, of a log or a row.
type reader struct {
	name string
	read func() (*trajectories.Trajectory, error)
}

// solved reads the solutions of files one after another.
func solved(paths []string, fields srl.SolutionFields) iter.Seq2[reader, error] {
	return func(yield func(reader, error) bool) {
		for _, path := range paths {
			if !solvedIn(path, fields, yield) {
				return
			}
		}
	}
}

// solvedIn reads one file, and reports whether there is to be another.
func solvedIn(path string, fields srl.SolutionFields, yield func(reader, error) bool) bool {
	file, err := os.Open(path)
	if err != nil {
		yield(reader{}, userError{err})
		return false
	}
	defer func() { _ = file.Close() }()
	in, err := uncompressed(file)
	if err != nil {
		yield(reader{}, userf("reading %s: %w", path, err))
		return false
	}
	for t, err := range srl.Solutions(path, in, fields) {
		if !yield(reader{path, func() (*trajectories.Trajectory, error) { return t, err }}, nil) {
			return false
		}
	}
	return true
}

func (a *app) srlProfilesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "profiles [NAME]",
		Short: "Show the profiles of step examples: what the paper leaves open, and what each chooses",
		Example: `  apprentice srl profiles
  apprentice srl profiles paper
  apprentice srl profiles --json`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.FixedCompletions([]string{"default", "paper", "paper-math"}, cobra.ShellCompDirectiveNoFileComp),
		RunE: func(_ *cobra.Command, args []string) error {
			profiles := srl.Profiles()
			if len(args) == 1 {
				profiles = slices.DeleteFunc(profiles, func(p srl.Profile) bool { return p.Name != args[0] })
				if len(profiles) == 0 {
					_, err := srl.Find(args[0])
					return userError{err}
				}
			}
			if a.json {
				return a.printJSON(profiles)
			}
			for i, p := range profiles {
				if i > 0 {
					fmt.Fprintln(a.stdout)
				}
				fmt.Fprintf(a.stdout, "%s, version %d: %s\n", p.Name, p.Version, p.About)
				if len(args) == 0 {
					continue
				}
				for _, g := range p.Gaps {
					fmt.Fprintf(a.stdout, "\n%s\n  paper:  %s\n  choice: %s\n", g.Question, g.Paper, g.Choice)
				}
			}
			if len(args) == 0 {
				a.say("'apprentice srl profiles NAME' shows the choices of one")
			}
			return nil
		},
	}
}

// said lists counts by reason.
func said(counts map[string]int) string {
	var all []string
	for _, why := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, fmt.Sprintf("%d %s", counts[why], why))
	}
	return strings.Join(all, ", ")
}
