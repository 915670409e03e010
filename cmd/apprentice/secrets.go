package main

import (
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/redact"
	"github.com/apprentice-rl/apprentice/trajectories/redact/events"
)

// secretFlags say which secrets are taken out of what is kept.
type secretFlags struct {
	names  []string
	emails bool
	allow  string
	off    bool
}

func (f *secretFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&f.names, "secret", nil, "environment variable whose value is a secret, whatever it looks like; may be repeated")
	flags.BoolVar(&f.emails, "emails", false, "take e-mail addresses for secrets, too")
	flags.StringVar(&f.allow, "allow", "", "file of what is no secret: a line each, the text or a /regexp/ of it")
	_ = cmd.RegisterFlagCompletionFunc("secret", environmentNames)
}

// addOff adds the flag that leaves all secrets where they are.
func (f *secretFlags) addOff(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.off, "no-redact", false, "keep keys, tokens and passwords as they are")
}

func environmentNames(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		names = append(names, name)
	}
	slices.Sort(names)
	return names, cobra.ShellCompDirectiveNoFileComp
}

// redactor returns the redactor for what is kept under a key. The known secrets
// are those of the flags and others.
func (f *secretFlags) redactor(key []byte, others map[string]string) (*redact.Redactor, error) {
	known := map[string]string{}
	for name, value := range others {
		known[name] = value
	}
	for _, name := range f.names {
		value, ok := os.LookupEnv(name)
		if !ok || value == "" {
			return nil, userf("--secret %s: the environment has no such variable, so there is no value to look for; export it, or leave the flag out", name)
		}
		known[name] = value
	}
	o := redact.Options{Key: key, Emails: f.emails}
	if f.allow != "" {
		file, err := os.Open(f.allow)
		if err != nil {
			return nil, userf("--allow: %w", err)
		}
		defer file.Close()
		if o.Allow, err = redact.ReadAllowed(f.allow, file); err != nil {
			return nil, userf("--allow: %w", err)
		}
	}
	r, err := redact.New(known, o)
	if err != nil {
		return nil, userf("--secret: %w", err)
	}
	return r, nil
}

// folderRedactor returns the redactor for what is kept in a folder, nil where
// nothing is to be redacted.
func (f *secretFlags) folderRedactor(dir string, others map[string]string) (*redact.Redactor, error) {
	if f.off && (len(f.names) > 0 || f.emails || f.allow != "") {
		return nil, userf("--no-redact leaves all secrets where they are, so there is nothing for --secret, --emails and --allow to say; leave one or the other out")
	}
	if f.off {
		return nil, nil
	}
	key, err := redact.FolderKey(dir)
	if err != nil {
		return nil, err
	}
	return f.redactor(key, others)
}

// A redaction is what stands between the texts of an import and what keeps or
// tells them.
type redaction struct {
	sink formats.Sink // in front of the one that writes
	// taken tells how many secrets were taken out since it was last asked.
	taken func() map[string]int
	// id is what the log has in place of an id or of the name of a file.
	id func(string) string
	// mask takes secrets out of what people are told.
	mask func(string) string
}

// redaction stands in front of a sink that writes to a folder.
func (f *secretFlags) redaction(dir string, to formats.Sink) (redaction, error) {
	r, err := f.folderRedactor(dir, nil)
	if err != nil {
		return redaction{}, err
	}
	if r == nil {
		same := func(s string) string { return s }
		return redaction{to, func() map[string]int { return nil }, same, same}, nil
	}
	s := events.NewSink(r, to)
	return redaction{s, s.Taken, func(id string) string { id, _ = r.Text(id); return id }, r.Mask}, nil
}

// told masks what a report tells: its reasons and warnings quote the file.
func (r redaction) told(report *formats.Report) {
	report.Version, report.Refused = r.mask(report.Version), r.mask(report.Refused)
	for i := range report.Warnings {
		w := &report.Warnings[i]
		w.Field, w.Text = r.mask(w.Field), r.mask(w.Text)
	}
}

// A maskedError is an error that is told in other words.
type maskedError struct {
	err  error
	text string
}

func (e *maskedError) Error() string { return e.text }
func (e *maskedError) Unwrap() error { return e.err }

// sayRedactions tells how many secrets an import has met.
func (a *app) sayRedactions(reports []formats.Report, out string) {
	var replaced, blocked int
	for _, r := range reports {
		for kind, n := range r.Redactions {
			if kind == events.Blocked {
				blocked += n
			} else {
				replaced += n
			}
		}
	}
	if replaced > 0 {
		a.say("%s replaced", count(replaced, "secret was", "secrets were"))
	}
	if blocked > 0 {
		a.say("%s in patches, which are not altered: '%s traj redact %s --check' tells where", count(blocked, "secret is", "secrets are"), a.program, out)
	}
}
