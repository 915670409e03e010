package main

import "github.com/spf13/cobra"

func (a *app) srlCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "srl",
		Short:   "Make training examples of trajectories, and score answers",
		Example: "  apprentice srl steps runs/demo --out steps.jsonl",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.srlStepsCommand(), a.srlProfilesCommand(), a.srlScoreCommand(), a.srlStatsCommand(), a.srlFeedCommand(), a.srlServeCommand())
	return cmd
}
