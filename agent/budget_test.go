package agent_test

import (
	"testing"

	"github.com/sourcegraph/conc"
	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/agent"
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
