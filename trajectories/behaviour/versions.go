package behaviour

import (
	"regexp"
	"strings"
)

// versions are the programs of version control.
func versions(c *call) (Act, bool) {
	switch c.name {
	case "git":
		return c.git(), true
	case "hg", "svn", "bzr":
		return c.act(VCS, otherVCS(parseOptions(c.texts(), "R r").first())), true
	}
	return Act{}, false
}

func otherVCS(command string) string {
	switch command {
	case "log", "annotate", "blame", "cat", "history":
		return History
	case "status", "st", "diff", "info", "branch", "branches", "id", "identify", "summary", "root":
		return State
	case "clone", "pull", "push", "incoming", "outgoing":
		return Exchanges
	}
	return Change
}

const gitValued = "C c git-dir work-tree namespace"

// git by its subcommand.
func (c *call) git() Act {
	at := c.firstOperand(gitValued)
	if at == len(c.args) {
		return c.act(Inspect, "")
	}
	w := c.walker
	for i := 0; i+1 < at; i++ {
		if c.args[i].text == "-C" {
			dir := w.dir
			defer func() { w.dir = dir }()
			w.dir = w.place(c.args[i+1].text)
		}
	}
	command, rest := c.args[at].text, call{walker: w, args: c.args[at+1:]}
	o := parseOptions(rest.texts(), "m F n author date since until grep S G L format pretty U s b B C max-count")
	switch command {
	case "log", "show", "blame", "annotate", "reflog", "rev-list", "shortlog", "whatchanged", "cat-file", "describe",
		"cherry", "name-rev", "fsck", "range-diff", "show-branch", "archive", "bundle", "format-patch", "merge-base", "diff-tree":
		return c.reading(VCS, History, pathspecs(rest.texts()))
	case "diff":
		if namesRevision(rest.texts()) {
			return c.reading(VCS, History, pathspecs(rest.texts()))
		}
		return c.reading(VCS, State, pathspecs(rest.texts()))
	case "status", "rev-parse", "for-each-ref", "show-ref", "diff-index", "diff-files", "var", "check-ignore", "count-objects", "symbolic-ref", "version", "help":
		return c.act(VCS, State)
	case "grep":
		return c.reading(Search, "git", o.after(1))
	case "ls-files", "ls-tree":
		return c.reading(List, "git", o.operands)
	case "fetch", "pull", "clone", "push", "ls-remote", "lfs":
		return c.act(VCS, Exchanges)
	case "remote", "submodule":
		if first := o.first(); first == "add" || first == "update" || first == "show" || first == "init" {
			return c.act(VCS, Exchanges)
		}
		return c.act(VCS, State)
	case "branch", "tag":
		if len(o.operands) == 0 || o.has("l", "list", "a", "r", "contains", "merged", "show-current", "points-at") {
			return c.act(VCS, State)
		}
		return c.act(VCS, Change)
	case "stash":
		if first := o.first(); first == "list" || first == "show" {
			return c.act(VCS, State)
		}
		return c.act(VCS, Change)
	case "config":
		if len(o.operands) < 2 || o.has("get", "l", "list", "get-all", "get-regexp") {
			return c.act(VCS, State)
		}
		return c.act(VCS, Change)
	case "apply", "am":
		if o.has("check", "stat", "numstat", "summary") {
			return c.act(VCS, State)
		}
		act := c.patching("git "+command, nil)
		act.Reads = w.places(o.operands)
		return act
	case "rm":
		return c.writing(Delete, "git", o.operands)
	case "clean":
		if o.has("n", "dry-run") {
			return c.act(VCS, State)
		}
		return c.writing(Delete, "git", o.operands)
	case "mv":
		return c.writing(Move, "git", o.operands)
	case "checkout", "restore", "reset":
		return c.writing(VCS, Change, pathspecs(rest.texts()))
	}
	return c.act(VCS, Change)
}

// pathspecs are the operands after --, or those that look like paths.
func pathspecs(args []string) []string {
	for i, a := range args {
		if a == "--" {
			return args[i+1:]
		}
	}
	var paths []string
	for _, a := range args {
		if !strings.HasPrefix(a, "-") && strings.ContainsAny(a, "./") && !strings.ContainsAny(a, "~^@{}:") && !strings.Contains(a, "..") {
			paths = append(paths, a)
		}
	}
	return paths
}

var revision = regexp.MustCompile(`\.\.|[~^]\d*$|@\{|^(?:origin|upstream|refs)/|^[0-9a-f]{7,40}$`)

// namesRevision says that arguments name something older than the last commit.
func namesRevision(args []string) bool {
	for _, a := range args {
		if a == "--" {
			return false
		}
		if !strings.HasPrefix(a, "-") && !strings.HasPrefix(a, "../") && revision.MatchString(a) {
			return true
		}
	}
	return false
}
