package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/srl"
	"github.com/apprentice-rl/apprentice/srl/feed"
)

// The parts of a feed.
const (
	trainPart = "train"
	testPart  = "test"
)

func (a *app) srlFeedCommand() *cobra.Command {
	var f feeding
	var trainer, stage, encoding string
	cmd := &cobra.Command{
		Use:   "feed [FILE|FOLDER...] --to TRAINER --out FOLDER",
		Short: "Write training data as a trainer reads it",
		Long: `Write training data in the form that one trainer reads: a folder with a file
for training, one for testing if --held-out names what goes in, and a README.md
that says how the trainer is pointed at it.

What it is made of depends on the stage:

  srl    step examples, as 'apprentice srl steps' writes them (.jsonl)
  sft    trajectories: runs, stores, logs, archives
  rlvr   tasks: the starter suite, or --tasks and --task

Each row of srl has a label, one text with the expert's action and the reward's
settings: all that scoring an answer takes. 'apprentice srl serve' and the hooks of
the Python package apprentice_srl read it.

Feeds:
` + feedTable(),
		Example: `  apprentice srl feed steps.jsonl --to trl --out feeds/trl
  apprentice srl feed train.jsonl --held-out heldout.jsonl --to verl --out feeds/verl
  apprentice srl feed data/train --stage sft --to messages --out feeds/sft
  apprentice srl feed --stage rlvr --tasks verified.jsonl --to openrlhf --out feeds/rlvr`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if trainer == "" {
				return userf("say which trainer: --to TRAINER, one of %s", strings.Join(feed.Trainers(), ", "))
			}
			if f.out == "" {
				return userf("say where the feed goes: --out FOLDER")
			}
			var err error
			if f.feed, err = feed.Find(trainer, feed.Stage(stage)); err != nil {
				return userError{err}
			}
			if f.encoding = feed.Encoding(encoding); encoding == "" {
				f.encoding = f.feed.Encodings[0]
			}
			if !f.feed.Reads(f.encoding) {
				return userf("--encoding %s: %s reads %v here", encoding, trainer, f.feed.Encodings)
			}
			f.paths, f.again = args, newAgain()
			if err := f.check(); err != nil {
				return err
			}
			return a.srlFeed(cmd.Context(), f)
		},
	}
	cmd.Flags().StringVar(&trainer, "to", "", "the trainer: "+strings.Join(feed.Trainers(), ", "))
	cmd.Flags().StringVar(&stage, "stage", "srl", "the stage of training: srl, sft or rlvr")
	cmd.Flags().StringVar(&encoding, "encoding", "", "jsonl or parquet (default: what the trainer reads best)")
	cmd.Flags().StringVarP(&f.out, "out", "o", "", "the folder to make")
	cmd.Flags().StringArrayVar(&f.heldOut, "held-out", nil, "what goes into the part for testing; may be repeated")
	f.tasks.add(cmd)
	_ = cmd.RegisterFlagCompletionFunc("to", cobra.FixedCompletions(feed.Trainers(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("stage", cobra.FixedCompletions([]string{"srl", "sft", "rlvr"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("encoding", cobra.FixedCompletions([]string{"jsonl", "parquet"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.MarkFlagDirname("out")
	_ = cmd.MarkFlagFilename("held-out")
	return cmd
}

// feedTable lists the feeds, with what has read them.
func feedTable() string {
	var b strings.Builder
	for _, f := range feed.All() {
		var encodings []string
		for _, e := range f.Encodings {
			encodings = append(encodings, string(e))
		}
		reader := "UNVERIFIED: its trainer has not read it"
		if f.Verified() {
			reader = "read by " + f.Reader
		}
		fmt.Fprintf(&b, "  %-9s %-5s %-14s %s\n", f.Trainer, f.Stage, strings.Join(encodings, ", "), reader)
	}
	return strings.TrimRight(b.String(), "\n")
}

// feeding is what is asked for.
type feeding struct {
	feed     feed.Feed
	encoding feed.Encoding
	paths    []string
	heldOut  []string
	tasks    taskFlags
	out      string
	again    *again
}

// again is what is fed more than once.
type again struct {
	part  string
	ids   map[[2]string]bool // by part and id
	tasks map[string]string  // by task: the part that it was first in
	// repeated are the ids that a part has more than once, both the tasks that
	// are in both parts.
	repeated, both map[string]bool
}

func newAgain() *again {
	return &again{ids: map[[2]string]bool{}, tasks: map[string]string{}, repeated: map[string]bool{}, both: map[string]bool{}}
}

// see takes down a row.
func (g *again) see(id, task string) {
	if row := [2]string{g.part, id}; g.ids[row] {
		g.repeated[id] = true
	} else {
		g.ids[row] = true
	}
	if first, ok := g.tasks[task]; ok && first != g.part {
		g.both[task] = true
	} else {
		g.tasks[task] = g.part
	}
}

func (f feeding) check() error {
	switch {
	case f.feed.Stage == feed.RLVR && len(f.paths)+len(f.heldOut) > 0:
		return userf("rlvr has rows of tasks: choose them with --tasks and --task")
	case f.feed.Stage == feed.SRL && len(f.paths) == 0:
		return userf("name the step examples; 'apprentice srl steps' makes them")
	case f.feed.Stage == feed.SFT && len(f.paths) == 0:
		return userf("name the trajectories: runs, stores, logs or archives")
	case f.feed.Stage != feed.RLVR && (f.tasks.file != "" || len(f.tasks.ids) > 0):
		return userf("--tasks and --task are for --stage rlvr")
	}
	return vacant(f.out)
}

// A fedPart is what is printed of one part.
type fedPart struct {
	File string `json:"file"`
	feed.Written
}

func (a *app) srlFeed(ctx context.Context, f feeding) (err error) {
	out := filepath.Clean(f.out)
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return fmt.Errorf("making the folder of the feed: %w", err)
	}
	partial, err := os.MkdirTemp(filepath.Dir(out), ".partial-")
	if err != nil {
		return fmt.Errorf("making the folder of the feed: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(partial) // else it stays, and nobody takes it for a feed
		}
	}()
	parts := map[string]fedPart{}
	var names []string
	for _, part := range []struct {
		name  string
		paths []string
	}{{trainPart, f.paths}, {testPart, f.heldOut}} {
		if part.name == testPart && len(part.paths) == 0 {
			continue
		}
		f.again.part = part.name
		done, err := f.part(ctx, partial, part.name, part.paths)
		if err != nil {
			return err
		}
		parts[part.name] = done
		names = append(names, part.name)
	}
	if parts[trainPart].Rows == 0 {
		return userf("there is nothing to train with%s", reasons(parts[trainPart].LeftOut))
	}
	if test, ok := parts[testPart]; ok && test.Rows == 0 {
		return userf("there is nothing to test with in %s%s: leave --held-out away, or hold more tasks out", strings.Join(f.heldOut, ", "), reasons(test.LeftOut))
	}
	for name, text := range f.feed.Extra(f.encoding, names) {
		if err := os.WriteFile(filepath.Join(partial, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(partial, "README.md"), []byte(f.feed.Readme(out, f.encoding)), 0o644); err != nil {
		return err
	}
	if err := errors.Join(os.Chmod(partial, 0o755), replaceEmpty(partial, out)); err != nil {
		return fmt.Errorf("writing the feed: %w", err)
	}
	if a.json {
		return a.printJSON(map[string]any{
			"trainer": f.feed.Trainer, "stage": f.feed.Stage, "encoding": f.encoding, "verified_with": f.feed.Reader,
			"folder": out, "parts": parts, "repeated_ids": len(f.again.repeated), "tasks_in_both_parts": len(f.again.both),
		})
	}
	for _, name := range names {
		fmt.Fprintf(a.stdout, "%s: %s%s\n", filepath.Join(out, parts[name].File), count(parts[name].Rows, "row", "rows"), reasons(parts[name].LeftOut))
	}
	if n := len(f.again.repeated); n > 0 {
		a.say("%s than once, %s for one: a training weighs them more", count(n, "row is fed more", "rows are fed more"), least(f.again.repeated))
	}
	if n := len(f.again.both); n > 0 {
		a.say("%s in both parts, %s for one: a test on them says nothing of tasks that are new; 'apprentice srl steps --hold-out' and 'apprentice traj filter' split by task", count(n, "task is", "tasks are"), least(f.again.both))
	}
	if !f.feed.Verified() {
		a.say("this feed is unverified: %s's own loader has not read rows of its form yet", f.feed.Trainer)
	}
	a.say("%s says how %s reads it", filepath.Join(out, "README.md"), f.feed.Trainer)
	return nil
}

// least is the first of some names.
func least(names map[string]bool) string { return slices.Min(slices.Collect(maps.Keys(names))) }

// replaceEmpty gives a folder its name, which an empty one may have.
func replaceEmpty(from, to string) error {
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(from, to)
}

// part writes the file of one part.
func (f feeding) part(ctx context.Context, dir, name string, paths []string) (done fedPart, err error) {
	done.File = f.feed.File(name, f.encoding)
	path := filepath.Join(dir, done.File)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return done, err
	}
	source, err := f.source(ctx, paths)
	if err != nil {
		return done, err
	}
	file, err := os.Create(path)
	if err != nil {
		return done, err
	}
	done.Written, err = f.feed.Write(file, f.encoding, name, source)
	if err == nil {
		err = file.Sync()
	}
	return done, errors.Join(err, file.Close())
}

// source is what the rows are made of.
func (f feeding) source(ctx context.Context, paths []string) (feed.Source, error) {
	if f.feed.Stage != feed.RLVR {
		return feed.Source{
			Examples:      fed(ctx, examplesIn(paths), func(e srl.Example) { f.again.see(e.ID, e.Task) }),
			Conversations: fed(ctx, conversationsIn(paths), func(c feed.Conversation) { f.again.see(c.ID, c.Task) }),
		}, nil
	}
	suite, err := f.tasks.suite()
	if err != nil {
		return feed.Source{}, err
	}
	return feed.Source{Tasks: feed.Tasks(suite.Name, suite.Tasks, env.DefaultTools())}, nil
}

// fed is a sequence of which all is seen, and that ends with the error of a context
// that has ended.
func fed[T any](ctx context.Context, all iter.Seq2[T, error], see func(T)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for one, err := range all {
			if err == nil {
				err = context.Cause(ctx)
			}
			if err == nil {
				see(one)
			}
			if !yield(one, err) || err != nil {
				return
			}
		}
	}
}

// examplesIn reads files of step examples one after another.
func examplesIn(paths []string) iter.Seq2[srl.Example, error] {
	return func(yield func(srl.Example, error) bool) {
		for _, path := range paths {
			if !examplesOfFile(path, yield) {
				return
			}
		}
	}
}

// examplesOfFile reads one file, and reports whether there is to be another.
func examplesOfFile(path string, yield func(srl.Example, error) bool) bool {
	file, err := os.Open(path)
	if err != nil {
		yield(srl.Example{}, userError{err})
		return false
	}
	defer func() { _ = file.Close() }()
	in, err := uncompressed(file)
	if err != nil {
		yield(srl.Example{}, userf("reading %s: %w", path, err))
		return false
	}
	for e, err := range srl.ReadJSONL(path, in) {
		if err == nil {
			err = trainable(path, e)
		}
		if !yield(e, err) || err != nil {
			return false
		}
	}
	return true
}

// trainable says what is wrong with an example that a training would stop at, or
// score nothing of.
func trainable(path string, e srl.Example) error {
	switch {
	case e.SchemaVersion == 0:
		return userf("%s: %s is no step example; 'apprentice srl steps' makes them", path, e.ID)
	case len(e.Messages) == 0:
		return userf("%s: example %s: field messages: there is no prompt", path, e.ID)
	}
	if _, err := e.Reward.Target(e.Action); err != nil {
		return userf("%s: example %s: field action: %w", path, e.ID, err)
	}
	return nil
}

// conversationsIn reads trajectories one after another.
func conversationsIn(paths []string) iter.Seq2[feed.Conversation, error] {
	return func(yield func(feed.Conversation, error) bool) {
		for l, err := range logs(paths) {
			var c feed.Conversation
			if err == nil {
				c, err = feed.Converse(l)
			}
			if err != nil && l != nil {
				err = fmt.Errorf("%s: %w", l.Name(), err)
			}
			if !yield(c, err) {
				return
			}
		}
	}
}

// reasons says what was left out, and why.
func reasons(leftOut map[string]int) string {
	var all []string
	for why, n := range leftOut {
		all = append(all, fmt.Sprintf("%d left out: %s", n, why))
	}
	if slices.Sort(all); len(all) == 0 {
		return ""
	}
	return " (" + strings.Join(all, "; ") + ")"
}
