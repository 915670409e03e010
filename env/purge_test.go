package env_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
)

// image makes a repository in /testbed as an image could hold one: three
// commits up to the base commit, an old tag, ignored build results, and beside
// it a commit after the base, which only the script plant keeps alive. It
// returns the hashes of the base commit and of the future one.
func image(t *testing.T, sb *guest.Sandbox, plant string) (base, future string) {
	t.Helper()
	out := sh(t, sb, `
git init -q -b master .
printf 'build/\n' > .gitignore
for i in one two three; do echo $i > file; git add -A; git commit -q -m $i; done
git tag old HEAD~1
git tag -a -m 'an old release' old-annotated HEAD~2
mkdir build; echo cached > build/cache
base=$(git rev-parse HEAD)
echo fixed > file; git commit -q -a -m 'the fix'
future=$(git rev-parse HEAD)
git reset -q --hard $base
git reflog expire --expire=now --all; rm -f .git/ORIG_HEAD
echo $base $future
`+plant)
	base, future, _ = strings.Cut(strings.Split(out, "\n")[0], " ")
	return base, future
}

func imageTask(base string) env.Task {
	return env.Task{ID: "example__image-1", Repo: "example/image", BaseCommit: base, ProblemStatement: "It fails."}
}

func TestOpenRemovesEveryLeakOfAnImage(t *testing.T) {
	plants := []struct{ name, script string }{
		{"a dangling commit", `true`},
		{"a branch", `git branch later $future`},
		{"a branch below main", `git branch main/later $future`},
		{"packed refs and packed objects", `git branch later $future; git gc -q --prune=now`},
		{"a tag", `git tag v2 $future`},
		{"an annotated tag", `git tag -a -m v2 v2 $future`},
		{"a tag of the same date", `GIT_COMMITTER_DATE=$(git log -1 --format=%cI $base) git tag -a -m v2 v2 $future`},
		{"a tag of a tree", `git tag tree $future^{tree}`},
		{"a tag of a file", `git tag blob $future:file`},
		{"a reflog", `git reset -q --hard $future; git reset -q --hard $base`},
		{"a reflog of a branch", `git branch -f later $future; git branch -f later $base`},
		{"a stash", `echo fixed > file; git stash -q`},
		{"a remote", `git clone -q --bare . /tmp/up; git -C /tmp/up update-ref refs/heads/main $future; git -C /tmp/up symbolic-ref HEAD refs/heads/main
			git remote add origin /tmp/up; git fetch -q origin; git remote set-head origin -a; git branch -q --set-upstream-to=origin/main`},
		{"FETCH_HEAD", `git fetch -q . $future`},
		{"ORIG_HEAD", `git update-ref ORIG_HEAD $future`},
		{"a note", `git notes add -m 'fixed by the next commit' $base`},
		{"a replacement", `git replace $base $future`},
		{"a graft", `git branch later $future; echo $base $future > .git/info/grafts`},
		{"a symbolic ref", `git branch later $future; git symbolic-ref refs/heads/alias refs/heads/later; git symbolic-ref refs/heads/mine refs/heads/master`},
		{"a ref outside of heads and tags", `git update-ref refs/pull/7/head $future`},
		{"a kept pack", `git branch later $future; git gc -q; git branch -qD later; for p in .git/objects/pack/*.pack; do touch ${p%.pack}.keep; done`},
		{"a pack of a partial clone", `git branch later $future; git gc -q; for p in .git/objects/pack/*.pack; do touch ${p%.pack}.promisor; done; git config extensions.partialClone origin`},
		{"a linked work tree", `git worktree add -q /tmp/tree $future`},
		{"a merge under way", `git branch later $future; echo other > file; git commit -qam other; git merge later || true; git merge --abort; git reset -q --hard $base; git merge --no-commit --no-ff later; git checkout -q $base -- file`},
		{"a bisection", `git bisect start -q $future $base~1`},
		{"HEAD on the fix", `git reset -q --hard $future`},
		{"HEAD detached at the fix", `git checkout -q --detach $future`},
		{"HEAD on an orphan branch", `git branch later $future; git checkout -q --orphan fresh; git rm -q -r --cached .; rm file .gitignore; echo build/ > .git/info/exclude`},
		{"a commit graph", `git branch later $future; git commit-graph write --reachable`},
		{"what rerere recorded", `mkdir -p .git/rr-cache/x; echo fixed > .git/rr-cache/x/postimage`},
		{"what fsck found", `git fsck --lost-found`},
		{"an index that knows resolved conflicts", `git branch later $future; echo other > file; git commit -qam other; git merge later || true; git checkout -q --ours file; git add file; rm .git/MERGE_*; git reset -q --soft $base; git restore --staged --worktree file`},
		{"a stale lock", `git branch later $future; touch .git/index.lock .git/HEAD.lock`},
		{"a hook", `git branch later $future; printf '#!/bin/sh\ntouch /tmp/hooked\n' > .git/hooks/reference-transaction; chmod +x .git/hooks/reference-transaction; git config gc.bigPackThreshold 1; git config gc.pruneExpire never`},
	}
	for _, tt := range plants {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sb := newSandbox(t)
			base, future := image(t, sb, tt.script)
			files := sh(t, sb, "find . -path ./.git -prune -o -type f -print | sort")

			e, err := env.Open(t.Context(), sb, imageTask(base), env.Options{})
			require.NoError(t, err)
			require.Equal(t, base, e.Start())
			require.Equal(t, base, sh(t, sb, "git rev-parse HEAD refs/heads/main | sort -u"))
			require.Equal(t, "three", sh(t, sb, "cat file"))
			require.Equal(t, "absent", sh(t, sb, "git cat-file -e "+future+" 2>/dev/null && echo present || echo absent"))
			require.Equal(t, "absent", sh(t, sb, "git cat-file -e "+future+":file 2>/dev/null && echo present || echo absent"))
			require.Empty(t, sh(t, sb, `git cat-file --batch-all-objects --batch-check='%(objecttype) %(objectname)' | grep ^blob | while read -r _ h; do git cat-file -p $h; done | grep fixed || true`))
			require.Equal(t, "3", sh(t, sb, "git rev-list --all --count"))
			require.Equal(t, "refs/heads/main\nrefs/tags/old\nrefs/tags/old-annotated", sh(t, sb, "git for-each-ref --format='%(refname)'"))
			require.Empty(t, sh(t, sb, "git remote; git config --get-regexp '^(remote|branch)\\.' || true; git reflog; git stash list; git notes list; git worktree list | tail -n +2"))
			require.Empty(t, sh(t, sb, "git fsck --full --strict --unreachable"))
			require.Empty(t, sh(t, sb, "git status --porcelain"))
			require.Empty(t, sh(t, sb, "grep -rl "+future+" .git || true"))
			require.Equal(t, "cached", sh(t, sb, "cat build/cache"))
			if tt.name != "HEAD on an orphan branch" { // which had no files
				require.Equal(t, files, sh(t, sb, "find . -path ./.git -prune -o -type f -print | sort"))
			}
			require.Equal(t, "0", sh(t, sb, "ls /tmp/hooked 2>/dev/null | wc -l"))

			patch, err := e.Patch(t.Context())
			require.NoError(t, err)
			require.Empty(t, patch)
		})
	}
}

func TestOpenReportsWhatItCannotRemove(t *testing.T) {
	for _, tt := range []struct{ name, script, want string }{
		{"objects borrowed from another repository", `git clone -q --bare . /tmp/other; git -C /tmp/other fetch -q /testbed $future
			echo /tmp/other/objects > .git/objects/info/alternates`, "objects borrowed from /tmp/other/objects"},
		{"objects that git is told to keep", `git branch later $future; git config core.repositoryFormatVersion 1; git config extensions.preciousObjects true`, "commit "},
		{"a remote in the user's own configuration", `git config --global remote.up.url /tmp/up`, "remote up"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sb := newSandbox(t)
			base, _ := image(t, sb, tt.script)
			_, err := env.Open(t.Context(), sb, imageTask(base), env.Options{})
			var leak *env.LeakError
			require.ErrorAs(t, err, &leak)
			require.Contains(t, strings.Join(leak.Found, "\n"), tt.want)
		})
	}
}

func TestOpenRefusesAnImage(t *testing.T) {
	for _, tt := range []struct{ name, script, want string }{
		{"whose .git leads elsewhere", `mv .git /tmp/git; echo gitdir: /tmp/git > .git`, "leads to a repository elsewhere"},
		{"with a bare repository", `git config core.bare true`, "has no work tree"},
		{"whose changes stand in the way", `git reset -q --hard $future; echo mine > file`, "would be overwritten"},
		{"with damaged objects", `git gc -q --prune=now; rm -f .git/objects/pack/*; git init -q`, "is not in the repository"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sb := newSandbox(t)
			base, _ := image(t, sb, tt.script)
			_, err := env.Open(t.Context(), sb, imageTask(base), env.Options{})
			var unusable *env.RepositoryError
			require.ErrorAs(t, err, &unusable)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestOpenKeepsTheCommitOfTheImageBuild(t *testing.T) {
	for _, tt := range []struct {
		name, script string
		kept         bool
	}{
		{"SWE-bench's", `git -c user.email=setup@swebench.config`, true},
		{"anybody's", `git -c user.email=dev@example.org`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sb := newSandbox(t)
			base, _ := image(t, sb, `unset GIT_AUTHOR_EMAIL; echo pinned > file; `+tt.script+` commit -q -a -m SWE-bench`)
			build := sh(t, sb, "git rev-parse HEAD")
			e, err := env.Open(t.Context(), sb, imageTask(base), env.Options{})
			require.NoError(t, err)
			if tt.kept {
				require.Equal(t, build, e.Start())
				require.Equal(t, "pinned", sh(t, sb, "cat file"))
				require.Equal(t, base, sh(t, sb, "git rev-parse HEAD^"))
			} else {
				require.Equal(t, base, e.Start())
				require.Equal(t, "three", sh(t, sb, "cat file"))
			}
		})
	}
}

func TestOpenCommitsWhatTheImageBuildLeftBehind(t *testing.T) {
	starts := map[string]bool{}
	for range 2 {
		sb := newSandbox(t)
		image(t, sb, `export GIT_COMMITTER_DATE=2023-01-01T00:00:00Z GIT_AUTHOR_DATE=2023-01-01T00:00:00Z; git commit -q --amend --no-edit
echo pinned > file; echo generated > generated; git rev-parse HEAD > /tmp/base`)
		base := strings.TrimSpace(read(t, sb, "/tmp/base"))
		e, err := env.Open(t.Context(), sb, imageTask(base), env.Options{})
		require.NoError(t, err)
		require.NotEqual(t, base, e.Start())
		require.Equal(t, base, sh(t, sb, "git rev-parse HEAD^"))
		require.Equal(t, e.Start(), sh(t, sb, "git rev-parse HEAD"))
		require.Equal(t, "pinned\ngenerated", sh(t, sb, "cat file generated"))
		require.Empty(t, sh(t, sb, "git status --porcelain"))

		patch, err := e.Patch(t.Context())
		require.NoError(t, err)
		require.Empty(t, patch, "what the image holds is not the policy's doing")
		starts[sh(t, sb, "git log -1 --format='%T %an %ad %cn %cd %s'")] = true
	}
	require.Len(t, starts, 1, "the commit differs from one sandbox to the next")
}
