package starter

import (
	"slices"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"

	"github.com/apprentice-rl/apprentice/env"
)

// script returns the task's evaluation script in SWE-bench's form. It differs
// from SWE-bench's in what becomes of the test files that the hidden tests add:
// files of those names that a patch brings along are removed before, so that
// the hidden ones can take their place, and the hidden ones after.
func (e entry) script(lang language) string {
	var old, added []string
	for _, name := range touched(e.test) {
		if _, ok := e.tree[name]; ok {
			old = append(old, quote(name))
		} else {
			added = append(added, quote(name))
		}
	}
	reset := ""
	if len(old) > 0 {
		reset += "git checkout " + e.base + " " + strings.Join(old, " ") + "\n"
	}
	if len(added) > 0 {
		reset += "rm -f " + strings.Join(added, " ") + "\n"
	}
	return "#!/bin/bash\n" +
		"set -uxo pipefail\n" +
		"cd " + env.Workdir + "\n" +
		"git config --global --add safe.directory " + env.Workdir + "\n" +
		"cd " + env.Workdir + "\n" +
		"git status\n" +
		"git show\n" +
		"git -c core.fileMode=false diff " + e.base + "\n" +
		lang.prepare +
		reset +
		"git apply -v - <<'EOF_114329324912'\n" + e.test + "EOF_114329324912\n" +
		": '>>>>> Start Test Output'\n" +
		lang.run + "\n" +
		": '>>>>> End Test Output'\n" +
		reset
}

// touched returns the files that a patch changes, adds or removes, in its
// order. A patch that cannot be read touches none; building the repository has
// refused it before.
func touched(patch string) []string {
	parts, _, err := gitdiff.Parse(strings.NewReader(patch))
	if err != nil {
		return nil
	}
	var names []string
	for _, part := range parts {
		for _, name := range []string{part.OldName, part.NewName} {
			if name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// quote makes a word of the shell.
func quote(name string) string {
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}
