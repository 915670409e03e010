package behaviour_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories/behaviour"
)

func TestSimpleCommands(t *testing.T) {
	tests := []struct {
		line   string
		want   []behaviour.Simple
		unread string
	}{
		{"", nil, ""},
		{`A=1 make 'x y' "z" "$v" a\ b`, []behaviour.Simple{{Assignments: []string{"A=1"}, Words: []string{"make", "x y", "z", `"$v"`, `a\ b`}}}, ""},
		{"cd d && ls | head -5; pwd", []behaviour.Simple{
			{Words: []string{"cd", "d"}},
			{Operator: "&&", Words: []string{"ls"}},
			{Operator: "|", Words: []string{"head", "-5"}},
			{Operator: ";", Words: []string{"pwd"}},
		}, ""},
		{"cat > f <<'E' 2>&1\na\nE\nls", []behaviour.Simple{
			{Words: []string{"cat"}, Redirections: []behaviour.Redirection{
				{Operator: ">", Target: "f"}, {Operator: "<<", Target: "E", Document: "a\n"}, {Operator: "2>&", Target: "1"}}},
			{Operator: ";", Words: []string{"ls"}},
		}, ""},
		{"for x in a b; do ls $x; done > f", []behaviour.Simple{
			{Keyword: "for", Words: []string{"x", "a", "b"}},
			{Operator: ";", Words: []string{"ls", "$x"}, Redirections: []behaviour.Redirection{{Operator: ">", Target: "f"}}},
		}, ""},
		{"ls; if then", []behaviour.Simple{{Words: []string{"ls"}}}, "if then"},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			got, unread := behaviour.SimpleCommands(tt.line)
			require.Equal(t, tt.want, got)
			require.Equal(t, tt.unread, unread)
		})
	}

	deep := strings.Repeat("(", 100_000)
	got, unread := behaviour.SimpleCommands(deep)
	require.Empty(t, got)
	require.Equal(t, deep, unread)
}
