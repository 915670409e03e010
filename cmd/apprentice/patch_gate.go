package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/redact/events"
)

// A patchGate keeps trajectories from being given away whose patches hold
// secrets, since patches are not altered. A person can confirm that one may go.
type patchGate struct {
	secrets   secretFlags
	confirmed []string // ids of trajectories

	keys    *keyring
	blocked []string // what is to be said of them
	ids     []string
}

func (g *patchGate) add(cmd *cobra.Command) {
	g.secrets.add(cmd)
	cmd.Flags().StringArrayVar(&g.confirmed, "confirm-patch", nil, "export the trajectory of this id although its patch seems to hold a secret; may be repeated")
}

// look looks at the patch of a trajectory, and at what was handed in.
func (g *patchGate) look(log string, t *trajectories.Trajectory) error {
	id := t.Header.ID
	if t.End == nil || slices.Contains(g.confirmed, id) {
		return nil
	}
	if g.keys == nil {
		g.keys = newKeyring(&g.secrets)
	}
	r, err := g.keys.checking(log)
	if err != nil {
		return err
	}
	found := events.InPatch(r, *t.End)
	if len(found) == 0 {
		return nil
	}
	var what []string
	for _, f := range found {
		w := strings.TrimSpace(or(f.Name, string(f.Kind)) + " " + f.Head)
		if !slices.Contains(what, w) {
			what = append(what, w)
		}
	}
	g.ids = append(g.ids, id)
	g.blocked = append(g.blocked, fmt.Sprintf("%s (%s)", id, strings.Join(what, ", ")))
	return nil
}

// refusal names those that were kept back; nil if there are none.
func (g *patchGate) refusal() error {
	if len(g.blocked) == 0 {
		return nil
	}
	const most = 5
	told := strings.Join(g.blocked[:min(most, len(g.blocked))], ", ")
	if n := len(g.blocked) - most; n > 0 {
		told += fmt.Sprintf(" and %d more", n)
	}
	return userf("what looks like a secret is in %s, and patches are not altered: %s; look there, and leave these trajectories out, or export them all the same with --confirm-patch %s",
		count(len(g.blocked), "patch", "patches"), told, g.ids[0])
}
