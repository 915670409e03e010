package behaviour_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories/behaviour"
)

// words are words of which none expands.
func words(texts ...string) []behaviour.Word {
	var all []behaviour.Word
	for _, t := range texts {
		all = append(all, behaviour.Word{Text: t})
	}
	return all
}

func TestSimpleCommands(t *testing.T) {
	tests := []struct {
		line   string
		want   []behaviour.Simple
		unread string
	}{
		{"", nil, ""},
		{`A=1 make 'x y' "z" "$v" a\ b`, []behaviour.Simple{{Assignments: []string{"A=1"}, Words: append(words("make", "x y", "z"), behaviour.Word{Text: `"$v"`, Expands: true}, behaviour.Word{Text: `a\ b`})}}, ""},
		{"cd d && ls | head -5; pwd", []behaviour.Simple{
			{Words: words("cd", "d")},
			{Operator: "&&", Words: words("ls")},
			{Operator: "|", Words: words("head", "-5")},
			{Operator: ";", Words: words("pwd")},
		}, ""},
		{"cat > f <<'E' 2>&1\na\nE\nls", []behaviour.Simple{
			{Words: words("cat"), Redirections: []behaviour.Redirection{
				{Operator: ">", Target: "f"}, {Operator: "<<", Target: "E", Document: "a\n"}, {Operator: "2>&", Target: "1"}}},
			{Operator: ";", Words: words("ls")},
		}, ""},
		{"for x in a b; do ls $x; done > f", []behaviour.Simple{
			{Keyword: "for", Words: words("x", "a", "b")},
			{Operator: ";", Words: append(words("ls"), behaviour.Word{Text: "$x", Expands: true}), Redirections: []behaviour.Redirection{{Operator: ">", Target: "f"}}},
		}, ""},
		{"! ls a | wc & pwd", []behaviour.Simple{
			{Negated: true, Words: words("ls", "a")},
			{Operator: "|", Background: true, Words: words("wc")},
			{Operator: ";", Words: words("pwd")},
		}, ""},
		{"! (ls; pwd) &", []behaviour.Simple{
			{Negated: true, Keyword: "("},
			{Operator: ";", Words: words("ls")},
			{Operator: ";", Background: true, Words: words("pwd")},
		}, ""},
		{"a 1>b 0<c 2>d 1>&2 3<e", []behaviour.Simple{{Words: words("a"), Redirections: []behaviour.Redirection{
			{Operator: ">", Target: "b"}, {Operator: "<", Target: "c"}, {Operator: "2>", Target: "d"}, {Operator: ">&", Target: "2"}, {Operator: "3<", Target: "e"}}}}, ""},
		{"X=`ls  a` echo \"`pwd`\" '`pwd`'", []behaviour.Simple{{
			Assignments: []string{"X=$(ls a)"},
			Words:       append(words("echo"), behaviour.Word{Text: `"$(pwd)"`, Expands: true}, behaviour.Word{Text: "`pwd`"}),
		}}, ""},
		{"ls; if then", []behaviour.Simple{{Words: words("ls")}}, "if then"},
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

func TestWordsThatExpand(t *testing.T) {
	for word, expands := range map[string]bool{
		"a.py": false, "*.py": true, "'*.py'": false, `"*.py"`: false, `\*.py`: false, `\\*`: true, "a?": true, "[ab].c": true, "[": false, "]": false,
		"~/a": true, "a~": false, "'~/a'": false, "{a,b}.c": true, "{1..3}": true, "{}": false, "{a}": false, "'{a,b}'": false,
		"$x": true, `"$x"`: true, "'$x'": false, `"a b"`: false, "$(ls)": true, "`ls`": true, "$((1+2))": true, "<(ls)": true, "a'*'b": false, "a'b'*": true,
		"$'a\\n'": false,
	} {
		got, unread := behaviour.SimpleCommands("ls " + word)
		require.Empty(t, unread)
		require.Equal(t, expands, got[0].Words[1].Expands, word)
	}
}
