package env

import (
	"fmt"
	"strings"
)

// A MissingProgramError says that a sandbox lacks a program that a task needs.
// Such a task is skipped there, not failed.
type MissingProgramError struct {
	Program string
}

func (e *MissingProgramError) Error() string {
	return fmt.Sprintf("the sandbox has no program %s; use an image that has it, or, for the local driver, install it and put it on PATH", e.Program)
}

// A LeakError says that something newer than the base commit is still in the
// repository, or that its absence could not be proved.
type LeakError struct {
	// Found names what is left: objects, refs, remotes, reflogs.
	Found []string
}

func (e *LeakError) Error() string {
	const most = 5
	found := strings.Join(e.Found[:min(len(e.Found), most)], "; ")
	if len(e.Found) > most {
		found += fmt.Sprintf("; and %d more", len(e.Found)-most)
	}
	return "the repository would give away more than the base commit: " + found
}

// A RepositoryError says that the repository in a sandbox is not usable:
// at first because of the image or the base commit, later because of what a
// policy has done to it. It says nothing about the sandbox, which works.
type RepositoryError struct {
	Doing  string // what was tried
	Reason string // in git's words or ours
}

func (e *RepositoryError) Error() string { return e.Doing + ": " + e.Reason }
