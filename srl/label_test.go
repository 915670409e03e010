package srl_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/srl"
	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/srl/reward"
)

func TestLabels(t *testing.T) {
	e := srl.Example{ID: "a#1", Action: "```bash\nls <x>\n```", Reward: reward.Action(format.Bash)}
	text, err := e.Label().Text()
	require.NoError(t, err)
	require.Contains(t, text, "<x>", "no escapes for HTML")
	got, err := srl.ParseLabel(text)
	require.NoError(t, err)
	require.Equal(t, e.Label(), got)

	for name, change := range map[string][2]string{
		"another action":         {"ls", "rm"},
		"another id":             {"a#1", "a#2"},
		"another check":          {`"check":"`, `"check":"0`},
		"an unknown reward":      {`"name":"action"`, `"name":"fancy"`},
		"another version of it":  {`"version":1`, `"version":2`},
		"another setting of it":  {`"autojunk":false`, `"autojunk":true`},
		"a label that is cut":    {`}`, ``},
		"something else as JSON": {text, `[]`},
	} {
		broken := strings.Replace(text, change[0], change[1], 1)
		require.NotEqual(t, text, broken, name)
		_, err := srl.ParseLabel(broken)
		require.ErrorIs(t, err, srl.ErrLabel, name)
	}
}
