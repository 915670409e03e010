package behaviour

import (
	"encoding/json"
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
