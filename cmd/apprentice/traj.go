package main

import (
	"iter"

	"github.com/spf13/cobra"

	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/atif"
	"github.com/apprentice-rl/apprentice/trajectories/formats/mini"
	"github.com/apprentice-rl/apprentice/trajectories/formats/openai"
	"github.com/apprentice-rl/apprentice/trajectories/formats/openhands"
	"github.com/apprentice-rl/apprentice/trajectories/formats/sweagent"
	"github.com/apprentice-rl/apprentice/trajectories/formats/swesmith"
	"github.com/apprentice-rl/apprentice/trajectories/store"
)

func (a *app) trajCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "traj",
		Short:   "Import, read, check, choose and export trajectories",
		Example: "  apprentice traj import results/ --out imported --keep-going\n  apprentice traj list imported\n  apprentice traj export imported --to sft --out train.jsonl --lossy",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.trajImportCommand())
	cmd.AddCommand(a.trajListCommand())
	cmd.AddCommand(a.trajShowCommand())
	cmd.AddCommand(a.trajStatsCommand())
	cmd.AddCommand(a.trajAuditCommand())
	cmd.AddCommand(a.trajFilterCommand())
	cmd.AddCommand(a.trajRedactCommand())
	cmd.AddCommand(a.trajExportCommand())
	cmd.AddCommand(a.trajPackCommand())
	return cmd
}

// allFormats are the formats that this program reads.
func allFormats() []formats.Format {
	return []formats.Format{
		sweagent.Format(),
		mini.Format11(),
		mini.Format1(),
		openhands.V0(),
		openhands.V1(),
		atif.Format(),
		swesmith.Format(),
		openai.Format(),
	}
}

func formatNames() []string {
	var names []string
	for _, f := range allFormats() {
		names = append(names, f.Name)
	}
	return names
}

// logs finds the trajectories that are named: files, folders and runs.
func logs(paths []string) iter.Seq2[*store.Log, error] {
	return func(yield func(*store.Log, error) bool) {
		for l, err := range store.Find(paths...) {
			if !yield(l, explainPath(err)) {
				return
			}
		}
	}
}
