package env

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/apprentice-rl/apprentice/sandbox"
)

//go:embed diff.sh
var diffScript string

// patchCap bounds the bytes of a patch. Nobody reviews or grades a larger one.
const patchCap = 64 << 20

// Patch returns the difference between the start commit and the working tree,
// untracked files included and ignored ones not, as a git diff with binary
// hunks. It leaves the index and the working tree as they are. A patch that is
// not UTF-8 as text comes with all its files as binary hunks instead, so that
// every patch survives JSON. The error is a *RepositoryError when the policy
// has left no repository that git can read, or more than 64 MiB of changes.
func (e *Environment) Patch(ctx context.Context) (string, error) {
	patch, err := e.diff(ctx, "text")
	if err == nil && !utf8.ValidString(patch) {
		patch, err = e.diff(ctx, "binary")
	}
	if err == nil && !utf8.ValidString(patch) {
		err = &RepositoryError{"reading the patch", "it is not UTF-8 text, and the repository's attributes forbid binary hunks"}
	}
	if err != nil {
		return "", err
	}
	return patch, nil
}

// Tree returns the git tree hash of the working tree, by the same rules as
// Patch.
func (e *Environment) Tree(ctx context.Context) (string, error) {
	out, err := e.diff(ctx, "tree")
	if err != nil {
		return "", err
	}
	hash := strings.TrimSpace(out)
	if !fullHash.MatchString(hash) {
		return "", &RepositoryError{"reading the tree", hash}
	}
	return hash, nil
}

func (e *Environment) diff(ctx context.Context, form string) (string, error) {
	const doing = "comparing the work tree with the start commit"
	res, err := e.sandbox.Run(ctx, sandbox.Command{
		Argv:      []string{"sh", "-c", diffScript, "diff", Workdir, e.start, form},
		Timeout:   gitTimeout,
		OutputCap: patchCap,
	})
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: %w", doing, err)
	case !res.Succeeded():
		return "", &RepositoryError{doing, failure(res, gitTimeout)}
	case res.Dropped > 0:
		return "", &RepositoryError{doing, fmt.Sprintf("the patch is larger than %d MiB", patchCap>>20)}
	}
	return string(res.Output), nil
}
