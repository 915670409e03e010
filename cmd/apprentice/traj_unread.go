package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/spf13/cobra"
)

// unreadLogs are the logs that a command leaves out because they cannot be
// read. One that a crash has broken is no reason to do without thousands.
type unreadLogs struct {
	keepGoing bool
	texts     []string // in the words of the errors
}

// add adds the flag to a command.
func (u *unreadLogs) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&u.keepGoing, "keep-going", false, "leave out logs that cannot be read, and say so")
}

// forgive takes an error of a log, and returns nil where the command goes on
// without it.
func (u *unreadLogs) forgive(err error) error {
	switch {
	case err == nil || !isLog(err):
		return err
	case !u.keepGoing:
		return fmt.Errorf("%w; --keep-going leaves such logs out", err)
	}
	u.texts = append(u.texts, err.Error())
	return nil
}

// say says what was left out.
func (u *unreadLogs) say(a *app) {
	slices.Sort(u.texts)
	for _, text := range u.texts {
		a.say("left out: %s", printable(text))
	}
}

// isLog reports whether it is what is in a log that is wrong, or who may read
// it, and not its name.
func isLog(err error) bool {
	_, user := errors.AsType[userError](err)
	return !user && (exitCode(err) == exitUser || errors.Is(err, fs.ErrPermission))
}
