// Package patch compares changes of files by SWE-RL's rule (arXiv 2502.18449):
// the mean, over all files that either of two changes touches, of the
// similarity of what they do to it.
//
// A file that only one of them touches counts 0. So does one to which either
// does nothing, as by a mere change of its mode, even if both do the same
// nothing: in SWE-RL nobody earns anything by a change without a content. Two
// changes of no file at all are equal: 1. The similarity is difflib's ratio
// without autojunk, the model's text first.
package patch

import (
	"context"
	"maps"
	"slices"

	"github.com/apprentice-rl/apprentice/srl/reward/difflib"
)

// A Change says what is done to files, by their paths.
type Change map[string]string

// An Indexed change is the second of many pairs, as an expert's. Many
// goroutines may compare with it at once.
type Indexed struct {
	files map[string]*difflib.Indexed // nil for a file to which nothing is done
}

// Index prepares a change for comparisons in which it is the second one.
func Index(c Change) *Indexed {
	x := &Indexed{files: make(map[string]*difflib.Indexed, len(c))}
	for path, text := range c {
		x.files[path] = nil
		if text != "" {
			x.files[path] = difflib.Index(text, false)
		}
	}
	return x
}

// Similarity compares a change with the indexed one, which is the second. It is
// in [0, 1]. The error is that of ctx.
func (x *Indexed) Similarity(ctx context.Context, c Change) (float64, error) {
	paths := slices.Sorted(maps.Keys(c))
	for path := range x.files {
		if _, ok := c[path]; !ok {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		return 1, nil
	}
	sum := 0.0
	for _, path := range paths {
		file := x.files[path]
		if file == nil || c[path] == "" {
			continue
		}
		ratio, err := file.Ratio(ctx, c[path])
		if err != nil {
			return 0, err
		}
		sum += ratio
	}
	return sum / float64(len(paths)), nil
}
