//go:build linux

package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// A ReferenceError says that an image's name cannot be understood. It is the
// user's to mend.
type ReferenceError struct {
	Reference string
	Reason    error
}

func (e *ReferenceError) Error() string {
	return fmt.Sprintf("image %q: %v (an image is named as in a registry, or oci:FOLDER[:TAG], or docker-archive:FILE[:NAME])", e.Reference, e.Reason)
}
func (e *ReferenceError) Unwrap() error { return e.Reason }

// A source is where an image comes from, opened.
type source struct {
	digest   string // its identity; see Image
	image    v1.Image
	unpacked bool // its layers are to be read as they are, for there are no packed ones
	close    func() error
}

const ociPrefix, archivePrefix = "oci:", "docker-archive:"

// open opens the image that a reference names.
func (s *Store) open(ctx context.Context, reference string) (source, error) {
	if rest, ok := strings.CutPrefix(reference, ociPrefix); ok {
		return openLayout(reference, rest)
	}
	if rest, ok := strings.CutPrefix(reference, archivePrefix); ok {
		return s.openArchive(ctx, reference, rest)
	}
	ref, err := parse(reference)
	if err != nil {
		return source{}, err
	}
	return s.openRegistry(ctx, ref)
}

func parse(reference string) (name.Reference, error) {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return nil, &ReferenceError{reference, err}
	}
	return ref, nil
}

// cutPath cuts PATH[:REST] where PATH, which may hold colons itself, exists.
func cutPath(s string) (path, rest string, err error) {
	if _, err := os.Stat(s); err == nil {
		return s, "", nil
	}
	for i, c := range s {
		if c != ':' {
			continue
		}
		if _, err := os.Stat(s[:i]); err == nil {
			return s[:i], s[i+1:], nil
		}
	}
	return "", "", fmt.Errorf("%s: there is no such file or folder: %w", s, sandbox.ErrNoImage)
}

// openLayout opens an image of an OCI layout: PATH, PATH:TAG or PATH@DIGEST.
func openLayout(reference, rest string) (source, error) {
	path, digest, byDigest := strings.Cut(rest, "@")
	tag := ""
	if !byDigest {
		var err error
		if path, tag, err = cutPath(rest); err != nil {
			return source{}, err
		}
	}
	var want v1.Hash
	if byDigest {
		var err error
		if want, err = v1.NewHash(digest); err != nil {
			return source{}, &ReferenceError{reference, err}
		}
	}
	index, err := layout.ImageIndexFromPath(path)
	if errors.Is(err, fs.ErrNotExist) {
		return source{}, fmt.Errorf("%s is no OCI layout folder (%w): %w", path, err, sandbox.ErrNoImage)
	}
	if err != nil {
		return source{}, fmt.Errorf("reading the OCI layout %s: %w", path, err)
	}
	wanted := func(d v1.Descriptor) bool {
		switch {
		case byDigest:
			return d.Digest == want
		case tag != "":
			return d.Annotations["org.opencontainers.image.ref.name"] == tag
		}
		return true
	}
	img, err := choose(index, wanted)
	if err != nil {
		return source{}, fmt.Errorf("the OCI layout %s: %w", path, err)
	}
	return newSource(img)
}

// newSource is an image with its manifest's digest for an identity.
func newSource(img v1.Image) (source, error) {
	digest, err := img.Digest()
	if err != nil {
		return source{}, err
	}
	return source{digest: digest.String(), image: img, close: func() error { return nil }}, nil
}

// choose returns the image for this machine among those of an index that are
// wanted. Where there is none, the error names the platforms there are.
func choose(index v1.ImageIndex, wanted func(v1.Descriptor) bool) (v1.Image, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	var fits []v1.Descriptor
	var platforms, tags []string
	for _, d := range manifest.Manifests {
		if !d.MediaType.IsImage() && !d.MediaType.IsIndex() {
			continue
		}
		tags = append(tags, d.Annotations["org.opencontainers.image.ref.name"])
		if !wanted(d) {
			continue
		}
		if d.Platform != nil && d.MediaType.IsImage() && !runs(d.Platform.OS, d.Platform.Architecture) {
			if d.Platform.OS != "unknown" { // an attestation is none that somebody could ask for
				platforms = append(platforms, d.Platform.String())
			}
			continue
		}
		fits = append(fits, d)
	}
	switch {
	case len(fits) == 0 && len(platforms) > 0:
		return nil, noPlatform(platforms)
	case len(fits) == 0:
		return nil, fmt.Errorf("no such image in it (there are: %s): %w", list(tags), sandbox.ErrNoImage)
	case len(fits) > 1 && slices.ContainsFunc(fits[1:], func(d v1.Descriptor) bool { return d.Digest != fits[0].Digest }) && fits[0].Platform == nil:
		return nil, fmt.Errorf("it holds several images; name one (there are: %s): %w", list(tags), sandbox.ErrNoImage)
	}
	if fits[0].MediaType.IsIndex() {
		inner, err := index.ImageIndex(fits[0].Digest)
		if err != nil {
			return nil, err
		}
		return choose(inner, wantAll)
	}
	return index.Image(fits[0].Digest)
}

// runs reports whether programs for that platform run on this machine. Images
// that do not say are given the benefit of the doubt.
func runs(system, architecture string) bool {
	return (system == "" || system == "linux") && (architecture == "" || architecture == runtime.GOARCH)
}

func noPlatform(there []string) error {
	return fmt.Errorf("no image for linux/%s (there are: %s): %w", runtime.GOARCH, list(there), sandbox.ErrNoImage)
}

// list names what there is, once each.
func list(names []string) string {
	names = slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(names))), func(s string) bool { return s == "" })
	if len(names) == 0 {
		return "none with a name"
	}
	return strings.Join(names, ", ")
}

// absolute makes the name of a file good for a memory of it.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// opener opens a file anew each time.
func opener(path string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return os.Open(path) }
}

func wantAll(v1.Descriptor) bool { return true }
