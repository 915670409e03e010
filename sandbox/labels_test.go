package sandbox_test

import (
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
)

func TestLabelsSurviveBeingWritten(t *testing.T) {
	l, err := sandbox.NewLabels(sandbox.Spec{Run: "r", Lifetime: time.Hour})
	require.NoError(t, err)
	back, err := sandbox.ParseLabels(l.Map())
	require.NoError(t, err)
	require.Equal(t, l, back)
}

func TestWhatIsStale(t *testing.T) {
	self, err := sandbox.Self()
	require.NoError(t, err)
	later := time.Now().Add(time.Hour)
	with := func(change func(*sandbox.Owner)) sandbox.Owner {
		o := self
		change(&o)
		return o
	}
	gone := exec.Command("true")
	require.NoError(t, gone.Run())
	tests := []struct {
		name     string
		owner    sandbox.Owner
		deadline time.Time
		stale    bool
		alive    bool // the owner, for all that is known
	}{
		{"a live owner", self, later, false, true},
		{"a live owner, but the deadline has passed", self, time.Now().Add(-time.Second), true, true},
		{"the same pid, another process", with(func(o *sandbox.Owner) { o.Start++ }), later, true, false},
		{"a process that ended", with(func(o *sandbox.Owner) { o.PID = gone.Process.Pid }), later, true, false},
		{"an earlier boot", with(func(o *sandbox.Owner) { o.Boot = "another" }), later, self.Machine != "-", false},
		{"another machine: nothing is known", with(func(o *sandbox.Owner) { o.Machine, o.Boot = "another", "another" }), later, false, false},
		{"a machine without a name: nothing is known", with(func(o *sandbox.Owner) { o.Machine, o.Boot = "-", "another" }), later, false, false},
		{"another pid namespace: nothing is known", with(func(o *sandbox.Owner) { o.Namespace, o.PID = "1", gone.Process.Pid }), later, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.stale, sandbox.Labels{Owner: tt.owner, Deadline: tt.deadline}.Stale(time.Now()))
			require.Equal(t, tt.alive, tt.owner.Alive())
		})
	}
}

func TestLabelsThatAreNotOurs(t *testing.T) {
	for _, m := range []map[string]string{
		nil,
		{sandbox.LabelOwner: "x"},
		{sandbox.LabelOwner: "m/b/n/notanumber/1", sandbox.LabelDeadline: "2030-01-01T00:00:00Z"},
		{sandbox.LabelOwner: "m/b/n/1/1", sandbox.LabelDeadline: "soon"},
	} {
		_, err := sandbox.ParseLabels(m)
		require.Error(t, err, m)
	}
}
