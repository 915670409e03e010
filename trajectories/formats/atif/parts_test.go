package atif_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/atif"
)

// What an agent did for another stands in a file of its own; its session says
// whose part it is.
func TestPartsInOtherFiles(t *testing.T) {
	asks := func(session, other string) string {
		return `{"schema_version": "ATIF-v1.5", "session_id": "` + session + `", "agent": {"name": "a", "version": "1"}, "steps": [
			{"step_id": 1, "source": "user", "message": "P"},
			{"step_id": 2, "source": "agent", "message": "M", "tool_calls": [{"tool_call_id": "c", "function_name": "f", "arguments": {}}],
			 "observation": {"results": [{"source_call_id": "c", "subagent_trajectory_ref": [{"session_id": "` + other + `", "trajectory_path": "x.json"}]}]}}]}`
	}
	for name, tt := range map[string]struct {
		files map[string]string
		want  map[string]*trajectories.Parent
	}{
		"it comes later": {
			map[string]string{"a.json": asks("s", "t"), "b.json": asks("t", "")},
			map[string]*trajectories.Parent{"a.1": nil, "b.1": {Trajectory: "a.1", Turn: 1, Kind: trajectories.ParentSubagent}},
		},
		"a part of a part": {
			map[string]string{"a.json": asks("s", "t"), "b.json": asks("t", "u"), "c.json": asks("u", "")},
			map[string]*trajectories.Parent{
				"a.1": nil,
				"b.1": {Trajectory: "a.1", Turn: 1, Kind: trajectories.ParentSubagent},
				"c.1": {Trajectory: "b.1", Turn: 1, Kind: trajectories.ParentSubagent},
			},
		},
		"two refer to it": {
			map[string]string{"a.json": asks("s", "t"), "b.json": asks("r", "t"), "c.json": asks("t", "")},
			map[string]*trajectories.Parent{"a.1": nil, "b.1": nil, "c.1": nil},
		},
		"it refers to itself": {
			map[string]string{"a.json": asks("s", "s")},
			map[string]*trajectories.Parent{"a.1": nil},
		},
		"it is in another folder": {
			map[string]string{"a.json": asks("s", "t"), "sub/b.json": asks("t", "")},
			map[string]*trajectories.Parent{"a.1": nil, "b.1": nil},
		},
		"neither has a session": {
			map[string]string{"a.json": asks("", ""), "b.json": asks("", "")},
			map[string]*trajectories.Parent{"a.1": nil, "b.1": nil},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.Mkdir(filepath.Join(dir, "sub"), 0o700))
			for file, content := range tt.files {
				require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600))
			}
			var to formats.Collector
			for _, err := range formats.Import(t.Context(), []string{dir}, formats.Options{Formats: []formats.Format{atif.Format()}, To: &to}) {
				require.NoError(t, err)
			}
			got := map[string]*trajectories.Parent{}
			for _, tr := range to.Whole {
				got[tr.Header.ID] = tr.Header.Parent
			}
			require.Equal(t, tt.want, got)
		})
	}
}
