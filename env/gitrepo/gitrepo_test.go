package gitrepo_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/env/gitrepo"
)

var _ env.Repository = (*gitrepo.Repository)(nil)

var ada = gitrepo.Author{Name: "Ada Example", Email: "ada@example.org"}

// history is four commits; the third is the base of a task, the fourth its fix.
func history() []gitrepo.Commit {
	zone := time.FixedZone("", 2*60*60)
	at := func(day int) time.Time { return time.Date(2023, 3, day, 10, 0, 0, 0, zone) }
	return []gitrepo.Commit{
		{Author: ada, When: at(1), Message: "first version", Write: map[string]string{
			"README.md": "# pager\n", "pager/page.go": "package pager\n", "pager.go": "package main\n", "old.txt": "old\n", "empty": "",
		}},
		{Author: ada, When: at(2), Message: "a script\n\nwith a body\n", Write: map[string]string{
			"run.sh": "#!/bin/sh\n", "a/very/deep/folder/größe.txt": "ü\n",
		}, Executable: []string{"run.sh"}, Delete: []string{"old.txt"}},
		{Author: ada, When: at(3), Message: "change the script", Write: map[string]string{"run.sh": "#!/bin/sh\nexit 0\n"}},
		{Author: ada, When: at(4), Message: "the fix", Write: map[string]string{"pager.go": "package main // fixed\n"}},
	}
}

func TestBuildGivesTheSameHashesEverywhere(t *testing.T) {
	t.Setenv("GIT_AUTHOR_NAME", "somebody else")
	t.Setenv("TZ", "Asia/Tokyo")
	for range 3 {
		_, hashes, err := gitrepo.Build(history())
		require.NoError(t, err)
		require.Equal(t, []string{
			"e81b8c6e1a0543ede094122a586ab56700d9a5b8",
			"498e134c64ac77aedcd07b42ab69e11f361cb42b",
			"cdf58b9d7ac6027f3207a05bcea8f5fb7f8cb4e2",
			"b39bbd19eebe6079a2fcb137a7d9da98bd4f781b",
		}, hashes)
	}
}

func TestBuildAgreesWithGit(t *testing.T) {
	_, hashes, err := gitrepo.Build(history())
	require.NoError(t, err)

	dir := t.TempDir()
	git(t, dir, "init", "-q", ".")
	for i, c := range history() {
		for p, content := range c.Write {
			p = filepath.Join(dir, p)
			require.NoError(t, os.MkdirAll(filepath.Dir(p), 0o755))
			require.NoError(t, os.WriteFile(p, []byte(content), 0o644))
		}
		for _, p := range c.Executable {
			require.NoError(t, os.Chmod(filepath.Join(dir, p), 0o755))
		}
		for _, p := range c.Delete {
			require.NoError(t, os.Remove(filepath.Join(dir, p)))
		}
		when := c.When.Format("2006-01-02T15:04:05-07:00")
		git(t, dir, "add", "-A")
		cmd := exec.Command("git", "commit", "-q", "-m", c.Message)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME="+ada.Name, "GIT_AUTHOR_EMAIL="+ada.Email, "GIT_AUTHOR_DATE="+when,
			"GIT_COMMITTER_NAME="+ada.Name, "GIT_COMMITTER_EMAIL="+ada.Email, "GIT_COMMITTER_DATE="+when)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Equal(t, hashes[i], git(t, dir, "rev-parse", "HEAD"), "commit %d", i+1)
	}
}

func TestBuildRefuses(t *testing.T) {
	now := time.Date(2023, 3, 1, 10, 0, 0, 0, time.UTC)
	write := func(paths ...string) map[string]string {
		m := map[string]string{}
		for _, p := range paths {
			m[p] = "x\n"
		}
		return m
	}
	for _, tt := range []struct {
		name   string
		commit gitrepo.Commit
		want   string
	}{
		{"an absolute path", gitrepo.Commit{Author: ada, When: now, Write: write("/etc/passwd")}, "not a clean relative path"},
		{"a path out of the tree", gitrepo.Commit{Author: ada, When: now, Write: write("../x")}, `may not hold the name ".."`},
		{"a path into .git", gitrepo.Commit{Author: ada, When: now, Write: write("a/.Git/config")}, `may not hold the name ".Git"`},
		{"a file that is also a folder", gitrepo.Commit{Author: ada, When: now, Write: write("a", "a/b")}, "both a file and a folder"},
		{"the deletion of nothing", gitrepo.Commit{Author: ada, When: now, Delete: []string{"a"}}, "no such file"},
		{"an executable nothing", gitrepo.Commit{Author: ada, When: now, Executable: []string{"a"}}, "no such file"},
		{"no author", gitrepo.Commit{When: now}, "both are needed"},
		{"no time", gitrepo.Commit{Author: ada}, "not after 1970"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := gitrepo.Build([]gitrepo.Commit{tt.commit})
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, "building commit 1")
		})
	}
}

func TestArchiveIsAFreshRepositoryAtTheCommit(t *testing.T) {
	repo, hashes, err := gitrepo.Build(history())
	require.NoError(t, err)
	dir := unpack(t, repo, hashes[2])

	require.Empty(t, git(t, dir, "status", "--porcelain", "--ignored"))
	require.Equal(t, hashes[2], git(t, dir, "rev-parse", "HEAD"))
	require.Equal(t, "refs/heads/main", git(t, dir, "symbolic-ref", "HEAD"))
	require.Equal(t, "refs/heads/main", git(t, dir, "for-each-ref", "--format=%(refname)"))
	require.Empty(t, git(t, dir, "fsck", "--full", "--strict", "--unreachable"))
	require.Equal(t, strings.Join([]string{hashes[2], hashes[1], hashes[0]}, "\n"), git(t, dir, "rev-list", "--all"))
	require.Empty(t, git(t, dir, "remote"))
	require.NoDirExists(t, filepath.Join(dir, ".git", "logs"))
	cmd := exec.Command("git", "cat-file", "-e", hashes[3])
	cmd.Dir = dir
	require.Error(t, cmd.Run(), "the later commit is in the archive")

	script, err := os.Stat(filepath.Join(dir, "run.sh"))
	require.NoError(t, err)
	require.EqualValues(t, 0o755, script.Mode().Perm())
	readme, err := os.Stat(filepath.Join(dir, "README.md"))
	require.NoError(t, err)
	require.EqualValues(t, 0o644, readme.Mode().Perm())
	require.NoFileExists(t, filepath.Join(dir, "old.txt"))
	deep, err := os.ReadFile(filepath.Join(dir, "a/very/deep/folder/größe.txt"))
	require.NoError(t, err)
	require.Equal(t, "ü\n", string(deep))
}

func TestArchiveIsTheSameEachTimeAlsoInParallel(t *testing.T) {
	repo, hashes, err := gitrepo.Build(history())
	require.NoError(t, err)
	archives := make([]bytes.Buffer, 8)
	errs := make([]error, len(archives))
	var wg sync.WaitGroup
	for i := range archives {
		wg.Go(func() { errs[i] = repo.Archive(t.Context(), hashes[2], &archives[i]) })
	}
	wg.Wait()
	for i := range archives {
		require.NoError(t, errs[i])
		require.True(t, bytes.Equal(archives[0].Bytes(), archives[i].Bytes()))
	}
}

func TestArchiveOfARepositoryOnDisk(t *testing.T) {
	dir := t.TempDir()
	git(t, dir, "init", "-q", "-b", "trunk", ".")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.txt"), bytes.Repeat([]byte("line\n"), 1000), 0o644))
	require.NoError(t, os.Symlink("a.txt", filepath.Join(dir, "link")))
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-q", "-m", "one")
	git(t, dir, "checkout", "-q", "-b", "side")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "b.txt"), []byte("b\n"), 0o644))
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-q", "-m", "side")
	git(t, dir, "checkout", "-q", "trunk")
	git(t, dir, "commit", "-q", "--allow-empty", "-m", "two")
	git(t, dir, "merge", "-q", "--no-ff", "-m", "merge", "side")
	base := git(t, dir, "rev-parse", "HEAD")
	git(t, dir, "commit", "-q", "--allow-empty", "-m", "later")
	git(t, dir, "tag", "-a", "-m", "later", "v2")
	git(t, dir, "gc", "-q")

	repo, err := gitrepo.Open(dir)
	require.NoError(t, err)
	out := unpack(t, repo, base)
	require.Empty(t, git(t, out, "status", "--porcelain"))
	require.Empty(t, git(t, out, "fsck", "--full", "--unreachable"))
	require.Equal(t, base, git(t, out, "rev-parse", "HEAD"))
	require.Equal(t, git(t, dir, "rev-list", base), git(t, out, "rev-list", "--all"))
	target, err := os.Readlink(filepath.Join(out, "link"))
	require.NoError(t, err)
	require.Equal(t, "a.txt", target)
}

func TestArchiveOfAShallowCloneStaysShallow(t *testing.T) {
	source := t.TempDir()
	git(t, source, "init", "-q", ".")
	for _, message := range []string{"one", "two", "three"} {
		git(t, source, "commit", "-q", "--allow-empty", "-m", message)
	}
	clone := filepath.Join(t.TempDir(), "clone")
	git(t, source, "clone", "-q", "--depth=2", "file://"+source, clone)

	repo, err := gitrepo.Open(clone)
	require.NoError(t, err)
	out := unpack(t, repo, git(t, clone, "rev-parse", "HEAD"))
	require.Equal(t, "2", git(t, out, "rev-list", "--count", "HEAD"))
	require.Empty(t, git(t, out, "fsck", "--full"))
}

func TestErrors(t *testing.T) {
	t.Run("a folder without a repository", func(t *testing.T) {
		_, err := gitrepo.Open(t.TempDir())
		require.ErrorContains(t, err, "opening the git repository")
	})
	repo, hashes, err := gitrepo.Build(history())
	require.NoError(t, err)
	t.Run("a commit that is not there", func(t *testing.T) {
		var missing *gitrepo.NoCommitError
		err := repo.Archive(t.Context(), strings.Repeat("0", 40), io.Discard)
		require.ErrorAs(t, err, &missing)
		require.Equal(t, strings.Repeat("0", 40), missing.Commit)
	})
	t.Run("an abbreviated commit", func(t *testing.T) {
		require.ErrorContains(t, repo.Archive(t.Context(), hashes[0][:8], io.Discard), "not a full hash")
	})
	t.Run("a writer that breaks", func(t *testing.T) {
		broken := errors.New("broken")
		require.ErrorIs(t, repo.Archive(t.Context(), hashes[0], failing{broken}), broken)
	})
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// unpack archives a commit and unpacks it as a sandbox would.
func unpack(t *testing.T, repo *gitrepo.Repository, commit string) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, repo.Archive(t.Context(), commit, &b))
	for r := tar.NewReader(bytes.NewReader(b.Bytes())); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		require.False(t, h.ModTime.IsZero() || time.Since(h.ModTime) < time.Hour, "%s has the time of its making", h.Name)
	}
	dir := t.TempDir()
	cmd := exec.Command("tar", "-x", "-f", "-", "-C", dir)
	cmd.Stdin = &b
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return dir
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=t", "GIT_AUTHOR_EMAIL=t@example.org", "GIT_COMMITTER_NAME=t", "GIT_COMMITTER_EMAIL=t@example.org",
		"GIT_AUTHOR_DATE=2023-05-01T10:00:00Z", "GIT_COMMITTER_DATE=2023-05-01T10:00:00Z")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "git %v: %s", args, out)
	return strings.TrimSuffix(string(out), "\n")
}
