package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/sourcegraph/conc"

	"github.com/apprentice-rl/apprentice/srl"
	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

// stepping is what the command srl steps was asked for.
type stepping struct {
	source    iter.Seq2[reader, error]
	foreign   importing // what is imported first; no paths is nothing
	fields    srl.SolutionFields
	opts      srl.Options
	out       string
	maxTokens int
	dropLong  bool
	keepGoing bool
	holdOut   float64
	seed      uint64
	written   func(examples int) // nil is nobody
}

func (s stepping) check() error {
	switch {
	case s.holdOut < 0 || s.holdOut >= 1:
		return userf("--hold-out %v: want a share from 0 up to but not including 1", s.holdOut)
	case s.holdOut > 0 && s.out == "":
		return userf("--hold-out makes two files: say where the first goes with --out FILE")
	case s.dropLong && s.maxTokens == 0:
		return userf("--drop-long: say what is too long with --max-tokens N")
	case s.maxTokens < 0:
		return userf("--max-tokens %d: it cannot be negative", s.maxTokens)
	}
	return nil
}

// heldOut reports whether a task is held out: whether a hash of its id and the seed
// is in the lowest share of all hashes. What else there is makes no difference.
func (s stepping) heldOut(task string) bool {
	sum := sha256.Sum256(append(binary.LittleEndian.AppendUint64(nil, s.seed), task...))
	return float64(binary.LittleEndian.Uint64(sum[:])) < s.holdOut*math.MaxUint64
}

// heldOutFile is where held-out examples go: steps.heldout.jsonl for steps.jsonl.
func (s stepping) heldOutFile() string {
	ext := filepath.Ext(s.out)
	return strings.TrimSuffix(s.out, ext) + ".heldout" + ext
}

// A stepTally is what became of the trajectories.
type stepTally struct {
	Examples     int            `json:"step_examples"`
	HeldOut      int            `json:"held_out"`
	Trajectories int            `json:"trajectories"`
	Unfinished   int            `json:"unfinished"`
	Unstructured int            `json:"unstructured,omitempty"`
	Excluded     map[string]int `json:"excluded"`
	// Long are the examples over --max-tokens.
	Long         int    `json:"over_long"`
	Longest      int    `json:"longest_tokens"` // estimated, of all examples
	LongestID    string `json:"longest_id,omitempty"`
	PromptTokens int    `json:"prompt_tokens"` // estimated, of all examples written
	ActionTokens int    `json:"action_tokens"`
}

// A piece is some examples of one trajectory, as lines.
type piece struct {
	trajectory string // in the first piece of each
	name       string // of its log, or of the file that it is a row of
	heldOut    bool
	lines      []byte
	tally      stepTally
	err        error
}

// pieceSize is when examples are handed on: a piece waits in memory until those
// before it are written.
const pieceSize = 512 << 10

// pieces reads trajectories on all processors, and yields their examples in the
// order of the trajectories.
func (s stepping) pieces(ctx context.Context) iter.Seq[piece] {
	return func(yield func(piece) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var all conc.WaitGroup
		defer all.Wait()
		defer cancel()
		workers := runtime.GOMAXPROCS(0)
		// Its length bounds how many trajectories are worked on ahead.
		queue := make(chan chan piece, 2*workers)
		all.Go(func() {
			defer close(queue)
			for read, err := range s.source {
				one := make(chan piece, 1)
				select {
				case queue <- one:
				case <-ctx.Done():
					return
				}
				if err != nil {
					one <- piece{err: err}
					close(one)
					return
				}
				all.Go(func() {
					defer close(one)
					s.examples(read, func(p piece) bool {
						select {
						case one <- p:
							return true
						case <-ctx.Done():
							return false
						}
					})
				})
			}
		})
		for one := range queue {
			for p := range one {
				if !yield(p) {
					return
				}
			}
		}
		if err := context.Cause(ctx); err != nil {
			yield(piece{err: err})
		}
	}
}

// examples makes the pieces of one trajectory.
func (s stepping) examples(from reader, yield func(piece) bool) {
	t, err := from.read()
	switch {
	case errors.Is(err, srl.ErrUnstructured):
		yield(piece{tally: stepTally{Unstructured: 1}})
		return
	case err != nil:
		yield(piece{err: err})
		return
	case t.End == nil:
		yield(piece{tally: stepTally{Unfinished: 1}})
		return
	}
	p := piece{
		trajectory: t.Header.ID, name: from.name,
		heldOut: s.heldOut(t.Header.Task.ID), tally: stepTally{Trajectories: 1},
	}
	var lines bytes.Buffer
	lines.Grow(pieceSize)
	encoder := json.NewEncoder(&lines)
	encoder.SetEscapeHTML(false)
	opts := s.opts
	opts.Excluded = func(_ int, why srl.Exclusion) {
		if p.tally.Excluded == nil {
			p.tally.Excluded = map[string]int{}
		}
		p.tally.Excluded[string(why)]++
	}
	for e, err := range srl.Examples(t, opts) {
		if s.keepGoing && errors.Is(err, format.ErrCannotHold) {
			opts.Excluded(0, "that "+srl.Exclusion(opts.Reward.Format.Language)+" cannot hold")
			continue
		}
		if err != nil {
			yield(piece{err: err})
			return
		}
		n := e.EstimatedTokens.Prompt + e.EstimatedTokens.Action
		if n > p.tally.Longest {
			p.tally.Longest, p.tally.LongestID = n, e.ID
		}
		if s.maxTokens > 0 && n > s.maxTokens {
			if p.tally.Long++; s.dropLong {
				continue
			}
		}
		if p.heldOut {
			p.tally.HeldOut++
		} else {
			p.tally.Examples++
		}
		p.tally.PromptTokens += e.EstimatedTokens.Prompt
		p.tally.ActionTokens += e.EstimatedTokens.Action
		if err := encoder.Encode(e); err != nil {
			yield(piece{err: fmt.Errorf("writing example %s: %w", e.ID, err)})
			return
		}
		if lines.Len() >= pieceSize {
			p.lines = bytes.Clone(lines.Bytes())
			if !yield(p) {
				return
			}
			lines.Reset()
			p = piece{heldOut: p.heldOut}
		}
	}
	p.lines = lines.Bytes()
	yield(p)
}

func (t *stepTally) add(o stepTally) {
	t.Examples += o.Examples
	t.HeldOut += o.HeldOut
	t.Trajectories += o.Trajectories
	t.Unfinished += o.Unfinished
	t.Unstructured += o.Unstructured
	t.Long += o.Long
	t.PromptTokens += o.PromptTokens
	t.ActionTokens += o.ActionTokens
	for why, n := range o.Excluded {
		t.Excluded[why] += n
	}
	if o.Longest > t.Longest {
		t.Longest, t.LongestID = o.Longest, o.LongestID
	}
}

// write writes the examples, and those that are held out elsewhere.
func (s stepping) write(ctx context.Context, to, heldOut io.Writer) (stepTally, error) {
	t := stepTally{Excluded: map[string]int{}}
	names := map[string]string{} // of logs, by trajectory
	for p := range s.pieces(ctx) {
		if p.err != nil {
			return t, s.explain(p.err)
		}
		if p.trajectory != "" {
			if other, twice := names[p.trajectory]; twice {
				return t, userf("trajectory %s is in %s and in %s: its examples would have the same ids; leave one of the two out", p.trajectory, other, p.name)
			}
			names[p.trajectory] = p.name
		}
		w := to
		if p.heldOut {
			w = heldOut
		}
		if _, err := w.Write(p.lines); err != nil {
			return t, fmt.Errorf("writing step examples: %w", err)
		}
		t.add(p.tally)
		if s.written != nil {
			s.written(p.tally.Examples + p.tally.HeldOut)
		}
	}
	return t, nil
}

// explain says what to do about what could not be read or written.
func (s stepping) explain(err error) error {
	if event, ok := errors.AsType[*trajectories.EventError](err); ok && event.Line == 1 && len(s.foreign.paths) == 0 {
		return userf("%w; if another program has written it, --from auto imports it first", err)
	}
	if errors.Is(err, format.ErrCannotHold) {
		return userf("%w; --keep-going leaves such steps out, another --language may hold them", err)
	}
	return err
}

// file writes the file or the two, each of which is there whole or not at all.
func (s stepping) file(ctx context.Context) (t stepTally, err error) {
	if err := os.MkdirAll(filepath.Dir(s.out), 0o755); err != nil {
		return t, err
	}
	pending := func(path string) (*renameio.PendingFile, error) {
		return renameio.NewPendingFile(path, renameio.WithPermissions(0o644))
	}
	f, err := pending(s.out)
	if err != nil {
		return t, err
	}
	defer func() { _ = f.Cleanup() }() // does nothing once the file is in its place
	other := io.Discard
	var h *renameio.PendingFile
	if s.holdOut > 0 {
		if h, err = pending(s.heldOutFile()); err != nil {
			return t, err
		}
		defer func() { _ = h.Cleanup() }()
		other = h
	}
	if t, err = s.write(ctx, f, other); err != nil {
		return t, err
	}
	if h != nil {
		if err := h.CloseAtomicallyReplace(); err != nil {
			return t, err
		}
	}
	return t, f.CloseAtomicallyReplace()
}

// imported imports what other programs have written, into a folder that goes with
// the command, and has the examples made of that.
func (a *app) imported(ctx context.Context, s *stepping) (remove func() error, err error) {
	folder, err := os.MkdirTemp("", "apprentice-steps-")
	if err != nil {
		return nil, fmt.Errorf("making a folder to import into: %w", err)
	}
	remove = func() error { return os.RemoveAll(folder) }
	s.foreign.out = folder
	quiet := *a // nothing that is imported is kept
	reports, err := quiet.imports(ctx, s.foreign)
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	var all formats.Count
	warnings := 0
	for _, r := range reports {
		if r.Refused != "" {
			a.say("refused  %s: %s", printable(r.File), printable(r.Refused))
			continue
		}
		all = all.Add(r.Count)
		warnings += len(r.Warnings) + r.More
	}
	a.say("imported %s with %s", count(all.Trajectories, "trajectory", "trajectories"), count(all.Actions, "action", "actions"))
	if warnings > 0 {
		a.say("%s: 'apprentice traj import --json' tells them", count(warnings, "warning", "warnings"))
	}
	s.source = trajectoriesIn([]string{folder})
	return remove, nil
}

func (a *app) srlSteps(ctx context.Context, s stepping) (err error) {
	// There is little in memory, and much goes through it.
	defer debug.SetGCPercent(debug.SetGCPercent(300))
	if len(s.foreign.paths) > 0 {
		remove, failed := a.imported(ctx, &s)
		if failed != nil {
			return failed
		}
		defer func() { err = errors.Join(err, remove()) }()
	}
	var t stepTally
	switch {
	case s.out != "":
		bar := a.counting("making step examples")
		s.written = func(n int) { _ = bar.Add(n) }
		t, err = s.file(ctx)
		_ = bar.Clear()
	case a.json:
		t, err = a.printExamples(ctx, s)
	default:
		w := bufio.NewWriter(a.stdout)
		if t, err = s.write(ctx, w, io.Discard); err == nil {
			err = w.Flush()
		}
	}
	if err != nil {
		return err
	}
	if t.Unfinished > 0 {
		a.say("%s unfinished and left out", count(t.Unfinished, "trajectory is", "trajectories are"))
	}
	if t.Unstructured > 0 {
		a.say("%s left out: %v", count(t.Unstructured, "solution was", "solutions were"), srl.ErrUnstructured)
	}
	if len(t.Excluded) > 0 {
		a.say("steps that are no targets: %s", said(t.Excluded))
	}
	if t.Long > 0 {
		what := "they are in the file; --drop-long leaves them out"
		if s.dropLong {
			what = "they were left out"
		}
		a.say("%s over %d estimated tokens, the longest, %s, has %d: %s", count(t.Long, "example is", "examples are"), s.maxTokens, t.LongestID, t.Longest, what)
	}
	if s.out == "" {
		return nil
	}
	if a.json {
		return a.printJSON(struct {
			File        string `json:"file"`
			HeldOutFile string `json:"held_out_file,omitempty"`
			stepTally
		}{s.out, s.otherFile(), t})
	}
	fmt.Fprintf(a.stdout, "%s of %s in %s\n", count(t.Examples, "step example", "step examples"), count(t.Trajectories, "trajectory", "trajectories"), s.out)
	if s.holdOut > 0 && t.HeldOut == 0 && t.Examples > 0 {
		a.say("no task is held out, because there are few: another --seed or a larger --hold-out does")
	}
	if s.holdOut > 0 {
		fmt.Fprintf(a.stdout, "%d more, of tasks that are held out, in %s\n", t.HeldOut, s.heldOutFile())
	}
	return nil
}

// otherFile is the file of what is held out, if anything is to be.
func (s stepping) otherFile() string {
	if s.holdOut == 0 {
		return ""
	}
	return s.heldOutFile()
}

// printExamples prints all examples in one JSON document.
func (a *app) printExamples(ctx context.Context, s stepping) (stepTally, error) {
	var lines bytes.Buffer
	t, err := s.write(ctx, &lines, io.Discard)
	if err != nil {
		return t, err
	}
	all := []json.RawMessage{}
	for line := range bytes.Lines(lines.Bytes()) {
		all = append(all, bytes.TrimSpace(line))
	}
	return t, a.printJSON(struct {
		stepTally
		Examples []json.RawMessage `json:"examples"`
	}{t, all})
}
