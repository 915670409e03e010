package env_test

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
)

func TestPatchIsWhatChangedSinceTheStart(t *testing.T) {
	const script = "diff --git a/run.sh b/run.sh\n"
	for _, tt := range []struct {
		name, script string
		files        []string // in the patch, in order
		contains     string
	}{
		{"nothing", `true`, nil, ""},
		{"a change", `echo more >> README.md`, []string{"README.md"}, "\n+more\n"},
		{"a staged change", `echo more >> README.md; git add README.md`, []string{"README.md"}, "\n+more\n"},
		{"a committed change", `echo more >> README.md; git commit -qam more; git tag mine`, []string{"README.md"}, "\n+more\n"},
		{"a change staged and taken back", `echo more >> README.md; git add README.md; git checkout -q HEAD -- README.md`, nil, ""},
		{"a new file", `mkdir -p new/dir; echo x > new/dir/file`, []string{"new/dir/file"}, "new file mode 100644"},
		{"an empty new file", `touch new`, []string{"new"}, "new file mode 100644"},
		{"an ignored file", `mkdir build; echo x > build/out`, nil, ""},
		{"a deleted file", `rm run.sh`, []string{"run.sh"}, "deleted file mode 100755"},
		{"a renamed file", `git mv README.md READ.md`, []string{"READ.md", "README.md"}, "deleted file mode"},
		{"a changed mode", `chmod -x run.sh`, []string{"run.sh"}, script + "old mode 100755\nnew mode 100644\n"},
		{"a link", `ln -s README.md link`, []string{"link"}, "new file mode 120000"},
		{"a binary file", `printf '\0\1\2\377' > data.bin`, []string{"data.bin"}, "GIT binary patch\nliteral 4"},
		{"a file without a last line break", `printf more >> README.md`, []string{"README.md"}, `\ No newline at end of file`},
		{"Windows line ends", `printf 'a\r\n' > dos.txt`, []string{"dos.txt"}, "+a\r\n"},
		{"a text that is not UTF-8", `printf 'gr\374n\n' > latin.txt; echo more >> README.md`, []string{"README.md", "latin.txt"}, "GIT binary patch"},
		{"a name that is not ASCII", `echo x > 'grün "1".txt'`, []string{`"gr\303\274n \"1\".txt"`}, ""},
		{"a configuration that changes diffs", `git config diff.noprefix true; git config diff.mnemonicPrefix true; git config color.ui always; git config diff.external false
			git config core.pager false; git config diff.context 0; git config core.excludesFile /tmp/ignore; echo '*' > /tmp/ignore
			printf '1\n2\n3\n4\n' > new; echo more >> README.md`, []string{"README.md", "new"}, "--- a/README.md\n+++ b/README.md\n@@ -1 +1,2 @@\n # pager\n+more\n"},
		{"an empty repository in a folder", `git init -q sub; echo more >> README.md`, []string{"README.md"}, "\n+more\n"},
		{"a locked index", `touch .git/index.lock; echo more >> README.md`, []string{"README.md"}, "\n+more\n"},
		{"no index", `rm .git/index; echo more >> README.md`, []string{"README.md"}, "\n+more\n"},
		{"a hook", `printf '#!/bin/sh\nexit 1\n' > .git/hooks/pre-commit; chmod +x .git/hooks/pre-commit; echo more >> README.md`, []string{"README.md"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			task := pager(t)
			sb := newSandbox(t)
			e, err := env.Open(t.Context(), sb, task, env.Options{})
			require.NoError(t, err)
			sh(t, sb, tt.script)
			before := sh(t, sb, "cat .git/index 2>/dev/null | sha256sum; find . -type f | sort; git stash list; git for-each-ref")

			patch, err := e.Patch(t.Context())
			require.NoError(t, err)
			tree, err := e.Tree(t.Context())
			require.NoError(t, err)

			var files []string
			for line := range strings.Lines(patch) {
				if name, ok := strings.CutPrefix(line, "diff --git "); ok {
					_, name, _ = strings.Cut(strings.TrimSuffix(name, "\n"), " b/")
					if _, quoted, ok := strings.Cut(line, ` "b/`); ok {
						name = `"` + strings.TrimSuffix(quoted, "\n")
					}
					files = append(files, name)
				}
			}
			require.Equal(t, tt.files, files)
			require.Contains(t, patch, tt.contains)
			require.Equal(t, before, sh(t, sb, "cat .git/index 2>/dev/null | sha256sum; find . -type f | sort; git stash list; git for-each-ref"),
				"the repository was changed by looking at it")
			require.Equal(t, tree, applied(t, task, patch), "the patch does not lead to the tree")
		})
	}
}

// applied is the tree that a patch makes of a task's repository, by the git of
// this machine.
func applied(t *testing.T, task env.Task, patch string) string {
	t.Helper()
	dir := t.TempDir()
	run := func(stdin []byte, name string, args ...string) string {
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
		cmd.Stdin = bytes.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return strings.TrimSpace(string(out))
	}
	var b bytes.Buffer
	require.NoError(t, task.Repository.Archive(t.Context(), task.BaseCommit, &b))
	run(b.Bytes(), "tar", "-x", "-f", "-")
	run(nil, "git", "status") // the index does not know the files' times yet
	if patch != "" {
		run([]byte(patch), "git", "apply", "--index", "--whitespace=nowarn", "-")
	}
	return run(nil, "git", "write-tree")
}

func TestPatchSaysWhatIsWrongWithTheRepository(t *testing.T) {
	for _, tt := range []struct{ name, script, says string }{
		{"no repository", `rm -rf .git`, "not a git repository"},
		{"no start commit", `rm -rf .git; git init -q .`, "bad object"},
		{"too large a patch", `head -c 70000000 /dev/zero | tr '\0' 'x' | fold -w 100 > big`, "larger than 64 MiB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := openPager(t, env.Options{})
			sh(t, e.Sandbox(), tt.script)
			_, err := e.Patch(t.Context())
			var unusable *env.RepositoryError
			require.ErrorAs(t, err, &unusable)
			require.ErrorContains(t, err, tt.says)
		})
	}
}
