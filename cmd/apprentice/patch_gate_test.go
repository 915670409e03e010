package main

import (
	"path/filepath"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories"
)

func TestAPatchWithASecretIsKeptBackUntilItIsConfirmed(t *testing.T) {
	t.Setenv("DB_PASSWORD", "correct-horse-battery")
	with := func(id, patch string) *trajectories.Trajectory {
		return &trajectories.Trajectory{Header: trajectories.Header{ID: id}, End: &trajectories.End{Patch: patch}}
	}
	all := []*trajectories.Trajectory{
		with("a.1", "+password is none"),
		with("b.1", "+correct-horse-battery\n+correct-horse-battery"),
		with("c.1", "+postgres://me:hunter4711@db/x"),
		{Header: trajectories.Header{ID: "unfinished.1"}},
	}
	for name, tt := range map[string]struct {
		confirmed []string
		says      string // nothing: all pass
	}{
		"none":    {nil, "2 patches, and patches are not altered: b.1 (DB_PASSWORD), c.1 (url_password); look there, and leave these trajectories out, or export them all the same with --confirm-patch b.1"},
		"one":     {[]string{"b.1"}, "1 patch, and patches are not altered: c.1 (url_password);"},
		"another": {[]string{"a.1", "c.1"}, "b.1 (DB_PASSWORD);"},
		"both":    {[]string{"c.1", "b.1"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var g patchGate
			cmd := &cobra.Command{}
			g.add(cmd)
			args := []string{"--secret", "DB_PASSWORD"}
			for _, id := range tt.confirmed {
				args = append(args, "--confirm-patch", id)
			}
			require.NoError(t, cmd.ParseFlags(args))
			for _, tr := range all {
				require.NoError(t, g.look(filepath.Join(t.TempDir(), "x.jsonl"), tr))
			}
			err := g.refusal()
			if tt.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.says)
			require.Equal(t, exitUser, exitCode(err))
			require.NotContains(t, err.Error(), "correct-horse")
		})
	}
}
