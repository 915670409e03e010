// Package score scores pairs of texts that stand in files, many at a time.
//
// A file holds one JSON object a line:
//
//	{"a": "the model's text", "b": "the expert's", "autojunk": false}
//
// and what comes out has one line for each, in the same order:
//
//	{"ratio": 0.9230769230769231}
//
// The ratio is that of CPython's difflib.SequenceMatcher(None, a, b,
// autojunk=autojunk), to the bit, and is written as CPython prints it: the
// shortest decimal number that is read back as the same float. Surrogates that
// stand alone, which Python writes as escapes ("\ud800"), are told apart.
//
// With a reward by name, the ratio is what reward.Pair gives, -1.0 for an output
// that breaks the format, and the line says how it does:
//
//	{"ratio": -1.0, "violation": "no </think>"}
//
// Where the limit on time was reached there is no ratio, and the line says so:
//
//	{"ratio": null, "not_scored": "time limit of 2s reached"}
package score

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/sourcegraph/conc/stream"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/srl/reward"
	"github.com/apprentice-rl/apprentice/srl/reward/difflib"
)

// Difflib is the name of the plain measure, which is no reward: it compares
// texts of any kind.
const Difflib = "difflib"

// Rewards are the names that pairs can be scored with.
func Rewards() []string { return append([]string{Difflib}, reward.Names()...) }

// Options say how pairs are scored.
type Options struct {
	// Reward is one of Rewards; empty means Difflib. It alone heeds "autojunk".
	Reward string
	// Language is that of the actions; empty means that it is found out from
	// each expert's.
	Language format.Language
	// Limit is how long one pair may take; zero means as long as it takes.
	Limit time.Duration
	// Blocks adds the matching blocks to each line of Difflib: "matching_blocks":
	// [[i, j, n], …], in code points, with CPython's [len(a), len(b), 0] as the
	// last one.
	Blocks bool
	// Parallel is how many pairs are compared at once; 0 means one for each
	// processor.
	Parallel int
}

// A pair is one line of a file. Pointers tell what is missing from what is
// empty.
type pair struct {
	A        *text `json:"a"`
	B        *text `json:"b"`
	Autojunk bool  `json:"autojunk"`
}

// batch is how many lines are compared before their results are handed on: a
// line alone is often less work than that.
const batch = 64

// Pairs scores the pairs of a file, and returns how many there were. The name is
// that of the file, for errors: those about a line are *env.RowError, and the
// lines before it have been scored. Memory is bounded by the longest lines, not
// by their number. A program that writes a line, and reads its score before it writes
// the next one, is not kept waiting.
func Pairs(ctx context.Context, name string, from io.Reader, to io.Writer, o Options) (n int, err error) {
	if o.Reward != "" && !slices.Contains(Rewards(), o.Reward) {
		return 0, fmt.Errorf("unknown reward %q: use %s", o.Reward, strings.Join(Rewards(), ", "))
	}
	if o.Parallel == 0 {
		o.Parallel = runtime.GOMAXPROCS(0)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w := bufio.NewWriterSize(to, 1<<16)
	work := stream.New().WithMaxGoroutines(o.Parallel)
	for lines, err := range batches(name, from) {
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			// In its turn, so that what comes before is scored.
			work.Go(func() stream.Callback { return func() { cancel(err) } })
			break
		}
		work.Go(func() stream.Callback {
			var out []byte
			done, failed := 0, error(nil)
			for _, l := range lines {
				if failed = ctx.Err(); failed != nil {
					break
				}
				if out, failed = l.score(ctx, out, o); failed != nil {
					break
				}
				done++
			}
			return func() {
				if ctx.Err() != nil {
					return
				}
				_, err := w.Write(out)
				if err == nil && len(lines) < batch { // somebody may wait for them
					err = w.Flush()
				}
				if err != nil {
					cancel(fmt.Errorf("writing scores: %w", err))
					return
				}
				if n += done; failed != nil {
					cancel(failed)
				}
			}
		})
	}
	work.Wait()
	err = context.Cause(ctx)
	if flushed := w.Flush(); flushed != nil && err == nil {
		err = fmt.Errorf("writing scores: %w", flushed)
	}
	return n, err
}

// A line of a file, and where it stands.
type line struct {
	file   string
	number int // from 1
	text   []byte
}

// batches yields the lines of a file that are not blank, some at a time: fewer where
// more would have to be waited for.
func batches(name string, from io.Reader) func(yield func([]line, error) bool) {
	return func(yield func([]line, error) bool) {
		r := bufio.NewReaderSize(from, 1<<16)
		var lines []line
		for number := 1; ; number++ {
			text, err := r.ReadBytes('\n')
			if number == 1 {
				text = bytes.TrimPrefix(text, []byte("\ufeff"))
			}
			broken := err != nil && err != io.EOF // and so may be the line
			if len(bytes.TrimSpace(text)) > 0 && !broken {
				lines = append(lines, line{name, number, text})
			}
			buffered, _ := r.Peek(r.Buffered())
			waits := bytes.IndexByte(buffered, '\n') < 0 // what is asked line by line, is answered so
			if len(lines) == batch || len(lines) > 0 && (err != nil || waits) {
				if !yield(lines, nil) {
					return
				}
				lines = nil
			}
			if err == io.EOF {
				return
			}
			if broken {
				yield(nil, fmt.Errorf("reading %s: %w", name, err))
				return
			}
		}
	}
}

// score appends the line's result.
func (l line) score(ctx context.Context, out []byte, o Options) ([]byte, error) {
	var p pair
	if err := json.Unmarshal(l.text, &p, jsontext.AllowInvalidUTF8(true)); err != nil {
		return out, l.wrong(err)
	}
	switch {
	case p.A == nil:
		return out, l.missing("a")
	case p.B == nil:
		return out, l.missing("b")
	}
	if o.Reward != "" && o.Reward != Difflib {
		return l.reward(ctx, out, p, o)
	}
	limited, cancel := ctx, context.CancelFunc(func() {})
	if o.Limit > 0 {
		limited, cancel = context.WithTimeout(ctx, o.Limit)
	}
	defer cancel()
	m, err := difflib.Index(string(*p.B), p.Autojunk).CompareContext(limited, string(*p.A))
	switch {
	case ctx.Err() != nil:
		return out, ctx.Err()
	case err != nil:
		return written(out, reward.Score{NotScored: reward.LimitReached(o.Limit)}), nil
	}
	out = append(out, `{"ratio": `...)
	out = append(out, Float(m.Ratio)...)
	if o.Blocks {
		out = append(out, `, "matching_blocks": [`...)
		for i, b := range m.Blocks {
			if i > 0 {
				out = append(out, ", "...)
			}
			out = fmt.Appendf(out, "[%d, %d, %d]", b.A, b.B, b.Size)
		}
		out = append(out, ']')
	}
	return append(out, "}\n"...), nil
}

// reward appends what a reward says of a pair.
func (l line) reward(ctx context.Context, out []byte, p pair, o Options) ([]byte, error) {
	s, err := reward.Pair(ctx, o.Reward, o.Language, p.A.plain(), p.B.plain(), o.Limit)
	switch {
	case ctx.Err() != nil:
		return out, ctx.Err()
	case err != nil:
		return out, &env.RowError{File: l.file, Line: l.number, Column: 1, Field: "b", Err: err}
	}
	return written(out, s), nil
}

// written appends the line of a score.
func written(out []byte, s reward.Score) []byte {
	if s.NotScored != "" {
		return fmt.Appendf(out, "{\"ratio\": null, \"not_scored\": %q}\n", s.NotScored)
	}
	out = append(append(out, `{"ratio": `...), Float(s.Value)...)
	if s.Violation != "" {
		out = fmt.Appendf(out, ", \"violation\": %q", string(s.Violation))
	}
	return append(out, "}\n"...)
}

func (l line) missing(field string) error {
	return &env.RowError{File: l.file, Line: l.number, Column: 1, Field: field, Err: errors.New("it is missing")}
}

// wrong says where a line is broken, in a person's words.
func (l line) wrong(err error) error {
	row := &env.RowError{File: l.file, Line: l.number, Column: 1, Err: err}
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		row.Column = int(syntax.ByteOffset) + 1
		row.Err = fmt.Errorf("the line is not a JSON object: %w", syntax.Err)
	} else if value, ok := errors.AsType[*json.SemanticError](err); ok {
		row.Column = int(value.ByteOffset) + 1
		row.Field = strings.TrimPrefix(string(value.JSONPointer), "/")
		row.Err = fmt.Errorf("a JSON %s was not to be here", value.JSONKind)
	}
	return row
}

// Float is a number as CPython prints it: the shortest text that is read back as
// the same float64, with an exponent from 1e16 up and below 1e-4.
func Float(f float64) string {
	s := strconv.FormatFloat(f, 'e', -1, 64)
	_, exponent, ok := strings.Cut(s, "e")
	if x, err := strconv.Atoi(exponent); !ok || err != nil || x < -4 || x >= 16 {
		return s
	}
	s = strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
