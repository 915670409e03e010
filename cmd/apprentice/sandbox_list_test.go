package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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
