package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/apprentice-rl/apprentice/srl"
	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/srl/reward"
	"github.com/apprentice-rl/apprentice/srl/stats"
)

// A statsQuestion is what `srl stats` is asked.
type statsQuestion struct {
	files   []string
	rewards []string
	seed    uint64
	stats   stats.Options
	html    string
	svg     string

	scored string
	groups stats.ScoredOptions
	colour string
}

func (a *app) srlStatsCommand() *cobra.Command {
	var q statsQuestion
	cmd := &cobra.Command{
		Use:   "stats EXAMPLES... | stats --scored GROUPS [EXAMPLES...]",
		Short: "How well rewards tell right actions from wrong ones, and what the group filter keeps",
		Long: `Measure rewards on step examples, so that a reward and the threshold ε of the group
filter can be chosen from evidence. Answers of which it is known how right they are
are scored against the expert's action: the same written otherwise, with one word
changed, on another file, and what the expert did at other steps, of the same task
and of other ones. No model answers anything.

  AUC      how often a nearly right answer scores higher than another step of the
           same task does, to one prompt; 0.5 is chance
  floor    the mean score of steps of other tasks
  spread   the population standard deviation of simulated groups of rollouts; the
           filter keeps a group if it exceeds ε

With --scored it reads the rewards of groups that a model answered, one JSON object
a line, and says what the filter keeps, what it drops and why:

  {"id": "task.1#4", "rewards": [0.5, -1, null, 1], "step": 120, "tool": "bash"}

null is an output that was not scored. "step", of the training, and "tool" may be
missing; with EXAMPLES, tools are looked up there. Files may be compressed with gzip;
- is standard input.`,
		Example: `  apprentice srl stats steps.jsonl
  apprentice srl stats steps.jsonl --reward bare --reward paper --html rewards.html
  apprentice srl stats --scored groups.jsonl steps.jsonl --at 0.01 --batch 64`,
		RunE: func(cmd *cobra.Command, args []string) error {
			q.files = args
			if err := q.check(cmd); err != nil {
				return err
			}
			if q.scored != "" {
				return a.srlStatsScored(cmd.Context(), q)
			}
			return a.srlStats(cmd.Context(), q)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&q.rewards, "reward", nil, "rewards to measure: "+strings.Join(reward.Names(), ", ")+" (default: all)")
	flags.IntVar(&q.stats.Examples, "sample", 2000, "how many examples are measured, 0 for all; each costs some twenty scores")
	flags.Uint64Var(&q.seed, "seed", 0, "draws other examples and answers; the same seed gives the same report")
	flags.IntVar(&q.stats.Group, "group", 8, "rollouts of a simulated group")
	flags.Float64SliceVar(&q.stats.Epsilons, "epsilon", nil, "thresholds to compare (default 0,0.0001,0.001,0.005,0.01,0.02,0.05,0.1)")
	flags.DurationVar(&q.stats.Limit, "limit", 2*time.Second, "time for one score; what takes longer is counted and left out")
	flags.IntVar(&q.stats.Parallel, "parallel", 0, "how many examples at once (default: one for each processor)")
	flags.StringVar(&q.html, "html", "", "write a page with plots to this file")
	flags.StringVar(&q.svg, "svg", "", "write the plots as a picture to this file")
	flags.StringVar(&q.scored, "scored", "", "read the rewards of groups from this file instead")
	flags.Float64Var(&q.groups.At, "at", 0.001, "with --scored: the threshold of the parts and batches")
	flags.IntVar(&q.groups.Steps, "steps", 1, "with --scored: training steps of one line")
	flags.IntVar(&q.groups.Batch, "batch", 0, "with --scored: fill batches of so many groups, and say what that took")
	flags.IntVar(&q.groups.Most, "most", 0, "with --batch: most groups that are generated for one batch (default: any number)")
	flags.StringVar(&q.colour, "color", colourAuto, "auto, always or never")
	_ = cmd.RegisterFlagCompletionFunc("reward", cobra.FixedCompletions(reward.Names(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("color", cobra.FixedCompletions(colours(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.MarkFlagFilename("html", "html")
	_ = cmd.MarkFlagFilename("svg", "svg")
	_ = cmd.MarkFlagFilename("scored", "jsonl", "gz")
	return cmd
}

// check says what is wrong with a question, if anything is.
func (q *statsQuestion) check(cmd *cobra.Command) error {
	if len(q.rewards) == 0 {
		q.rewards = reward.Names()
	}
	for _, name := range q.rewards {
		if _, err := reward.Named(name, format.XML); err != nil {
			return userf("--reward: %w", err)
		}
	}
	for _, eps := range append(q.stats.Epsilons[:len(q.stats.Epsilons):len(q.stats.Epsilons)], q.groups.At) {
		if !(eps >= 0 && eps < 1) {
			return userf("a threshold of %v: want 0 or more, and less than 1, which is as far as rewards deviate", eps)
		}
	}
	// Which flags are for which of the two.
	only := func(scored bool, names ...string) error {
		for _, name := range names {
			if cmd.Flags().Changed(name) && scored != (q.scored != "") {
				if scored {
					return userf("--%s says something about groups that were scored: name them with --scored", name)
				}
				return userf("--%s says something about rewards, which --scored does not measure", name)
			}
		}
		return nil
	}
	err := cmp.Or(only(true, "at", "steps", "batch", "most"),
		only(false, "reward", "sample", "seed", "group", "limit", "parallel", "html", "svg"))
	switch {
	case err != nil:
		return err
	case q.scored == "" && len(q.files) == 0:
		return userf("name the step examples that srl steps has written; see '%s --help'", cmd.CommandPath())
	case q.stats.Group < 2:
		return userf("--group %d: want 2 or more", q.stats.Group)
	case q.stats.Examples < 0:
		return userf("--sample %d: want 1 or more, or 0 for all", q.stats.Examples)
	case q.stats.Limit <= 0:
		return userf("--limit %v: want more than 0", q.stats.Limit)
	case q.stats.Parallel < 0:
		return userf("--parallel %d: want 1 or more, or 0 for all processors", q.stats.Parallel)
	case q.groups.Batch < 0, q.groups.Most < 0, q.groups.Steps < 1:
		return userf("--batch, --most and --steps count things: want 0 or more, and 1 or more steps")
	case q.groups.Most != 0 && q.groups.Most < q.groups.Batch:
		return userf("--most %d: want at least --batch, %d, or 0 for any number", q.groups.Most, q.groups.Batch)
	}
	return checkColour(q.colour)
}

// waiting reads what may never come, as from a terminal, until ctx ends.
func waiting(ctx context.Context, from io.Reader) io.Reader {
	out, in := io.Pipe()
	context.AfterFunc(ctx, func() { _ = in.CloseWithError(context.Cause(ctx)) })
	go func() {
		_, err := io.Copy(in, from)
		_ = in.CloseWithError(err) // nil is the end
	}()
	return out
}

// reading opens a file, - being standard input, and reads it through gzip where
// it is compressed.
func reading(ctx context.Context, path string, read func(name string, from io.Reader) error) error {
	var in io.Reader
	name := "standard input"
	if path == "-" {
		in = waiting(ctx, os.Stdin)
	} else {
		file, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return userError{err}
		}
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		in, name = file, path
	}
	in, err := uncompressed(in)
	if err != nil {
		return userf("reading %s: %w", name, err)
	}
	return read(name, in)
}

func (a *app) srlStats(ctx context.Context, q statsQuestion) error {
	sample := stats.NewSample(q.seed, 0)
	read := a.counting("reading step examples")
	for _, path := range q.files {
		err := reading(ctx, path, func(name string, from io.Reader) error {
			return sample.Read(ctx, name, from, func() { _ = read.Add(1) })
		})
		if err != nil {
			return err
		}
	}
	_ = read.Clear()
	for _, name := range q.rewards {
		q.stats.Rewards = append(q.stats.Rewards, func(l format.Language) (reward.Reward, error) { return reward.Named(name, l) })
	}
	done := a.counting("measuring examples")
	q.stats.Done = func() { _ = done.Add(1) }
	report, err := stats.Measure(ctx, sample, q.stats)
	_ = done.Clear()
	if example, ok := errors.AsType[*stats.ExampleError](err); ok {
		return userf("%w; make the examples anew with srl steps", example)
	}
	if err != nil {
		return err
	}
	if report.Measured == 0 {
		return userf("there is no step example in %s; srl steps writes them", strings.Join(q.files, ", "))
	}
	if err := q.draw(report); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(report)
	}
	return a.statsText(q.colour).report(report)
}

// draw writes the page and the picture that were asked for.
func (q statsQuestion) draw(r stats.Report) error {
	write := func(path string, render func() ([]byte, error)) error {
		if path == "" {
			return nil
		}
		data, err := render()
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		return renameio.WriteFile(path, data, 0o644)
	}
	if err := write(q.html, r.HTML); err != nil {
		return err
	}
	return write(q.svg, func() ([]byte, error) { return r.SVG(), nil })
}

func (a *app) srlStatsScored(ctx context.Context, q statsQuestion) error {
	if len(q.files) > 0 {
		tools := map[string]string{}
		for _, path := range q.files {
			err := reading(ctx, path, func(name string, from io.Reader) error {
				for e, err := range srl.ReadJSONL(name, from) {
					if err := cmp.Or(err, ctx.Err()); err != nil {
						return err
					}
					tools[e.ID] = stats.Tool(e)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		q.groups.Tool = func(id string) string { return tools[id] }
	}
	q.groups.Epsilons = q.stats.Epsilons
	var report stats.Scored
	err := reading(ctx, q.scored, func(name string, from io.Reader) (err error) {
		report, err = stats.ReadScored(ctx, name, from, q.groups)
		return err
	})
	switch {
	case err != nil:
		return err
	case report.Groups == 0:
		return userf("there is no group in %s", q.scored)
	case a.json:
		return a.printJSON(report)
	}
	return a.statsText(q.colour).scored(report)
}
