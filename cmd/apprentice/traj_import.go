package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/store"
)

// importing is what the import command was asked for.
type importing struct {
	paths     []string
	out       string
	from      string
	keepGoing bool
	secrets   secretFlags
}

func (a *app) trajImportCommand() *cobra.Command {
	var i importing
	names := strings.Join(formatNames(), ", ")
	cmd := &cobra.Command{
		Use:   "import FILE|FOLDER... --out DIR",
		Short: "Import what other programs have recorded",
		Long: `Import trajectories that other programs have recorded, as event logs, one file
for each. Folders are searched. The format of a file is found out by what is in
it, unless --from names it: ` + names + `.

An action is every call of a tool, or command block, that stands with the agent
in the file; an observation is what is addressed to one. Nothing is dropped in
silence: what is neither is kept in the log as a message, and what is strange is
told in warnings.

Keys, tokens and passwords that have a known form, and the values of environment
variables that --secret names, give way to placeholders before anything is
written; equal ones stay equal, as long as the folder keeps its file
.redact-key. A patch is never altered. Counts are those of the source.

A file that holds no trajectory, or is broken, ends the import; with --keep-going
it is reported as refused, and the rest is imported.

What was imported into the folder before, from the same file, is counted and not
written again: after an import that was interrupted, the same command goes on.`,
		Example: `  apprentice traj import astropy__astropy-14369.traj.json --out imported
  apprentice traj import results/ --out imported --keep-going --json
  apprentice srl steps imported --out steps.jsonl`,
		Args: someArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if i.paths = args; i.out == "" {
				return userf("say where the logs go: --out DIR")
			}
			if i.from != "" && !slices.Contains(formatNames(), i.from) {
				return userf("--from %s: there is no such format; there are %s", i.from, names)
			}
			return a.trajImport(cmd.Context(), i)
		},
	}
	cmd.Flags().StringVarP(&i.out, "out", "o", "", "the folder for the logs")
	cmd.Flags().StringVar(&i.from, "from", "", "the format of all files (default: found out for each)")
	cmd.Flags().BoolVar(&i.keepGoing, "keep-going", false, "import what can be imported, and report the rest")
	i.secrets.add(cmd)
	i.secrets.addOff(cmd)
	_ = cmd.MarkFlagDirname("out")
	_ = cmd.RegisterFlagCompletionFunc("from", cobra.FixedCompletions(formatNames(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) trajImport(ctx context.Context, i importing) error {
	reports, err := a.imports(ctx, i)
	switch {
	case err != nil:
		return err
	case a.json:
		return a.printJSON(reports)
	}
	return a.printImport(reports, i.out)
}

// imports imports, and returns what became of each file.
func (a *app) imports(ctx context.Context, i importing) (reports []formats.Report, err error) {
	to, err := store.Open(i.out)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	// Two imports at the same time could find the same file missing.
	release, err := to.Lock(ctx, func() { a.say("another import goes into %s; waiting for its end", i.out) })
	if err != nil {
		return nil, err
	}
	defer release()
	if err := to.Sweep(); err != nil {
		return nil, err
	}
	held, broken, err := to.Held(ctx)
	if err != nil {
		return nil, err
	}
	for _, err := range broken {
		a.say("%v; it is left as it is", err)
	}
	a.kept = "; what was imported is kept, and the same command goes on from there"
	w := to.Writer()
	defer w.Discard()
	secrets, err := i.secrets.redaction(i.out, w)
	if err != nil {
		return nil, err
	}
	reports = []formats.Report{}
	for r, err := range formats.Import(ctx, i.paths, formats.Options{
		Formats:   allFormats(),
		From:      i.from,
		KeepGoing: i.keepGoing,
		To:        secrets.sink,
		Taken: func(id string) bool {
			id = secrets.id(id)
			return held.Has(id) || to.Has(id)
		},
		Kept: func(from trajectories.Source) (string, bool) {
			from.File = secrets.id(from.File)
			return held.Imported(from)
		},
		Importer: "apprentice " + versions()["apprentice"],
	}) {
		if err != nil {
			err = &maskedError{err, secrets.mask(err.Error())}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil, userError{err}
		}
		if err != nil && exitCode(err) == exitUser {
			return nil, fmt.Errorf("%w; --keep-going reports such files and imports the rest", err)
		}
		if err != nil {
			return nil, err
		}
		r.Redactions = secrets.taken()
		secrets.told(&r)
		reports = append(reports, r)
	}
	if len(reports) == 0 {
		return nil, userf("there are no files in %s", strings.Join(i.paths, ", "))
	}
	return reports, nil
}

// readAs is the format of a file and its version, unless the one says the other.
func readAs(r formats.Report) string {
	if r.Version == "" || strings.HasSuffix(r.Format, "-"+r.Version) {
		return r.Format
	}
	return r.Format + " " + r.Version
}

func (a *app) printImport(reports []formats.Report, out string) error {
	var all formats.Count
	var refused, warnings, kept int
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FORMAT\tTRAJECTORIES\tNEW\tACTIONS\tOBSERVATIONS\tWARNINGS\tFILE")
	for _, r := range reports {
		if r.Refused != "" {
			refused++
			continue
		}
		all = all.Add(r.Count)
		n := len(r.Warnings) + r.More
		warnings += n
		kept += r.Kept
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%s\n", readAs(r), r.Trajectories, r.Trajectories-r.Kept, r.Actions, r.Observations, n, printable(r.File))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, r := range reports {
		if r.Refused != "" {
			fmt.Fprintf(a.stdout, "refused  %s: %s\n", printable(r.File), printable(r.Refused))
		}
	}
	fmt.Fprintf(a.stdout, "%s in %s, with %s and %s\n", count(all.Trajectories, "trajectory", "trajectories"), out,
		count(all.Actions, "action", "actions"), count(all.Observations, "observation", "observations"))
	if kept > 0 {
		a.say("%s there already", count(kept, "trajectory was", "trajectories were"))
	}
	if refused > 0 {
		a.say("%s refused", count(refused, "file was", "files were"))
	}
	if warnings > 0 {
		a.say("%s: --json tells them", count(warnings, "warning", "warnings"))
	}
	a.sayRedactions(reports, out)
	return nil
}
