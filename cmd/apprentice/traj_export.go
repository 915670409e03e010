package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/sft"
	"github.com/apprentice-rl/apprentice/trajectories/store"
)

func (a *app) trajExportCommand() *cobra.Command {
	var e exporting
	var to string
	names := strings.Join(exportNames(), ", ")
	cmd := &cobra.Command{
		Use:   "export FILE|FOLDER... --to FORMAT --out PATH",
		Short: "Write trajectories as other programs read them",
		Long: `Write trajectories in the format of another program, or as rows for training:
` + names + `.

openai, swe-smith, sft, sft-xml and predictions are rows, of which --out is the
file (.jsonl). The other formats have a file for each trajectory, in the folder
--out. It is laid out as SWE-agent and mini-swe-agent do it: a folder named by
the trajectory's id, and in it a file named by the task.

  sft, sft-xml  a conversation a row, in which each message says whether it is to
                be learned from ("train"); calls beside the text, or in it
  predictions   the final patches, as SWE-bench grades them

Patches are never altered, so a trajectory whose patch seems to hold a secret is
not exported until you have looked at it, and say --confirm-patch ID.

No format holds all of a log. What it cannot hold is looked for in all
trajectories before anything is written; if there is something, it is listed,
field by field, and nothing is written. --lossy lists it and writes the rest.
Only the notes that the importer of another format has left for its own exporter
(turn.origin and the like) are no reason to stop.`,
		Example: `  apprentice traj export imported --to atif --out atif
  apprentice traj export runs/first --to sft --out train.jsonl --lossy
  apprentice traj export imported --to predictions --out preds.jsonl`,
		Args: someArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if e.paths = args; to == "" {
				return userf("say in which format: --to FORMAT, one of %s", names)
			}
			if e.out == "" {
				return userf("say where the export goes: --out PATH")
			}
			var ok bool
			if e.format, ok = exportFormat(to); !ok {
				return userf("--to %s: there is no such format to export; there are %s", to, names)
			}
			return a.trajExport(cmd.Context(), &e)
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "the format to write: "+names)
	cmd.Flags().StringVarP(&e.out, "out", "o", "", "the file (.jsonl) or the folder to write")
	cmd.Flags().BoolVar(&e.lossy, "lossy", false, "list what the format cannot hold, and write the rest")
	cmd.Flags().BoolVar(&e.force, "force", false, "replace what is there")
	e.unread.add(cmd)
	e.gate.add(cmd)
	_ = cmd.RegisterFlagCompletionFunc("to", cobra.FixedCompletions(exportNames(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// predictionsName is the format of final patches. It is benchmarks' own, and
// holds no trajectories.
const predictionsName = "predictions"

// exportFormats are the formats that this program writes.
func exportFormats() []formats.Format {
	var all []formats.Format
	for _, f := range append(allFormats(), sft.Format(), sft.XML()) {
		if f.Export != nil {
			all = append(all, f)
		}
	}
	return append(all, formats.Format{Name: predictionsName})
}

func exportNames() []string {
	var names []string
	for _, f := range exportFormats() {
		names = append(names, f.Name)
	}
	return names
}

func exportFormat(name string) (formats.Format, bool) {
	for _, f := range exportFormats() {
		if f.Name == name {
			return f, true
		}
	}
	return formats.Format{}, false
}

// exporting is what the export command was asked for, and what it has found.
type exporting struct {
	paths        []string
	format       formats.Format
	out          string
	lossy, force bool

	logs       []*store.Log
	ids        map[string]string // the paths of the trajectories with these ids
	losses     losses
	unfinished int
	gate       patchGate
	leftOut    []leftOut
	unread     unreadLogs
}

// leftOut is a trajectory that is not exported.
type leftOut struct {
	Trajectory string `json:"trajectory"`
	Why        string `json:"why"`
}

// An exported is the result of an export.
type exported struct {
	Format       string    `json:"format"`
	Out          string    `json:"out"`
	Trajectories int       `json:"trajectories"`
	Files        int       `json:"files"`
	Unfinished   int       `json:"unfinished,omitempty"` // trajectories without an end
	LeftOut      []leftOut `json:"left_out,omitempty"`
	Losses       []loss    `json:"losses"`
	// Unread are the logs that could not be read, in the words of the errors.
	Unread []string `json:"unread,omitempty"`
	// Refused says that nothing was written because of the losses.
	Refused bool `json:"refused,omitempty"`
}

func (a *app) trajExport(ctx context.Context, e *exporting) error {
	if err := e.free(); err != nil {
		return err
	}
	if err := e.look(ctx); err != nil {
		return err
	}
	e.unread.say(a)
	result := exported{Format: e.format.Name, Out: e.out, Unfinished: e.unfinished, Losses: e.losses.all(), Unread: e.unread.texts}
	result.Refused = e.losses.serious && !e.lossy
	if e.lossy || result.Refused {
		if err := a.printLosses(result); err != nil {
			return err
		}
	}
	if result.Refused {
		return userf("%s cannot hold all of this, so nothing was written; --lossy writes what it can", e.format.Name)
	}
	var err error
	switch {
	case e.format.Name == predictionsName:
		result.Trajectories, err = e.predictions(ctx)
		result.Files = 1
	case e.format.Ending == "":
		result.Trajectories, result.Files, err = len(e.logs), 1, e.rows(ctx)
	default:
		result.Trajectories, result.Files, err = len(e.logs), len(e.logs), e.files(ctx)
	}
	if err != nil {
		return err
	}
	result.LeftOut = e.leftOut
	return a.printExport(result)
}

// free checks that what is to be written is not there.
func (e *exporting) free() error {
	st, err := os.Stat(e.out)
	there := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return userf("--out: %w", err)
	}
	if e.format.Ending == "" {
		switch {
		case there && st.IsDir():
			return userf("%s is a folder; %s is one file, of rows", e.out, e.format.Name)
		case !strings.HasSuffix(e.out, ".jsonl"):
			return userf("--out %s: the name of a file of rows ends in .jsonl", e.out)
		case there && !e.force:
			return userf("%s is there already; --force replaces it", e.out)
		}
		return nil
	}
	if !there {
		return nil
	}
	if !st.IsDir() {
		return userf("%s is a file; %s is a folder, with a file for each trajectory", e.out, e.format.Name)
	}
	entries, err := os.ReadDir(e.out)
	if err != nil {
		return err
	}
	if len(entries) > 0 && !e.force {
		return userf("%s holds files already; --force replaces those of the same names", e.out)
	}
	return nil
}

// look goes over all trajectories before anything is written.
func (e *exporting) look(ctx context.Context) error {
	e.ids = map[string]string{}
	for l, err := range logs(e.paths) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var t *trajectories.Trajectory
		if err == nil {
			t, err = l.Read()
		}
		if err != nil {
			if err = e.unread.forgive(err); err != nil {
				return err
			}
			continue
		}
		if err := e.refuse(l, t); err != nil {
			return err
		}
		if err := e.gate.look(l.Path(), t); err != nil {
			return err
		}
		if t.End == nil {
			e.unfinished++
		}
		if e.format.Lossy != nil {
			e.losses.add(t, e.format)
		}
		e.logs = append(e.logs, l)
	}
	if len(e.logs) == 0 {
		return userf("none of the %s can be read, so nothing was written", count(len(e.unread.texts), "log", "logs"))
	}
	return e.gate.refusal()
}

// refuse says why a trajectory cannot be exported at all. It sees each of them
// before anything is written.
func (e *exporting) refuse(l *store.Log, t *trajectories.Trajectory) error {
	id := t.Header.ID
	if e.format.Ending == "" {
		return nil
	}
	if before, there := e.ids[id]; there {
		return userf("%s and %s are both named %s; export them into folders of their own", before, l.Path(), id)
	}
	e.ids[id] = l.Path()
	if !isFileName(id) {
		return userf("%s is named %q, which cannot be the name of a file", l.Path(), id)
	}
	return nil
}

func (a *app) printExport(r exported) error {
	if a.json {
		return a.printJSON(r)
	}
	for _, l := range r.LeftOut {
		a.say("left out  %s: %s", printable(l.Trajectory), l.Why)
	}
	if r.Unfinished > 0 {
		a.say("%s no end yet", count(r.Unfinished, "trajectory has", "trajectories have"))
	}
	what := count(r.Trajectories, "trajectory", "trajectories")
	if r.Format == predictionsName {
		what = count(r.Trajectories, "prediction", "predictions")
	}
	fmt.Fprintf(a.stdout, "%s as %s in %s\n", what, r.Format, filepath.Clean(r.Out))
	return nil
}
