package reward_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/srl/reward"
)

func FuzzBare(f *testing.F)   { fuzz(f, "bare") }
func FuzzPaper(f *testing.F)  { fuzz(f, "paper") }
func FuzzAction(f *testing.F) { fuzz(f, "action") }
func FuzzPatch(f *testing.F)  { fuzz(f, "patch") }

// fuzz checks what is true of every reward for any two texts: it is in its
// range, the same whenever it is asked for, and 1 for the expert's own action.
func fuzz(f *testing.F, name string) {
	for _, text := range []string{
		expert,
		"<think>a</think>" + expert,
		"<function=str_replace_editor>\n<parameter=command>str_replace</parameter>\n<parameter=path>/testbed/a.py</parameter>\n<parameter=old_str>\nx\n</parameter>\n<parameter=new_str>\ny\n</parameter>\n</function>",
		`{"name":"bash","arguments":{"command":"cat > f <<E\nx\nE\nsed -i s/a/b/ g | head -5 && for x in a b; do ls $x; done"}}`,
		`{"name":"str_replace_editor","arguments":{"command":"view","path":"/a","view_range":[1,-1]}}`,
		`{"name":"apply_patch","arguments":"{\"input\":\"*** Update File: x\\n+y\"}"}`,
		"```bash\ngit apply <<E\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\nE\n```",
		"\xed\xa0\x80\xff",
		"\n" + expert + " ",
	} {
		f.Add(expert, text, uint8(0))
		f.Add("<think>"+text, text, uint8(1))
		f.Add(text, text, uint8(2))
	}
	languages := []format.Language{format.XML, format.JSON, format.Bash}
	f.Fuzz(func(t *testing.T, model, want string, language uint8) {
		r, err := reward.Named(name, languages[int(language)%len(languages)])
		require.NoError(t, err)
		target, err := r.Target(want)
		if err != nil {
			require.ErrorAs(t, err, new(format.Violation))
			return
		}
		got, err := target.Score(t.Context(), model, 0)
		require.NoError(t, err)
		if got.Violation != "" {
			require.Equal(t, reward.FormatError, got.Value)
		} else {
			require.True(t, got.Value >= 0 && got.Value <= 1, got.Value)
		}
		again, err := r.Score(model, want)
		require.NoError(t, err)
		require.Equal(t, got.Value, again)

		own, err := target.Score(t.Context(), format.Write("", want), 0)
		require.NoError(t, err)
		if own.Violation == "" { // an action that begins with a think tag breaks the format
			require.Equal(t, 1.0, own.Value)
		}
	})
}
