package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/spf13/cobra"

	"github.com/apprentice-rl/apprentice/srl/score"
)

func (a *app) srlScoreCommand() *cobra.Command {
	var pairs, reward string
	var o score.Options
	cmd := &cobra.Command{
		Use:   "score --pairs FILE",
		Short: "Score pairs of texts with a reward",
		Long: `Score pairs of texts, the model's and the expert's, with a reward. The file has
one JSON object a line, and may be compressed with gzip; - is standard input:

  {"a": "the model's text", "b": "the expert's", "autojunk": false}

A line is printed for each, in the same order: {"ratio": 0.9230769230769231}. The
ratio is that of Python's difflib.SequenceMatcher(None, a, b, autojunk=autojunk),
to the bit; without "autojunk" it is false.`,
		Example: `  apprentice srl score --pairs pairs.jsonl.gz > scores.jsonl
  echo '{"a": "tide", "b": "diet"}' | apprentice srl score --pairs - --blocks`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if reward != "difflib" {
				return userf("--reward %s: pairs are scored with difflib", reward)
			}
			if pairs == "" {
				return userf("say where the pairs are: --pairs FILE")
			}
			if o.Parallel < 0 {
				return userf("--parallel %d: want 1 or more, or 0 for all processors", o.Parallel)
			}
			return a.srlScore(cmd.Context(), pairs, o)
		},
	}
	cmd.Flags().StringVar(&pairs, "pairs", "", "the file with the pairs (.jsonl, .jsonl.gz), or - for standard input")
	cmd.Flags().StringVar(&reward, "reward", "difflib", "the reward: difflib")
	cmd.Flags().BoolVar(&o.Blocks, "blocks", false, "print the matching blocks, too")
	cmd.Flags().IntVar(&o.Parallel, "parallel", 0, "how many pairs at once (default: one for each processor)")
	_ = cmd.MarkFlagFilename("pairs", "jsonl", "gz")
	_ = cmd.RegisterFlagCompletionFunc("reward", cobra.FixedCompletions([]string{"difflib"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) srlScore(ctx context.Context, path string, o score.Options) error {
	in, name := io.Reader(os.Stdin), "standard input"
	if path != "-" {
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
	_, err = score.Pairs(ctx, name, in, a.stdout, o)
	return err
}

// uncompressed reads through gzip where that is what it reads.
func uncompressed(in io.Reader) (io.Reader, error) {
	buffered := bufio.NewReader(in)
	if head, _ := buffered.Peek(2); string(head) != "\x1f\x8b" {
		return buffered, nil // what Peek fails with comes again
	}
	return gzip.NewReader(buffered)
}
