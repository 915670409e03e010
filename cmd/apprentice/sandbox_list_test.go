package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox/guest/program"
	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
)

func TestTheListOfSandboxesIsForPeople(t *testing.T) {
	now := time.Now()
	var out, errs bytes.Buffer
	a := &app{stdout: &out, stderr: &errs, program: "apprentice"}
	require.NoError(t, a.printList([]listed{
		{ID: "0123456789abcdef0123456789abcdef", Driver: "docker", Run: "first", Owner: 7, State: "gone", Started: now.Add(-3 * time.Hour), Deadline: now.Add(-time.Hour), Leftover: true},
		{ID: "local-0123456789ab", Driver: "local", Owner: 12345, State: "alive", Started: now.Add(-90 * time.Minute), Deadline: now.Add(30 * time.Minute)},
	}))
	require.Equal(t, `ID                  DRIVER  RUN    OWNER        AGE    DEADLINE  
0123456789ab        docker  first  7 gone       3h0m   1h0m ago  left over
local-0123456789ab  local   -      12345 alive  1h30m  in 30m    
`, out.String())
	require.Equal(t, "1 sandbox left over; remove with 'apprentice sandbox gc'\n", errs.String())

	out.Reset()
	require.NoError(t, a.printList(nil))
	require.Equal(t, "no sandboxes\n", out.String())
}

// An engine that is named and not found may have sandboxes: of them nothing is
// known. That there is none, when none is named, is as it may be.
func TestAnEngineThatIsNamedIsMissed(t *testing.T) {
	if _, err := program.Binary(""); err != nil {
		sandboxtest.Missing(t, "guest", err.Error())
	}
	for _, args := range [][]string{{"list"}, {"list", "--json"}, {"gc"}, {"gc", "--json"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			for host, says := range map[string]string{
				"unix:///no/such/docker.sock": "no engine answers at unix:///no/such/docker.sock",
				"no-scheme":                   "unable to parse docker host",
			} {
				t.Setenv("DOCKER_HOST", host)
				var out, errs bytes.Buffer
				require.Equal(t, exitInfrastructure, run(append([]string{"sandbox"}, args...), strings.NewReader(""), &out, &errs))
				require.Contains(t, errs.String(), says)
				require.Contains(t, errs.String(), "correct DOCKER_HOST, or unset it")
				require.NotContains(t, out.String(), "no sandboxes")
				if len(args) > 1 {
					require.Regexp(t, `^[[{]`, out.String(), "what is known is told all the same")
				}
			}
		})
	}
}

// A keeper has images, and leftovers.
type keeper struct {
	untidy
	budget int64
	err    error
}

func (k *keeper) GC(_ context.Context, budget int64) ([]string, error) {
	k.budget = budget
	return []string{"old:1"}, k.err
}

func TestImagesAreRemovedOnlyWhereThatIsAskedFor(t *testing.T) {
	left := untidy{left: []func(context.Context) error{removes, fails}}
	for _, tt := range []struct {
		name   string
		keep   float64
		err    error
		budget int64
		images []string
		says   []string
	}{
		{"not asked for", -1, nil, -1, nil, []string{"on fire"}},
		{"none is kept", 0, nil, 0, []string{"old:1"}, []string{"on fire"}},
		{"two and a half gigabytes are kept", 2.5, nil, 2_500_000_000, []string{"old:1"}, []string{"on fire"}},
		{"one cannot be removed", 0, errors.New("no such layer"), 0, []string{"old:1"}, []string{"on fire", "no such layer"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := &app{stderr: &bytes.Buffer{}}
			k := &keeper{untidy: left, budget: -1, err: tt.err}
			var c cleared
			err := a.clear(t.Context(), k, tt.keep, &c)
			for _, say := range tt.says {
				require.ErrorContains(t, err, say)
			}
			require.Equal(t, cleared{Removed: []string{"left"}, Images: tt.images}, c)
			require.Equal(t, tt.budget, k.budget)
		})
	}
}
