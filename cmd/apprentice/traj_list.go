package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/minhash"
	"github.com/apprentice-rl/apprentice/trajectories/store"
	"github.com/apprentice-rl/apprentice/trajectories/summary"
)

// listing is what the list command was asked for.
type listing struct {
	paths   []string
	sort    string
	reverse bool
	limit   int
	status  []string
}

// unfinished is the status of a trajectory that has no end.
const unfinished = "unfinished"

func statuses() []string {
	return []string{
		string(trajectories.ExitSubmitted), string(trajectories.ExitStepLimit), string(trajectories.ExitTokenLimit),
		string(trajectories.ExitCostLimit), string(trajectories.ExitTimeLimit), string(trajectories.ExitFormatErrors),
		string(trajectories.ExitGaveUp), string(trajectories.ExitInfrastructure), string(trajectories.ExitCommandTimeouts),
		string(trajectories.ExitCancelled), string(trajectories.ExitCrashed), string(trajectories.ExitUnknown), unfinished,
	}
}

// orders are what a list may be sorted by: names from A, numbers from the
// highest.
func orders() map[string]func(a, b trajLine) int {
	name := func(of func(trajLine) string) func(a, b trajLine) int {
		return func(a, b trajLine) int { return cmp.Compare(of(a), of(b)) }
	}
	number := func(of func(trajLine) float64) func(a, b trajLine) int {
		return func(a, b trajLine) int { return cmp.Compare(of(b), of(a)) }
	}
	return map[string]func(a, b trajLine) int{
		"id":      name(func(l trajLine) string { return l.ID }),
		"task":    name(func(l trajLine) string { return l.Task }),
		"model":   name(func(l trajLine) string { return l.actor() }),
		"status":  name(func(l trajLine) string { return l.status() }),
		"format":  name(func(l trajLine) string { return l.Format }),
		"start":   func(a, b trajLine) int { return a.Start.Compare(b.Start) },
		"steps":   number(func(l trajLine) float64 { return float64(l.Steps) }),
		"actions": number(func(l trajLine) float64 { return float64(l.Actions) }),
		"tokens":  number(func(l trajLine) float64 { return float64(tokens(l.Usage)) }),
		"cost":    number(func(l trajLine) float64 { return l.Usage.Cost }),
		"patch":   number(func(l trajLine) float64 { return float64(l.PatchBytes) }),
	}
}

func orderNames() []string {
	return []string{"id", "task", "model", "status", "format", "start", "steps", "actions", "tokens", "cost", "patch"}
}

func (a *app) trajListCommand() *cobra.Command {
	var l listing
	cmd := &cobra.Command{
		Use:   "list [FILE|FOLDER...]",
		Short: "List trajectories",
		Long: `List the trajectories in files, archives, folders and runs; those of the current
folder if none is named. The last line sums up all that fit, also those that
--limit leaves out.

TOKENS are those of prompts and answers together, and PATCH is the size of the
final patch in bytes: "?" where the source did not keep it. On a narrow terminal
columns are left out; --json tells everything.

What is listed of a folder is kept in its file .index.jsonl, so that the next
time only logs that are new or have changed are read. The file may be deleted.`,
		Example: `  apprentice traj list imported
  apprentice traj list runs/first --sort cost --limit 10
  apprentice traj list imported --status cost_limit,step_limit --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if l.paths = args; len(args) == 0 {
				l.paths = []string{"."}
			}
			if l.sort != "" && !slices.Contains(orderNames(), l.sort) {
				return userf("--sort %s: there is no such order; there are %s", l.sort, strings.Join(orderNames(), ", "))
			}
			for _, s := range l.status {
				if !slices.Contains(statuses(), s) {
					return userf("--status %s: there is no such status; there are %s", s, strings.Join(statuses(), ", "))
				}
			}
			if l.limit < 0 {
				return userf("--limit %d: want 1 or more, or 0 for all", l.limit)
			}
			return a.trajList(cmd.Context(), l)
		},
	}
	cmd.Flags().StringVar(&l.sort, "sort", "", "sort by "+strings.Join(orderNames(), ", ")+"; numbers from the highest (default: by file)")
	cmd.Flags().BoolVarP(&l.reverse, "reverse", "r", false, "the other way round")
	cmd.Flags().IntVar(&l.limit, "limit", 0, "list so many, 0 for all")
	cmd.Flags().StringSliceVar(&l.status, "status", nil, "list those that ended so: one status or several")
	_ = cmd.RegisterFlagCompletionFunc("sort", cobra.FixedCompletions(orderNames(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("status", cobra.FixedCompletions(statuses(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// trajLine is one line of the list.
type trajLine struct {
	summary.Summary
	File string `json:"file"` // in archives with "#" and its number
}

// actor is who acted: the model, where there was one.
func (l trajLine) actor() string { return cmp.Or(l.Model, l.Policy) }

// repo is the repository, also where only the id of the task tells it.
func (l trajLine) repo() string { return cmp.Or(l.Repo, trajectories.RepositoryOf("", l.Task)) }

func (l trajLine) status() string { return cmp.Or(string(l.Status), unfinished) }

// tokens are those of prompts and answers.
func tokens(u trajectories.Usage) int { return u.PromptTokens + u.CompletionTokens }

// listTotal sums up all trajectories that fit.
type listTotal struct {
	Trajectories int                `json:"trajectories"`
	Steps        int                `json:"steps"`
	Actions      int                `json:"actions"`
	Observations int                `json:"observations"`
	Usage        trajectories.Usage `json:"usage"`
	PatchBytes   int                `json:"patch_bytes"`
}

func totalOf(all []trajLine) listTotal {
	t := listTotal{Trajectories: len(all)}
	for _, l := range all {
		t.Steps += l.Steps
		t.Actions += l.Actions
		t.Observations += l.Observations
		t.Usage = t.Usage.Add(l.Usage)
		t.PatchBytes += l.PatchBytes
	}
	return t
}

func (a *app) trajList(ctx context.Context, l listing) error {
	all := []trajLine{}
	broken := []string{}
	for e, err := range summaries(ctx, l.paths) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if user, ok := errors.AsType[userError](err); ok {
			return user
		}
		if err != nil {
			broken = append(broken, err.Error())
			continue
		}
		one := trajLine{e.Summary, e.Name()}
		one.Sketch = minhash.Sketch{} // is for comparing, and nothing to read
		if len(l.status) == 0 || slices.Contains(l.status, one.status()) {
			all = append(all, one)
		}
	}
	if compare, ok := orders()[l.sort]; ok {
		slices.SortStableFunc(all, compare)
	}
	if l.reverse {
		slices.Reverse(all)
	}
	shown := all
	if l.limit > 0 {
		shown = all[:min(l.limit, len(all))]
	}
	if a.json {
		err := a.printJSON(map[string]any{"trajectories": shown, "total": totalOf(all), "broken": broken})
		if err == nil && len(broken) > 0 {
			err = userError{errSaid}
		}
		return err
	}
	if len(shown) > 0 {
		if err := listTable(shown).write(a.stdout, a.width()); err != nil {
			return err
		}
	}
	fmt.Fprintln(a.stdout, totalLine(totalOf(all), len(shown)))
	for _, text := range broken {
		a.say("apprentice: %s", printable(text))
	}
	if len(broken) > 0 {
		return userError{errSaid}
	}
	return nil
}

// summaries finds what is known of the trajectories that are named: files,
// folders and runs.
func summaries(ctx context.Context, paths []string) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		for e, err := range store.Summaries(ctx, paths...) {
			if !yield(e, explainPath(err)) {
				return
			}
		}
	}
}

// explainPath says of a path that holds no trajectories what to do.
func explainPath(err error) error {
	if none, ok := errors.AsType[*store.EmptyError](err); ok {
		return userf("%s holds no trajectories; 'apprentice record' makes some, and 'apprentice traj import' reads those of other programs", none.Dir)
	}
	if _, ok := errors.AsType[*store.IrregularError](err); ok || errors.Is(err, fs.ErrNotExist) {
		return userError{err}
	}
	return err
}

func listTable(all []trajLine) table {
	// A task is in the id already, unless the id had to be another one.
	own := func(l trajLine) bool { return l.ID != fmt.Sprintf("%s.%d", l.Task, l.Attempt) }
	text := func(title string, least, rank int, of func(trajLine) string) column {
		return column{title: title, least: least, rank: rank, cells: cells(all, of)}
	}
	number := func(title string, rank int, of func(trajLine) string) column {
		return column{title: title, right: true, rank: rank, cells: cells(all, of)}
	}
	columns := []column{text("ID", 24, 0, func(l trajLine) string { return l.ID })}
	if slices.ContainsFunc(all, own) {
		columns = append(columns, text("TASK", 12, 8, func(l trajLine) string { return l.Task }))
	}
	if slices.ContainsFunc(all, func(l trajLine) bool { return l.repo() != "" }) {
		columns = append(columns, text("REPO", 12, 9, func(l trajLine) string { return cmp.Or(l.repo(), "-") }))
	}
	columns = append(columns,
		text("MODEL", 12, 2, func(l trajLine) string { return path.Base(cmp.Or(l.actor(), "-")) }), // without its provider
		text("STATUS", 0, 0, trajLine.status),
		number("STEPS", 1, func(l trajLine) string { return fmt.Sprint(l.Steps) }),
		number("ACTIONS", 6, func(l trajLine) string { return fmt.Sprint(l.Actions) }),
		number("COST", 3, func(l trajLine) string { return dollars(l.Usage.Cost) }),
		number("TOKENS", 5, func(l trajLine) string { return short(tokens(l.Usage)) }),
		number("PATCH", 4, func(l trajLine) string {
			if l.PatchUnknown {
				return "?"
			}
			return short(l.PatchBytes)
		}),
	)
	if slices.ContainsFunc(all, func(l trajLine) bool { return l.Format != "" }) {
		columns = append(columns, text("FORMAT", 0, 7, func(l trajLine) string { return cmp.Or(l.Format, "-") }))
	}
	return table{columns: columns, rows: len(all)}
}

func cells(all []trajLine, of func(trajLine) string) []string {
	texts := make([]string, len(all))
	for i, l := range all {
		texts[i] = printable(of(l))
	}
	return texts
}

func totalLine(t listTotal, shown int) string {
	line := count(t.Trajectories, "trajectory", "trajectories")
	if shown < t.Trajectories {
		line += fmt.Sprintf(" (%d shown)", shown)
	}
	line += fmt.Sprintf(": %s, %s", count(t.Steps, "step", "steps"), count(t.Actions, "action", "actions"))
	if n := tokens(t.Usage); n > 0 {
		line += fmt.Sprintf(", %s tokens", short(n))
	}
	if t.Usage.Cost > 0 {
		line += ", " + dollars(t.Usage.Cost)
	}
	return line
}

// dollars is a price as people read it; "-" where there is none.
func dollars(cost float64) string {
	switch {
	case cost == 0:
		return "-"
	case cost < 0.0005:
		return "<$0.001"
	case cost < 0.1:
		return fmt.Sprintf("$%.3f", cost)
	}
	return fmt.Sprintf("$%.2f", cost)
}

// short is a number with three digits that count; "-" for none.
func short(n int) string {
	v, unit := float64(n), ""
	for _, next := range []string{"k", "M", "G"} {
		if v < 999.5 {
			break
		}
		v, unit = v/1000, next
	}
	switch {
	case n == 0:
		return "-"
	case unit != "" && v < 9.95:
		return fmt.Sprintf("%.1f%s", v, unit)
	}
	return fmt.Sprintf("%.0f%s", v, unit)
}
