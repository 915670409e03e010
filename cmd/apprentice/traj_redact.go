package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/redact"
	"github.com/apprentice-rl/apprentice/trajectories/redact/events"
	"github.com/apprentice-rl/apprentice/trajectories/store"
)

func (a *app) trajRedactCommand() *cobra.Command {
	var (
		secrets secretFlags
		check   bool
		entropy bool
		out     string
		unread  unreadLogs
	)
	cmd := &cobra.Command{
		Use:   "redact FILE|FOLDER... --check|--out DIR",
		Short: "Look for secrets in trajectories, or take them out",
		Long: `Look for secrets in trajectories that are there (--check), or write copies
without them (--out).

Secrets are keys and tokens of a known form (OpenAI, GitHub, AWS and others),
private keys, passwords in URLs and beside names such as password or api_key,
and the values of environment variables that --secret names. What only looks
random is told with --entropy, and never replaced: most of it is digests and
identifiers. What you have looked at and is no secret goes into a file for
--allow.

In a copy, each secret gives way to a placeholder such as
__SECRET_github_9be01b77__, the same for the same secret as long as the key in
DIR/.redact-key stays there. Copies that are there already stay: after a run that
was interrupted, the same command goes on. Who has that file can test guesses, so do not give
it away with the rest. Patches are never altered: a secret in one is told, and
blocks the export of its trajectory until you confirm it.

Exit code 1 says that --check has found secrets.`,
		Example: `  apprentice traj redact runs/mine --check
  apprentice traj redact imported --check --entropy --allow known.txt
  apprentice traj redact imported --secret DB_PASSWORD --emails --out clean`,
		Args: someArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case check == (out != ""):
				return userf("say what is to be done: --check to look, or --out DIR to write copies without secrets")
			case entropy && !check:
				return userf("--entropy needs --check: what only looks random is never replaced")
			case check:
				return a.trajFindSecrets(cmd.Context(), args, &secrets, entropy, &unread)
			}
			return a.trajRedact(cmd.Context(), args, &secrets, out, &unread)
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "tell what is found, and change nothing")
	cmd.Flags().BoolVar(&entropy, "entropy", false, "tell what only looks random, too")
	cmd.Flags().StringVarP(&out, "out", "o", "", "the folder for copies without secrets")
	unread.add(cmd)
	secrets.add(cmd)
	_ = cmd.MarkFlagDirname("out")
	return cmd
}

// secretsOf is what was found in one trajectory.
type secretsOf struct {
	Trajectory string           `json:"trajectory"`
	File       string           `json:"file"`
	Findings   []events.Finding `json:"findings"`
}

func (a *app) trajFindSecrets(ctx context.Context, paths []string, secrets *secretFlags, entropy bool, unread *unreadLogs) error {
	keys := newKeyring(secrets)
	found := []secretsOf{}
	var checked, hits, flags int
	for l, err := range logs(paths) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			if err = unread.forgive(err); err != nil {
				return err
			}
			continue
		}
		r, err := keys.checking(l.Path())
		if err != nil {
			return err
		}
		checked++
		in := secretsOf{Trajectory: r.Mask(l.Header().ID), File: r.Mask(l.Path())}
		for f, err := range events.Findings(r, l) {
			if err != nil {
				if err = unread.forgive(err); err != nil {
					return err
				}
				break // what was found before stays true
			}
			if f.Kind != redact.Entropy {
				hits++
			} else if flags++; !entropy {
				continue
			}
			in.Findings = append(in.Findings, f)
		}
		if len(in.Findings) > 0 {
			found = append(found, in)
		}
	}
	unread.say(a)
	if a.json {
		doc := map[string]any{"trajectories": checked, "secrets": hits, "flags": flags, "found": found}
		if len(unread.texts) > 0 {
			doc["unread"] = unread.texts
		}
		err := a.printJSON(doc)
		if err != nil {
			return err
		}
	} else if err := a.printSecrets(found, checked, hits, flags); err != nil {
		return err
	}
	if hits > 0 {
		return errors.Join(errFellShort, errSaid)
	}
	return nil
}

func (a *app) printSecrets(found []secretsOf, checked, hits, flags int) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for i, t := range found {
		if i == 0 {
			fmt.Fprintln(w, "TRAJECTORY\tTURN\tFIELD\tKIND\tBEGINS\tPLACEHOLDER")
		}
		for i, f := range t.Findings {
			n := 1 // how often the same follows
			for i+n < len(t.Findings) && t.Findings[i+n] == f {
				n++
			}
			if i > 0 && t.Findings[i-1] == f {
				continue // told already
			}
			kind := string(f.Kind)
			if f.Name != "" {
				kind = f.Name
			}
			if n > 1 {
				kind += fmt.Sprintf(" ×%d", n)
			}
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\n", printable(t.Trajectory), f.Turn, f.Field, kind, or(f.Head, "-"), or(f.Placeholder, "-"))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s in %s; %s only look random\n", count(hits, "secret", "secrets"),
		count(checked, "trajectory", "trajectories"), count(flags, "other text", "other texts"))
	return nil
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// A redacted is what became of trajectories that were gone over.
type redacted struct {
	Trajectories int            `json:"trajectories"`
	Unfinished   int            `json:"unfinished"`
	Redactions   map[string]int `json:"redactions"`
	Out          string         `json:"out"`
	// Unread are the logs that could not be read, in the words of the errors.
	Unread []string `json:"unread,omitempty"`
}

func (a *app) trajRedact(ctx context.Context, paths []string, secrets *secretFlags, out string, unread *unreadLogs) (err error) {
	to, err := store.Open(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	w := to.Writer()
	defer w.Discard()
	if err := to.Sweep(); err != nil {
		return err
	}
	a.kept = "; the copies that are whole are kept, and the same command goes on from there"
	keys := newKeyring(secrets)
	sum := redacted{Redactions: map[string]int{}, Out: out}
	for l, err := range logs(paths) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			if err = unread.forgive(err); err != nil {
				return err
			}
			continue
		}
		r, err := keys.copying(l.Path(), out)
		if err != nil {
			return err
		}
		next := formats.Sink(w)
		var again *comparing
		id, _ := r.Text(l.Header().ID)
		if to.Has(id) {
			again = &comparing{path: filepath.Join(out, id+".jsonl")}
			next = again
		}
		sink := events.NewSink(r, next)
		whole := &ending{Sink: sink}
		if err := formats.Copy(whole, l); err != nil {
			if err = unread.forgive(err); err != nil {
				return err
			}
			continue
		}
		if !whole.ended {
			sink.Discard()
			sum.Unfinished++
			continue
		}
		if again != nil && !again.same {
			return userf("%s holds another trajectory %s already; write into another folder", out, id)
		}
		sum.Trajectories++
		for kind, n := range sink.Taken() {
			sum.Redactions[kind] += n
		}
	}
	unread.say(a)
	if sum.Unread = unread.texts; a.json {
		return a.printJSON(sum)
	}
	fmt.Fprintf(a.stdout, "%s in %s\n", count(sum.Trajectories, "trajectory", "trajectories"), out)
	a.sayRedactions([]formats.Report{{Redactions: sum.Redactions}}, out)
	if sum.Unfinished > 0 {
		a.say("%s left out: an end is missing", count(sum.Unfinished, "trajectory was", "trajectories were"))
	}
	return nil
}

// An ending is a sink that knows whether a trajectory has an end.
type ending struct {
	formats.Sink
	ended bool
}

func (e *ending) End(end trajectories.End) error {
	e.ended = true
	return e.Sink.End(end)
}
