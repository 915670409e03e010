package behaviour

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzClassify(f *testing.F) {
	for _, s := range []string{
		"cd /r && sed -i s/a/b/ x | tee y > z", "python - <<'E'\nopen('a','w')\nE\nls", "bash -c 'find . -exec rm {} \\;'", "for f in $(ls); do cat \"$f\"; done",
		"edit 1:2\nx\nend_of_edit", "a <<E <<'F'\n$(b)\nE\nc\nF", "git -C a show HEAD~1:b", "x=${y:-$(z)} env -i A=1 sudo xargs -I{} sh -c '{}'", "cat <<E",
		"echo `a \\`b\\`` $'\\n' <(c) ((1)) [[ a ]]", "case x in a) ;; esac; f() { g; }; f", "THOUGHT: (x\n&& ls", "tar xzf a; unzip -l b; npm run t", "f(){ f;};f",
	} {
		f.Add("bash", s)
	}
	f.Add("execute_ipython_cell", "%%bash\nls")
	f.Add("str_replace_editor", "view")
	f.Add("apply_patch", "*** Update File: x")
	f.Fuzz(func(t *testing.T, tool, text string) {
		data, err := json.Marshal(map[string]string{"command": text})
		require.NoError(t, err)
		var decoded map[string]string
		require.NoError(t, json.Unmarshal(data, &decoded))
		// Invalid UTF-8 becomes longer in JSON.
		wellFormed(t, Classify(tool, data), len(decoded["command"]))
		wellFormed(t, Classify(tool, json.RawMessage(text)), len(text)+len(data))
	})
}

func FuzzSimpleCommands(f *testing.F) {
	for _, s := range []string{
		"! A=`b` c \"`d \\`e\\``\" 1>f 2>&1 | g &", "for x in {a,b} ~/c; do `x`; done", "cat <<E `ls`\n$(b)\nE\nc", "if a; then b; fi >`c`", "x=(`a` b) y", "ls; if then",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		commands, unread := SimpleCommands(line)
		require.LessOrEqual(t, len(unread), len(line))
		again, _ := SimpleCommands(line)
		require.Equal(t, commands, again)
		for _, c := range commands {
			for _, w := range c.Words {
				require.True(t, w.Expands || !strings.Contains(line, "`") || len(w.Text) <= len(line), "nothing is made up")
			}
		}
	})
}
