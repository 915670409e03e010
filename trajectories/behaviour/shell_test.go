package behaviour

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFoldersAreFollowed(t *testing.T) {
	check(t, []row{
		{"cd /repo && cat a.py", "view cat < /repo/a.py"},
		{"cd /repo; cd src; cat ../a.py", "view cat < /repo/a.py"},
		{"(cd /repo && cat a) ; cat b", "view cat < /repo/a; view cat < b"},
		{"cd /repo | cat a", "view cat < a"},
		{"cd \"$X\" && cat a", "view cat < a"},
		{"cd /r && cd - && cat a", "view cat < a"},
		{"pushd /r; rm a; popd; rm b", "delete rm > /r/a; delete rm > b"},
		{"cd /r && cat /abs ~/home $D/x", "view cat < /abs ~/home $D/x"},
		{"bash -c 'cd /r; rm a'; rm b", "delete rm > /r/a; delete rm > b"},
		{"eval 'cd /r'; rm a", "delete rm > /r/a"},
	})
}

func TestVariablesAreFollowedWhereTheirValuesAreKnown(t *testing.T) {
	check(t, []row{
		{"F=src/a.py; sed -i s/a/b/ $F", "edit(sed -i) sed > src/a.py"},
		{"D=/repo; cat \"$D/a.py\"", "view cat < /repo/a.py"},
		{"for f in a.py b.py; do sed -i s/x/y/ \"$f\"; done", "edit(sed -i) sed > a.py b.py"},
		{"F=$(ls | head -1); cat $F", "list ls; view cat"},
		{"export F=a; rm ${F}", "delete rm > a"},
		{"F=a cat $F", "view cat"},
	})
}

func TestShellSyntax(t *testing.T) {
	check(t, []row{
		{"if grep -q x f; then sed -i s/x/y/ f; else touch f; fi", "search grep < f; edit(sed -i) sed > f; create touch > f"},
		{"while read l; do rm \"$l\"; done < list.txt", "delete rm"},
		{"case $1 in a) rm x;; *) cat y;; esac", "delete rm > x; view cat < y"},
		{"f() { rm \"$1\"; }; f a; f b", "delete rm"},
		{"! grep -q x f && touch g", "search grep < f; create touch > g"},
		{"time pytest &", "test pytest"},
		{"echo $(cat f) \"`head -1 g`\"", "view cat < f; view head < g"},
		{"diff <(sort a) <(sort b)", "view sort < a; view sort < b; view(diff) diff"},
		{"cat $(git ls-files '*.py')", "list(git) git < *.py; view cat"},
		{"[ -f x ] && cat x || echo none", "view cat < x"},
		{"[[ -n $A ]] && (( A > 1 )) && rm x", "delete rm > x"},
		{"cat a\\ b 'c d' \"e f\"", "view cat < a b c d e f"},
		{"rm -- -x", "delete rm > -x"},
		{"cat <<'A' > one; cat <<'B' > two\n1\nA\n2\nB\n", "edit(here-document) cat > one; edit(here-document) cat > two"},
		{"cat <<EOF > f\n$(rm x)\nEOF", "delete rm > x; edit(here-document) cat > f"},
		{"bash <<'E'\nrm x\nE", "delete rm > x"},
		{"sh -ec \"rm x; cat y\"", "delete rm > x; view cat < y"},
		{"bash -lc \"bash -c 'rm x'\"", "delete rm > x"},
		{"ls | xargs -I{} mv {} /tmp/{}", "move mv"},
		{"find . -name '*.sh' -exec sh -c 'chmod +x \"$1\"' _ {} \\;", "edit(mode) chmod < ."},
		{"sudo -u root -E env A=1 nice -n 5 timeout -s KILL 10 rm x", "delete rm > x"},
		{"command rm x; exec pytest", "delete rm > x; test pytest"},
		{"cmd() ( cd /r && rm a ); rm b", "delete rm > /r/a; delete rm > b"},
		{"coproc rm x", "delete rm > x"},
		{"cat a | while read l; do echo $l >> out; done", "edit(append) echo < a > out"},
		{"# only a comment", ""},
		{"cd /r # and a comment", ""},
		{"cat missing_end.txt <<'E' > f\nno end here", "edit(here-document) cat < missing_end.txt > f"},
	})
}

func TestWhatIsNoShellIsUnparsedWithAGuess(t *testing.T) {
	for _, r := range []row{
		{"NOTE: the fix (see above) is done.\n\npython -m pytest -q", "unparsed(test) python"},
		// Bash runs the lines before the one that it cannot read.
		{"cat > a <<'E'\nx\nE\n&& cat a", "edit(here-document) cat > a; unparsed(view) cat"},
		{"if then fi (", "unparsed if"},
		{"rm x; )", "delete rm > x; unparsed"},
	} {
		acts := bash(t, r.command)
		require.Equal(t, r.want, strings.TrimSpace(brief(acts)))
		wellFormed(t, acts, len(r.command))
	}
}

func TestProseIsOther(t *testing.T) {
	require.Equal(t, "other I", brief(bash(t, "I will look at the tests now.")))
}

func TestActsPointToTheirBytes(t *testing.T) {
	for _, r := range []struct {
		command string
		want    []string
	}{
		{"cd /r && sed -i s/a/b/ x; ls", []string{"cd /r", "sed -i s/a/b/ x", "ls"}},
		{"cat f | sed -n 1p | head", []string{"cat f | sed -n 1p | head"}},
		{"cat > f <<'E'\nbody\nE\nls", []string{"cat > f <<'E'\nbody\nE", "ls"}},
		{"bash -c 'rm x; ls y'", []string{"rm x", "ls y"}},
		{"bash <<'E'\nrm x\nE", []string{"rm x"}},
		{"bash -c \"rm \\\"x\\\"\"", []string{"bash -c \"rm \\\"x\\\"\""}},
		{"echo $(cat f) end", []string{"cat f", "echo $(cat f) end"}},
		{"a='é'; rm é.txt", []string{"a='é'", "rm é.txt"}},
		{"timeout 5 sudo rm x", []string{"timeout 5 sudo rm x"}},
		{"ls\n\n  )", []string{"ls", ")"}},
	} {
		var got []string
		for _, a := range bash(t, r.command) {
			got = append(got, r.command[a.Pos:a.End])
		}
		require.Equal(t, r.want, got)
	}
}

func TestArgumentsAreKept(t *testing.T) {
	acts := bash(t, `git log --all "-n 3" $X 'a b'`)
	require.Equal(t, []string{"log", "--all", "-n 3", "$X", "a b"}, acts[0].Args)
}

func TestMainIsTheStrongestAct(t *testing.T) {
	for _, r := range []row{
		{"cd /r && pytest -q", "pytest"},
		{"sed -i s/a/b/ f && nl f | sed -n 1,9p", "sed"},
		{"pip install x && pytest", "pytest"},
		{"ls && cat f && grep x f", "grep"},
		{"true", "true"},
		{"git diff; submit", "submit"},
	} {
		require.Equal(t, r.want, Main(bash(t, r.command)).Program, r.command)
	}
	require.Zero(t, Main(nil))
}

// Commands that nobody means: deep, long, or repeating what is costly. They
// must end, in bounds, with no more than a command may cost.
func TestHostileCommandsEnd(t *testing.T) {
	const size = 1 << 16
	for _, piece := range []string{
		"(", "$(", "`", "{ ", "if ", "while ", "a|", "a&&", "a;", "cat <<E\n", "'", "\"$(", "${a:-", "((", "$((", "[[ ! ", "time ",
		"cd a;", "f(){ ", "case x in a) ", "x=$x$x;", "for f in a b; do ", "xargs ", "find -exec ", "sudo ", "bash -c '", "eval ",
		"env A=b ", "a $(b) ", "echo a > f;", "python -m ", "npm exec ", "coverage run -m ", "cat a b c | ", "<(", "\x00", "\xff", "é",
		"cat > s <<E\nbash s\nE\nbash s\n", "git -C a ",
	} {
		command := strings.Repeat(piece, size/len(piece))
		acts := bash(t, command)
		require.LessOrEqual(t, len(acts), maxActs+8, "%q", piece)
		paths := 0
		for _, a := range acts {
			paths += len(a.Paths())
		}
		require.LessOrEqual(t, paths, 4*maxPaths, "%q", piece)
	}
}

func TestAnActIsCutOutOfALongCommand(t *testing.T) {
	long := "cat > f <<'E'\n" + strings.Repeat("some (text) with { in it\n", 20000) + "E\npytest"
	require.Equal(t, "edit(here-document) cat > f; test pytest", brief(bash(t, long)))
	endless := bash(t, strings.Repeat("rm x\n", maxCommand/5+1))
	require.Equal(t, "unparsed(delete) rm", brief(endless))
}
