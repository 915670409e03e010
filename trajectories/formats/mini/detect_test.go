package mini_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/mini"
)

// The name of the format is the last member of a file.
func TestAFileThatIsCutOffIsReadAsWhatItsProgramWrites(t *testing.T) {
	const (
		calls  = `{"role": "assistant", "content": null, "tool_calls": [{"id": "c", "type": "function", "function": {"name": "bash", "arguments": "{\"command\": \"ls\"}"}}]}, {"role": "tool", "tool_call_id": "c", "content": "a"}`
		fences = `{"role": "assistant", "content": "Look.\n` + "```bash\\nls\\n```" + `"}, {"role": "user", "content": "a"}`
	)
	for _, tt := range []struct{ version, messages, want string }{
		{"2.2.4", calls, mini.Name11},
		{"10.0.0a1", calls, mini.Name11},
		{"1.14.2", fences, mini.Name1},
		{"", fences, mini.Name1},
	} {
		t.Run(tt.version, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "t.traj.json")
			text := `{"info": {"mini_version": "` + tt.version + `"}, "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "P"}, ` + tt.messages + `, {"role": "assis`
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			var to formats.Collector
			for r, err := range formats.Import(t.Context(), []string{path}, formats.Options{
				Formats: []formats.Format{mini.Format11(), mini.Format1()}, KeepGoing: true, To: &to,
			}) {
				require.NoError(t, err)
				require.Equal(t, tt.want, r.Format)
				require.Equal(t, 1, r.Actions)
				require.Equal(t, 1, r.Observations)
				require.Zero(t, r.Orphans)
			}
			require.Len(t, to.Whole, 1)
			require.JSONEq(t, `{"command": "ls"}`, string(to.Whole[0].Turns[0].Actions[0].Arguments))
		})
	}
}
