package main

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/apprentice-rl/apprentice/trajectories/behaviour"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/show"
	"github.com/apprentice-rl/apprentice/trajectories/stats"
)

func (a *app) trajStatsCommand() *cobra.Command {
	var by, colour string
	var unread unreadLogs
	groups := []string{"model", "status", "repo", "format", "policy"}
	cmd := &cobra.Command{
		Use:   "stats FILE|FOLDER...",
		Short: "What trajectories have in common: lengths, costs, tools, behaviour",
		Long: `Count over trajectories: how they ended, how long they are and what they cost,
which tools and programs they use and how often those fail, and what is done at
which point of an episode: view, search, edit, test and so on, in one language for
the agents of all programs.

Each action is counted once, by what it was mainly for: one that changes a file and
runs the tests is an edit. Medians and percentiles are exact. Tokens, costs and
times are known of some trajectories only; the column "known" says of how many.

--by shows groups side by side. With --json there is one report for each group,
and it holds the whole lists.`,
		Example: `  apprentice traj stats runs/first
  apprentice traj stats imported --by model
  apprentice traj stats imported --json | jq '.[0].report.cost.median'`,
		Args: someArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if by != "" && !slices.Contains(groups, by) {
				return userf("--by %s: there are %s", by, strings.Join(groups, ", "))
			}
			if err := checkColour(colour); err != nil {
				return err
			}
			found, err := a.trajStats(cmd.Context(), args, by, &unread)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(found)
			}
			o := show.Options{Width: min(cmp.Or(a.width(), defaultWidth), 120), Colour: a.colour(colour)}
			if by == "" {
				return show.Report(a.stdout, found[0].Report, o)
			}
			return show.Compare(a.stdout, found, o)
		},
	}
	cmd.Flags().StringVar(&by, "by", "", "compare groups: "+strings.Join(groups, ", "))
	unread.add(cmd)
	cmd.Flags().StringVar(&colour, "color", colourAuto, "auto, always or never")
	_ = cmd.RegisterFlagCompletionFunc("by", cobra.FixedCompletions(groups, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("color", cobra.FixedCompletions(colours(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// trajStats counts. The groups come the largest first; without by there is one,
// which has no name.
func (a *app) trajStats(ctx context.Context, paths []string, by string, unread *unreadLogs) ([]show.Group, error) {
	// There is little in memory, and much goes through it.
	defer debug.SetGCPercent(debug.SetGCPercent(300))
	memo := behaviour.NewMemo(8 << 20)
	bar := a.counting("reading trajectories")
	groups, err := stats.Collect(ctx, outlines(paths), stats.Options{
		Workers:  runtime.GOMAXPROCS(0),
		Classify: memo.Classify,
		Group:    func(e stats.Episode) string { return groupOf(e, by) },
		Forgive:  unread.forgive,
		Done:     func() { _ = bar.Add(1) },
	})
	_ = bar.Clear()
	if err != nil {
		return nil, err
	}
	unread.say(a)
	if by == "" && len(groups) == 0 {
		groups[""] = &stats.Stats{} // nothing could be read
	}
	found := []show.Group{}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		found = append(found, show.Group{Name: name, Report: groups[name].Report()})
	}
	slices.SortStableFunc(found, func(x, y show.Group) int { return y.Report.Trajectories - x.Report.Trajectories })
	return found, nil
}

func groupOf(e stats.Episode, by string) string {
	switch by {
	case "":
		return ""
	case "model":
		return cmp.Or(e.Model, e.Policy, "unknown")
	case "status":
		return cmp.Or(string(e.Status), "no end")
	case "repo":
		return cmp.Or(e.Repo, "unknown")
	case "format":
		return cmp.Or(e.Format, "apprentice")
	default:
		return cmp.Or(e.Policy, "unknown")
	}
}

// outlines finds trajectories to count.
func outlines(paths []string) iter.Seq2[formats.Source, error] {
	return func(yield func(formats.Source, error) bool) {
		for l, err := range logs(paths) {
			if err != nil && !yield(nil, err) || err == nil && !yield(l.Outline(), nil) {
				return
			}
		}
	}
}
