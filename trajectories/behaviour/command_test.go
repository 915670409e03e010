package behaviour

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCommand(t *testing.T) {
	tests := []struct {
		tool, arguments string
		want            string
		takes           bool
	}{
		{"bash", `{"command":"ls | wc"}`, "ls | wc", true},
		{"functions.shell", `{"command":["bash","-lc","ls"]}`, "ls", true},
		{"terminal", `"{\"command\":\"ls\"}"`, "ls", true},
		{"run", `ls -l`, "ls -l", true},
		{"bash", `{}`, "", true},
		{"str_replace_editor", `{"command":"view","path":"a"}`, "", false},
	}
	for _, tt := range tests {
		got, takes := Command(tt.tool, []byte(tt.arguments))
		require.Equal(t, tt.want, got, tt.arguments)
		require.Equal(t, tt.takes, takes, tt.tool)
		if !takes {
			continue
		}
		for _, a := range Classify(tt.tool, []byte(tt.arguments)) {
			require.LessOrEqual(t, a.End, len(got), "acts point into the command")
		}
	}
}
