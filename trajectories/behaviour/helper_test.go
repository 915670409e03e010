package behaviour

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// bash classifies a command line.
func bash(t *testing.T, command string) []Act {
	t.Helper()
	return classify(t, "bash", map[string]any{"command": command})
}

func classify(t *testing.T, tool string, arguments any) []Act {
	t.Helper()
	data, err := json.Marshal(arguments)
	require.NoError(t, err)
	return Classify(tool, data)
}

// brief writes acts for people: `edit(sed -i) sed < read > written`, one after
// the other with semicolons between. The shell's own words are left out.
func brief(acts []Act) string {
	var all []string
	for _, a := range acts {
		if a.Kind == Shell {
			continue
		}
		s := string(a.Kind)
		if a.Detail != "" {
			s += "(" + a.Detail + ")"
		}
		s += " " + a.Program
		if len(a.Reads) > 0 {
			s += " < " + strings.Join(a.Reads, " ")
		}
		if len(a.Writes) > 0 {
			s += " > " + strings.Join(a.Writes, " ")
		}
		all = append(all, s)
	}
	return strings.Join(all, "; ")
}

type row struct{ command, want string }

func check(t *testing.T, rows []row) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.command[:min(len(r.command), 60)], func(t *testing.T) {
			acts := bash(t, r.command)
			require.Equal(t, r.want, brief(acts))
			wellFormed(t, acts, len(r.command))
		})
	}
}

// wellFormed checks what holds for the acts of any command.
func wellFormed(t *testing.T, acts []Act, size int) {
	t.Helper()
	require.NotEmpty(t, acts)
	for _, a := range acts {
		require.Contains(t, strength, a.Kind)
		require.True(t, 0 <= a.Pos && a.Pos <= a.End && a.End <= size, "%+v is outside of %d bytes", a, size)
		for _, p := range a.Paths() {
			require.NotEmpty(t, p)
		}
	}
}
