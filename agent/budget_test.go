package agent_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sourcegraph/conc"
	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/agent"
	"github.com/apprentice-rl/apprentice/trajectories"
)

func TestABudgetIsNeverOverdrawnByReservations(t *testing.T) {
	b := agent.NewBudget(10)
	var wg conc.WaitGroup
	granted := make(chan *agent.Reservation, 100)
	for range 100 {
		wg.Go(func() {
			if r, err := b.Episode(0).Reserve(1); err == nil {
				granted <- r
			}
		})
	}
	wg.Wait()
	require.Len(t, granted, 10)
	_, err := b.Reserve(0.01)
	var refused *agent.BudgetError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "run", refused.Scope)
	require.InDelta(t, 10, refused.Reserved, 1e-9)

	(<-granted).Settle(0.25)
	require.InDelta(t, 0.25, b.Spent(), 1e-9)
	_, err = b.Reserve(0.75)
	require.NoError(t, err)
}

func TestAnEpisodeSpendsFromItsRun(t *testing.T) {
	run := agent.NewBudget(10)
	first := run.Episode(2)
	r, err := first.Reserve(2)
	require.NoError(t, err)
	r.Settle(1.5)
	r.Settle(1.5) // only the first counts
	require.InDelta(t, 1.5, first.Spent(), 1e-9)
	require.InDelta(t, 1.5, run.Spent(), 1e-9)

	_, err = first.Reserve(1)
	var refused *agent.BudgetError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "episode", refused.Scope)
	_, err = run.Episode(2).Reserve(2)
	require.NoError(t, err)
}

func TestNoBudgetHasNoBottom(t *testing.T) {
	var none *agent.Budget
	r, err := none.Reserve(1e9)
	require.NoError(t, err)
	r.Settle(1e9)
	require.Zero(t, none.Spent())
}

func TestARunThatGoesOnHasTheSamePurse(t *testing.T) {
	dir := t.TempDir()
	none, err := agent.Spent(dir)
	require.NoError(t, err)
	require.Zero(t, none)

	for _, name := range []string{"a.1.jsonl", "a.1.jsonl.interrupted-1", "a.1.jsonl.stale-1"} {
		w, err := trajectories.Create(filepath.Join(dir, "trajectories", name), trajectories.Header{})
		require.NoError(t, err)
		require.NoError(t, w.Turn(trajectories.Turn{N: 1, Usage: trajectories.Usage{Calls: 1, Cost: 0.25}}))
		require.NoError(t, w.Close())
	}
	// A log that had not begun cost nothing.
	require.NoError(t, os.WriteFile(filepath.Join(dir, "trajectories", "b.1.jsonl"), nil, 0o600))
	spent, err := agent.Spent(dir)
	require.NoError(t, err)
	require.InDelta(t, 0.75, spent, 1e-9)

	b := agent.NewBudget(1)
	b.Charge(spent)
	require.InDelta(t, 0.75, b.Spent(), 1e-9)
	_, err = b.Episode(0).Reserve(0.3)
	var refused *agent.BudgetError
	require.ErrorAs(t, err, &refused)
	_, err = b.Episode(0).Reserve(0.2)
	require.NoError(t, err)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "trajectories", "c.1.jsonl"), []byte("{\"type\":\"header\",\"version\":1}\nrubbish\n"), 0o600))
	_, err = agent.Spent(dir)
	require.ErrorContains(t, err, "c.1.jsonl:2:1")
}
