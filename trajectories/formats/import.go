package formats

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"iter"
	"os"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/document"
)

// Options say how to import.
type Options struct {
	// Formats are those that are looked for, in this order.
	Formats []Format
	// From names the format of all files; empty means that it is detected.
	From string
	// KeepGoing imports what can be imported: files that are refused or broken
	// are reported and passed over, and what is wrong within a trajectory
	// becomes a warning where the rest of it makes sense without.
	KeepGoing bool
	// To takes the trajectories.
	To Sink
	// Taken says whether a trajectory's id is in use where the trajectories go
	// to; another attempt number is chosen then. Nil means that none is.
	Taken func(id string) bool
	// Kept finds the trajectory that was imported from the same place of the
	// same file before, where the trajectories go to. Such a one is read and
	// counted, and not handed over again. Nil means that there is none.
	Kept func(trajectories.Source) (id string, ok bool)
	// Importer is the program that imports, with its version.
	Importer string
	// Document says how files are read. Lenient and Warn are set here.
	Document document.Options
}

// A RefusedError says that a file holds no trajectories that can be imported.
type RefusedError struct {
	File   string
	Reason string
}

func (e *RefusedError) Error() string { return fmt.Sprintf("%s: %s", e.File, e.Reason) }

// Import imports files, and all files of folders, one after the other, and
// yields a report on each. With an error, which comes last, the report is on
// the file that it is about. Without KeepGoing the first file that is refused
// (*RefusedError) or broken (*document.Error) is such an error; errors of the
// sink and of the file system always are.
func Import(ctx context.Context, paths []string, o Options) iter.Seq2[Report, error] {
	return func(yield func(Report, error) bool) {
		o.Document.Lenient = o.KeepGoing
		i := importer{Options: o, given: map[string]bool{}, done: map[trajectories.Source]string{}, parts: map[address]*trajectories.Parent{}}
		if o.From != "" {
			if i.Formats = named(o.Formats, o.From); i.Formats == nil {
				yield(Report{}, fmt.Errorf("there is no format %q to import from", o.From))
				return
			}
		}
		for src, err := range sources(paths, i.Formats) {
			r := Report{File: src.path}
			if err == nil {
				err = ctx.Err()
			}
			if err == nil {
				r, err = i.source(ctx, src)
			}
			if err != nil && i.forgives(&r, err) {
				err = nil
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

func named(all []Format, name string) []Format {
	for _, f := range all {
		if f.Name == name && f.Import != nil {
			return []Format{f}
		}
	}
	return nil
}

type importer struct {
	Options
	given map[string]bool                // the ids of the trajectories so far
	done  map[trajectories.Source]string // where they are from, and their ids
	// parts are the sessions that trajectories have referred to, and whose parts
	// they are; nil where that is not clear.
	parts map[address]*trajectories.Parent
}

// forgives turns an error about a file into a refusal of that file.
func (i *importer) forgives(r *Report, err error) bool {
	refused, ok := errors.AsType[*RefusedError](err)
	broken, bad := errors.AsType[*document.Error](err)
	switch {
	case !i.KeepGoing || !ok && !bad:
		return false
	case ok:
		r.Refused = refused.Reason
	default:
		r.Refused, r.Err = broken.Error(), err
	}
	return true
}

// source imports one file, or one folder of events.
func (i *importer) source(ctx context.Context, src source) (Report, error) {
	r := Report{File: src.path}
	if src.refused != "" {
		return r, &RefusedError{src.path, src.refused}
	}
	digest, size, err := fingerprint(ctx, src.files)
	if why := unreadable(err); why != "" {
		return r, &RefusedError{src.path, why}
	}
	if err != nil {
		return r, fmt.Errorf("importing %s: %w", src.path, err)
	}
	r.Bytes = size
	seen, err := i.look(src)
	if err != nil {
		return r, err
	}
	r.Format, r.Version = seen.format.Name, seen.match.Version

	options := i.Document
	options.Warn = func(w document.Warning) { r.warn(Warning{Field: w.Field, Offset: w.Offset, Text: w.Text}) }
	in := &Input{File: src.path, Match: seen.match, keepGoing: i.KeepGoing, warn: r.warn}
	sink := &keeper{Sink: i.To}
	counted := &counter{to: sink}
	s := &session{importer: i, in: in, to: counted, sink: sink, names: map[string]string{}, source: trajectories.Source{
		Format: seen.format.Name, Bytes: size, SHA256: digest, Importer: i.Importer,
	}}
	in.refer = s.refer

	documents := src.documents(options)
	if seen.match.Events {
		in.documents = documents
		err = s.run(ctx, seen.format)
	} else {
		err = s.rows(ctx, seen, documents)
	}
	r.Count, r.Kept = counted.Count, sink.kept
	if err == nil && r.Trajectories == 0 {
		err = &RefusedError{src.path, "it holds no trajectory"}
		if len(r.Warnings) > 0 {
			err = &RefusedError{src.path, r.Warnings[0].String()}
		}
	}
	return r, err
}

// unreadable says why a source that is there cannot be read, or is no longer
// there; "" for errors that are not about it alone.
func unreadable(err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "it may not be read: permission denied"
	case errors.Is(err, fs.ErrNotExist):
		return "it was removed during the import"
	}
	return ""
}

func (i *importer) kept(from trajectories.Source) (id string, ok bool) {
	if i.Kept == nil {
		return "", false
	}
	if id, ok := i.done[from]; ok { // the same file is named twice
		return id, true
	}
	return i.Kept(from)
}

// rows imports each document by itself.
func (s *session) rows(ctx context.Context, seen seen, documents iter.Seq2[*document.Node, error]) error {
	row := 0
	for n, err := range documents {
		row++
		if seen.several {
			s.in.Row = row
		}
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = s.fits(&seen, n)
		}
		if err == nil {
			s.in.documents = func(yield func(*document.Node, error) bool) { yield(n, nil) }
			err = s.run(ctx, seen.format)
		}
		if err = s.in.Forgive(err); err != nil {
			return err
		}
	}
	return nil
}

// fits says whether a row is of the kind of the first one. Rows of one format
// differ in their members, so more is not asked of them.
func (s *session) fits(seen *seen, n *document.Node) error {
	if n.Kind() != seen.kind {
		return &document.Error{Position: n.Position(), Err: fmt.Errorf("a JSON %s where the file's first document is an %s", n.Kind(), seen.kind)}
	}
	if m := seen.format.Detect(n); m.Confidence > No {
		s.in.Match = m
	}
	return nil
}

// seen is what a first look at a source has found.
type seen struct {
	format  Format
	match   Match
	kind    document.Kind // of the document
	several bool          // documents
}

// mostUnknown is how many rows are looked at for one of a known format: a run
// that broke off at once leaves rows without a message.
const mostUnknown = 16

// look finds the format of a source by its first readable document; with
// KeepGoing by the first few that can be read.
func (i *importer) look(src source) (seen, error) {
	var first error
	options := i.Document
	options.Warn = nil
	var found *seen
	unknown := 0
	for n, err := range src.documents(options) {
		if found != nil {
			found.several = true
			break
		}
		if err != nil {
			if _, ok := errors.AsType[*document.Error](err); !ok || !i.KeepGoing {
				return seen{}, notJSON(src.path, err)
			}
			if first == nil {
				first = err
			}
			continue
		}
		f, m, ok := detect(i.Formats, n)
		switch {
		case !ok && i.From != "":
			f, m = i.Formats[0], Match{Confidence: Possible}
		case !ok:
			if unknown++; unknown == 1 {
				first = &RefusedError{src.path, refusal(n)}
			}
			if !i.KeepGoing || unknown == mostUnknown {
				return seen{}, first
			}
			continue
		case f.Import == nil:
			return seen{}, &RefusedError{src.path, "there is no importer for " + f.Name}
		}
		found = &seen{format: f, match: m, kind: n.Kind(), several: unknown > 0}
	}
	switch {
	case found != nil:
		return *found, nil
	case unknown > 0:
		return seen{}, first
	case first != nil:
		return seen{}, notJSON(src.path, first)
	}
	return seen{}, &RefusedError{src.path, "it is empty"}
}

// fingerprint returns the SHA-256 of a file and its size; of several files,
// the digest of their digests and the sum of their sizes.
func fingerprint(ctx context.Context, files []string) (digest string, size int64, err error) {
	all := sha256.New()
	for _, path := range files {
		h := sha256.New()
		n, err := hashFile(ctx, h, path)
		if err != nil {
			return "", 0, err
		}
		size += n
		if len(files) == 1 {
			return hex.EncodeToString(h.Sum(nil)), size, nil
		}
		all.Write(h.Sum(nil))
	}
	return hex.EncodeToString(all.Sum(nil)), size, nil
}

func hashFile(ctx context.Context, h hash.Hash, path string) (int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	return io.Copy(h, until{ctx, file})
}

// until is a reader that ends with the context: a large file is read for
// minutes from a slow disk.
type until struct {
	ctx context.Context
	io.Reader
}

func (u until) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.Reader.Read(p)
}
