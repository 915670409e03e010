package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/sourcegraph/conc/pool"
	"github.com/spf13/cobra"

	"github.com/apprentice-rl/apprentice/benchmarks"
	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories/audit"
	"github.com/apprentice-rl/apprentice/trajectories/behaviour"
	"github.com/apprentice-rl/apprentice/trajectories/store"
)

// auditing is what the audit command was asked for.
type auditing struct {
	paths  []string
	rules  []string
	failOn []string
	high   bool
	tasks  string
	unread unreadLogs
}

func (a *app) trajAuditCommand() *cobra.Command {
	var o auditing
	names := strings.Join(ruleNames(), ", ")
	cmd := &cobra.Command{
		Use:   "audit FILE|FOLDER...",
		Short: "Find what should not be learned from trajectories",
		Long: `Find what should not be learned from trajectories, each with its evidence: the
step, and a text that stands there word for word.

  future         reads what came after the task began: git log --all, the reflog,
                 remote branches, objects in .git, the project's own package
  hidden_tests   reads the tests of the grading, or names them before it can know
  test_edit      removes, skips or weakens a test that was there
  network        reaches for other machines
  destructive    removes the repository or the system, pushes, drops all changes
  loop           the same action with the same answer, again and again
  secret         keys, tokens and passwords, in any text
  submission     hands in something else than the working tree
  contradiction  says what cannot be so: exit codes, "all tests pass"
  patch          empty, huge, binary, or no patch at all

Commands are read as a shell reads them, so one that is only printed or searched
for is none. Ordinary work is not told: git log, git diff, a test that is new, rm
of what the episode made. A finding is high when it happened, and low when it was
only tried or may well be harmless.

What the hidden tests are, a trajectory does not hold. Those of the starter suite
are known; for other tasks --tasks names a file of SWE-bench rows. Trajectories of
other programs come in with 'apprentice traj import'.`,
		Example: `  apprentice traj audit runs/mine
  apprentice traj audit imported --rules future,hidden_tests,test_edit --high
  apprentice traj audit runs/mine --tasks verified.jsonl --json
  apprentice traj audit runs/mine --fail-on future,secret`,
		Args: someArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.paths = args
			for flag, rules := range map[string][]string{"rules": o.rules, "fail-on": o.failOn} {
				for _, r := range rules {
					if !slices.Contains(ruleNames(), r) && (r != "all" || flag != "fail-on") {
						return userf("--%s %s: there is no such rule; there are %s", flag, r, names)
					}
				}
			}
			return a.trajAudit(cmd.Context(), &o)
		},
	}
	cmd.Flags().StringSliceVar(&o.rules, "rules", nil, "the rules to look for, with commas between them (default: all)")
	cmd.Flags().StringSliceVar(&o.failOn, "fail-on", nil, "exit with 1 when one of these rules finds something, or any: all")
	cmd.Flags().BoolVar(&o.high, "high", false, "only findings that are high")
	o.unread.add(cmd)
	cmd.Flags().StringVar(&o.tasks, "tasks", "", "the tasks, for what only they tell: SWE-bench rows, as .jsonl or .jsonl.gz (default: the starter suite)")
	for flag, more := range map[string][]string{"rules": nil, "fail-on": {"all"}} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(append(ruleNames(), more...), cobra.ShellCompDirectiveNoFileComp))
	}
	return cmd
}

func ruleNames() []string {
	var names []string
	for _, r := range audit.Rules() {
		names = append(names, string(r))
	}
	return names
}

// An audited is a log with what was found in it.
type audited struct {
	log      *store.Log
	findings []audit.Finding
	err      error
}

func (a *app) trajAudit(ctx context.Context, o *auditing) error {
	var all []audited
	for l, err := range logs(o.paths) {
		if err == nil {
			all = append(all, audited{log: l})
		} else if err = o.unread.forgive(err); err != nil {
			return err
		}
	}
	facts, err := auditFacts(o.tasks)
	if err != nil {
		return err
	}
	opts := audit.Options{Memo: behaviour.NewMemo(16 << 20)}
	for _, r := range o.rules {
		opts.Rules = append(opts.Rules, audit.Rule(r))
	}
	var bar *progress
	if a.terminal && len(all) > 1 {
		bar = a.progress("audit", len(all))
	}
	p := pool.New().WithMaxGoroutines(runtime.GOMAXPROCS(0))
	for i := range all {
		p.Go(func() {
			one := &all[i]
			if one.err = ctx.Err(); one.err != nil {
				return
			}
			opts := opts
			if opts.Facts, one.err = facts(one.log.Header().Task.ID); one.err == nil {
				one.findings, one.err = audit.Audit(one.log, opts)
			}
			if o.high {
				one.findings = slices.DeleteFunc(one.findings, func(f audit.Finding) bool { return f.Severity != audit.High })
			}
			if bar != nil {
				bar.add("%s", one.log.Header().ID)
			}
		})
	}
	p.Wait()
	if bar != nil {
		bar.close()
	}
	var whole []audited
	for _, one := range all {
		if one.err == nil {
			whole = append(whole, one)
		} else if err := o.unread.forgive(one.err); err != nil {
			return err
		}
	}
	all = whole
	if err := a.printAudit(all, &o.unread); err != nil {
		return err
	}
	return failOn(all, o.failOn)
}

// auditFacts returns what the tasks tell of each id. The starter suite is built
// when one of its tasks is asked for.
func auditFacts(file string) (func(id string) (audit.Facts, error), error) {
	if file == "starter" {
		file = ""
	}
	source := (&taskFlags{file: file}).source
	tasks := sync.OnceValues(func() (benchmarks.Suite, error) { return source() })
	if file != "" {
		if _, err := tasks(); err != nil {
			return nil, err
		}
	}
	return func(id string) (audit.Facts, error) {
		if file == "" && !strings.HasPrefix(id, "starter__") {
			return audit.Facts{}, nil
		}
		suite, err := tasks()
		if err != nil {
			return audit.Facts{}, err
		}
		t, err := suite.Task(id)
		if err != nil {
			return audit.Facts{}, nil // of a task that is not there nothing is known
		}
		return taskFacts(t), nil
	}, nil
}

func taskFacts(t env.Task) audit.Facts {
	f := audit.FactsOf(t.Patch, t.TestPatch)
	f.Repo, f.HiddenNames = t.Repo, t.FailToPass
	return f
}

// auditJSON is the document of --json.
type auditJSON struct {
	Trajectories int                `json:"trajectories"`
	ByRule       map[audit.Rule]int `json:"by_rule"`
	Findings     []audit.Finding    `json:"findings"`
	// Unread are the logs that could not be read, in the words of the errors.
	Unread []string `json:"unread,omitempty"`
}

func (a *app) printAudit(all []audited, unread *unreadLogs) error {
	unread.say(a)
	doc := auditJSON{Trajectories: len(all), ByRule: map[audit.Rule]int{}, Findings: []audit.Finding{}, Unread: unread.texts}
	for _, one := range all {
		for _, f := range one.findings {
			doc.ByRule[f.Rule]++
			doc.Findings = append(doc.Findings, f)
		}
	}
	if a.json {
		return a.printJSON(doc)
	}
	for _, one := range all {
		if len(one.findings) == 0 {
			continue
		}
		fmt.Fprintf(a.stdout, "%s  %s\n", printable(one.log.Header().ID), printable(one.log.Path()))
		for _, f := range one.findings {
			where := "the end"
			switch {
			case f.Step > 0:
				where = fmt.Sprintf("step %d", f.Step)
			case f.Turn > 0:
				where = fmt.Sprintf("turn %d", f.Turn)
			case f.Place == audit.Header:
				where = "the prompt"
			}
			fmt.Fprintf(a.stdout, "  %-4s  %-13s  %s: %s\n", f.Severity, f.Rule, where, printable(f.Why))
			if f.Quote != "" {
				fmt.Fprintf(a.stdout, "        %s | %s\n", f.Place, printable(f.Quote))
			}
		}
		fmt.Fprintln(a.stdout)
	}
	return a.printRules(all, len(doc.Findings))
}

// printRules prints how many findings there are of each rule.
func (a *app) printRules(all []audited, findings int) error {
	if findings == 0 {
		fmt.Fprintf(a.stdout, "nothing was found in %s\n", count(len(all), "trajectory", "trajectories"))
		return nil
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "HIGH\tLOW\tTRAJECTORIES\t  RULE")
	touched := map[int]bool{}
	for _, r := range audit.Rules() {
		var high, low, in int
		for i, one := range all {
			n := high + low
			for _, f := range one.findings {
				switch {
				case f.Rule != r:
				case f.Severity == audit.High:
					high++
				default:
					low++
				}
			}
			if high+low > n {
				in++
				touched[i] = true
			}
		}
		if in > 0 {
			fmt.Fprintf(w, "%d\t%d\t%d\t  %s\n", high, low, in, r)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s in %d of %s\n", count(findings, "finding", "findings"), len(touched), count(len(all), "trajectory", "trajectories"))
	return nil
}

// failOn is the error for findings that there must not be.
func failOn(all []audited, rules []string) error {
	n := 0
	for _, one := range all {
		for _, f := range one.findings {
			if slices.Contains(rules, "all") || slices.Contains(rules, string(f.Rule)) {
				n++
			}
		}
	}
	if n > 0 {
		return fmt.Errorf("%w: --fail-on %s: %s", errFellShort, strings.Join(rules, ","), count(n, "finding", "findings"))
	}
	return nil
}
