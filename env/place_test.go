package env_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/env/gitrepo"
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
)

func TestOpenPlacesTheRepositoryAtTheBaseCommit(t *testing.T) {
	task := pager(t)
	e := openPager(t, env.Options{})
	sb := e.Sandbox()
	require.Equal(t, task.ID, e.Task().ID)
	require.Equal(t, task.BaseCommit, e.Start())
	require.Equal(t, task.BaseCommit, sh(t, sb, "git rev-parse HEAD"))
	require.Equal(t, "main", sh(t, sb, "git branch --format='%(refname:short)' --all"))
	require.Empty(t, sh(t, sb, "git status --porcelain"))
	require.NotContains(t, sh(t, sb, "git log --all --format=%s; grep -r fixed . || true"), "fix")
	require.Empty(t, sh(t, sb, "ls -A .git | grep apprentice || true"), "temporary files are left")
}

func TestOpenRefuses(t *testing.T) {
	sb := newSandbox(t)
	t.Run("a sandbox without a program", func(t *testing.T) {
		task := pager(t)
		task.Needs = []string{"git", "no-such-program-anywhere", "bash"}
		_, err := env.Open(t.Context(), sb, task, env.Options{})
		var missing *env.MissingProgramError
		require.ErrorAs(t, err, &missing)
		require.Equal(t, "no-such-program-anywhere", missing.Program)
		require.ErrorContains(t, err, "example__pager-1")
	})
	t.Run("an image without a repository", func(t *testing.T) {
		task := pager(t)
		task.Repository = nil
		_, err := env.Open(t.Context(), sb, task, env.Options{})
		var unusable *env.RepositoryError
		require.ErrorAs(t, err, &unusable)
		require.ErrorContains(t, err, "there is no git repository in /testbed")
	})
	t.Run("a base commit that is no full hash", func(t *testing.T) {
		task := pager(t)
		task.BaseCommit = "main"
		_, err := env.Open(t.Context(), sb, task, env.Options{})
		var unusable *env.RepositoryError
		require.ErrorAs(t, err, &unusable)
	})
	t.Run("a base commit that the repository lacks", func(t *testing.T) {
		task := pager(t)
		task.BaseCommit = strings.Repeat("0", 40)
		_, err := env.Open(t.Context(), sb, task, env.Options{})
		var missing *gitrepo.NoCommitError
		require.ErrorAs(t, err, &missing)
	})
	t.Run("a repository that breaks off", func(t *testing.T) {
		task := pager(t)
		torn := errors.New("torn")
		task.Repository = archiver(func(w io.Writer) error {
			_, _ = w.Write(make([]byte, 512)) // half of the end of a tar stream
			return torn
		})
		_, err := env.Open(t.Context(), sb, task, env.Options{})
		require.ErrorIs(t, err, torn)
	})
	t.Run("a work folder that is in use", func(t *testing.T) {
		write(t, sb, "/testbed/left.txt", "from before\n")
		_, err := env.Open(t.Context(), sb, pager(t), env.Options{})
		var unusable *env.RepositoryError
		require.ErrorAs(t, err, &unusable)
		require.ErrorContains(t, err, "/testbed is not empty")
	})
}

func TestOpenRefusesAnArchiveThatHoldsMore(t *testing.T) {
	task := pager(t)
	repo := task.Repository
	base := task.BaseCommit
	task.BaseCommit = parent(t, task)
	task.Repository = archiver(func(w io.Writer) error { return repo.Archive(t.Context(), base, w) })
	_, err := env.Open(t.Context(), newSandbox(t), task, env.Options{})
	var leak *env.LeakError
	require.ErrorAs(t, err, &leak)
	require.Equal(t, []string{"HEAD is at " + base}, leak.Found)
}

// parent returns the parent of a task's base commit.
func parent(t *testing.T, task env.Task) string {
	t.Helper()
	sb := newSandbox(t)
	_, err := env.Open(t.Context(), sb, task, env.Options{})
	require.NoError(t, err)
	return sh(t, sb, "git rev-parse HEAD^")
}

type archiver func(io.Writer) error

func (a archiver) Archive(_ context.Context, _ string, w io.Writer) error { return a(w) }

func TestOpenPassesOnThatTheSandboxIsBroken(t *testing.T) {
	sb, err := guest.Open(t.Context(), newDriver(t), sandbox.Spec{})
	require.NoError(t, err)
	require.NoError(t, sb.Close())
	_, err = env.Open(t.Context(), sb, pager(t), env.Options{})
	require.ErrorIs(t, err, sandbox.ErrBroken)
}
