package openai_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/openai"
)

// An export of many begins with whichever comes first, and that may have been
// cancelled before anything was said.
func TestAFirstRowWithoutMessagesIsOneOfMany(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rows.jsonl")
	require.NoError(t, os.WriteFile(path, []byte(`{"instance_id":"a","messages":[]}
{"instance_id":"b","messages":[{"role":"user","content":"p"},{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"bash","arguments":"{}"}}]}]}
`), 0o600))
	for _, keepGoing := range []bool{true, false} {
		var to formats.Collector
		for r, err := range formats.Import(t.Context(), []string{path}, formats.Options{
			Formats: []formats.Format{openai.Format()}, KeepGoing: keepGoing, To: &to,
		}) {
			require.Equal(t, keepGoing, err == nil)
			require.Empty(t, r.Refused)
		}
		if keepGoing {
			require.NotEmpty(t, to.Whole)
			require.Len(t, to.Whole[len(to.Whole)-1].Turns, 1)
		}
	}
}
