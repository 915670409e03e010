package main

import (
	"bufio"
	"context"
	"io"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/spf13/cobra"

	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/srl/score"
)

func (a *app) srlScoreCommand() *cobra.Command {
	var pairs, language string
	var o score.Options
	cmd := &cobra.Command{
		Use:   "score --pairs FILE",
		Short: "Score pairs of texts with a reward",
		Long: `Score pairs of texts, the model's and the expert's, with a reward. The file has
one JSON object a line, and may be compressed with gzip; - is standard input:

  {"a": "the model's text", "b": "the expert's", "autojunk": false}

A line is printed for each, in the same order: {"ratio": 0.9230769230769231}. A
program may write a line, and read its answer before it writes the next one.

Rewards:
  difflib  the ratio of Python's difflib.SequenceMatcher(None, a, b,
           autojunk=autojunk), to the bit, for texts of any kind; without
           "autojunk" it is false. Surrogates that stand alone ("\ud800") are
           told apart; bytes that are not UTF-8 are all read as U+FFFD
  bare     a is an output, thought and all, b the expert's action: difflib
           without autojunk on the tools' names and the values of their
           arguments, -1 for an output that breaks the format
  paper    the same with autojunk and on the whole text of the action, as in
           the SRL paper
  action   two actions, call by call and argument by argument, each by its kind
  patch    two edits by what they do to files; also two unified diffs, or
           SEARCH/REPLACE blocks, by the rule of SWE-RL

With action and patch a may begin with a thought, and need not; what is no
action at all is 0. "violation" says what is wrong with an output. A pair that
takes longer than --limit is not scored: {"ratio": null, "not_scored": "…"}.`,
		Example: `  apprentice srl score --pairs pairs.jsonl.gz > scores.jsonl
  apprentice srl score --pairs rollouts.jsonl --reward action --limit 2s
  echo '{"a": "tide", "b": "diet"}' | apprentice srl score --pairs - --blocks`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(score.Rewards(), o.Reward) {
				return userf("--reward %s: there is no such reward; use %s", o.Reward, strings.Join(score.Rewards(), ", "))
			}
			if o.Language = format.Language(language); language != "" {
				if _, err := o.Language.Manual(); err != nil {
					return userf("--language: %w", err)
				}
			}
			if pairs == "" {
				return userf("say where the pairs are: --pairs FILE")
			}
			if o.Blocks && o.Reward != score.Difflib {
				return userf("--blocks goes with --reward difflib only")
			}
			if o.Parallel < 0 {
				return userf("--parallel %d: want 1 or more, or 0 for all processors", o.Parallel)
			}
			if o.Limit < 0 {
				return userf("--limit %s: want a time, or 0 for none", o.Limit)
			}
			return a.srlScore(cmd.Context(), pairs, o)
		},
	}
	cmd.Flags().StringVar(&pairs, "pairs", "", "the file with the pairs (.jsonl, .jsonl.gz), or - for standard input")
	cmd.Flags().StringVar(&o.Reward, "reward", score.Difflib, "the reward: "+strings.Join(score.Rewards(), ", "))
	cmd.Flags().StringVar(&language, "language", "", "how the actions are written: xml, json, bash (default: found out from each b)")
	cmd.Flags().DurationVar(&o.Limit, "limit", 0, "how long one pair may take, as 2s (default: no limit)")
	cmd.Flags().BoolVar(&o.Blocks, "blocks", false, "print the matching blocks, too (difflib only)")
	cmd.Flags().IntVar(&o.Parallel, "parallel", 0, "how many pairs at once (default: one for each processor)")
	_ = cmd.MarkFlagFilename("pairs", "jsonl", "gz")
	_ = cmd.RegisterFlagCompletionFunc("reward", cobra.FixedCompletions(score.Rewards(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("language", cobra.FixedCompletions([]string{"xml", "json", "bash"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) srlScore(ctx context.Context, path string, o score.Options) error {
	return reading(ctx, path, func(name string, from io.Reader) error {
		_, err := score.Pairs(ctx, name, from, a.stdout, o)
		return err
	})
}

// uncompressed reads through gzip where that is what it reads.
func uncompressed(in io.Reader) (io.Reader, error) {
	buffered := bufio.NewReader(in)
	if head, _ := buffered.Peek(2); string(head) != "\x1f\x8b" {
		return buffered, nil // what Peek fails with comes again
	}
	return gzip.NewReader(buffered)
}
