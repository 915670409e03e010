package patch_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
	"github.com/apprentice-rl/apprentice/srl/reward/difflib"
	"github.com/apprentice-rl/apprentice/srl/reward/patch"
)

func TestSimilarity(t *testing.T) {
	half := difflib.Compare("ab", "ac", false).Ratio
	tests := []struct {
		name          string
		model, expert patch.Change
		want          float64
	}{
		{"the same", patch.Change{"a": "x", "b": "y"}, patch.Change{"a": "x", "b": "y"}, 1},
		{"nothing twice", patch.Change{}, nil, 1},
		{"nothing for something", nil, patch.Change{"a": "x"}, 0},
		{"something for nothing", patch.Change{"a": "x"}, nil, 0},
		{"another file", patch.Change{"b": "x"}, patch.Change{"a": "x"}, 0},
		{"a file too many", patch.Change{"a": "ab", "b": "y"}, patch.Change{"a": "ac"}, half / 2},
		{"a file too few", patch.Change{"a": "ab"}, patch.Change{"a": "ac", "b": "y"}, half / 2},
		{"nothing done to one", patch.Change{"a": ""}, patch.Change{"a": ""}, 0},
		{"the model is first", patch.Change{"a": "tide"}, patch.Change{"a": "diet"}, 0.25},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := patch.Index(tt.expert).Similarity(t.Context(), tt.model)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestRead(t *testing.T) {
	tests := []struct {
		name, text string
		want       patch.Change
	}{
		{"git's", "diff --git a/x.py b/x.py\nindex 1..2 100644\n--- a/x.py\n+++ b/x.py\n@@ -3 +3,2 @@ def f():\n-a\n+b\n+ \n",
			patch.Change{"x.py": "@@ -3,1 +3,2 @@ def f():\n-a\n+b\n+"}},
		{"plain, no break at the end", "--- a/d/x.py\n+++ b/d/x.py\n@@ -1 +1 @@\n-a\n+b", patch.Change{"d/x.py": "@@ -1,1 +1,1 @@\n-a\n+b"}},
		{"a file without a break at its end", "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n",
			patch.Change{"x": "@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+b"}},
		{"a new file", "diff --git a/n b/n\nnew file mode 100644\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+a\n", patch.Change{"n": "@@ -0,0 +1,1 @@\n+a"}},
		{"a file that goes", "diff --git a/n b/n\ndeleted file mode 100644\n--- a/n\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n", patch.Change{"n": "@@ -1,1 +0,0 @@\n-a"}},
		{"a new name", "diff --git a/n b/m\nsimilarity index 100%\nrename from n\nrename to m\n", patch.Change{"n": "rename from n to m"}},
		{"a mode", "diff --git a/n b/n\nold mode 100644\nnew mode 100755\n", patch.Change{"n": ""}},
		{"prose before it", "Here it is:\n\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n", patch.Change{"x": "@@ -1,1 +1,1 @@\n-a\n+b"}},
		{"blocks", "```python\n### a.py\n<<<<<<< SEARCH\nx\ny\n=======\nx\nz\n>>>>>>> REPLACE\n```\nand\n### a.py\n<<<<<<< SEARCH\nq\n=======\n>>>>>>> REPLACE\n",
			patch.Change{"a.py": "-y\n+z\n-q"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok, err := patch.Read(t.Context(), tt.text)
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, tt.want, got)
		})
	}
	for _, text := range []string{"", "prose", "--- a/x\n+++ b/x\n@@ -1,9 +1 @@\n-a\n", "@@ -1 +1 @@"} {
		got, ok, err := patch.Read(t.Context(), text)
		require.NoError(t, err)
		require.False(t, ok, text)
		require.Empty(t, got)
	}
}

// A diff of binary files alone is a diff, and changes nothing that is compared.
func TestReadBinaryFiles(t *testing.T) {
	c, ok, err := patch.Read(t.Context(), "diff --git a/x b/x\nindex 1..2 100644\nBinary files a/x and b/x differ\n")
	require.NoError(t, err)
	require.True(t, ok)
	require.Empty(t, c)
}

func TestLines(t *testing.T) {
	for name, tt := range map[string]struct{ before, after, want string }{
		"nothing":            {"a\nb\n", "a\nb", ""},
		"one line":           {"a\nb\nc\n", "a\nB\nc\n", "-b\n+B"},
		"the ends":           {"a\nb", "x\na\nb\ny", "+x\n+y"},
		"all":                {"", "a\n\nb\n", "+a\n+\n+b"},
		"a line that's left": {"a\nb\n", "", "-a\n-b"},
		"two places":         {"a\nb\nc\nd\n", "A\nb\nc\nD\n", "-a\n+A\n-d\n+D"},
	} {
		got, err := patch.Lines(t.Context(), tt.before, tt.after)
		require.NoError(t, err)
		require.Equal(t, tt.want, got, name)
	}
}

func TestCalls(t *testing.T) {
	bash := func(command string) env.Action { return call(t, "bash", map[string]any{"command": command}) }
	editor := func(args map[string]any) env.Action { return call(t, "str_replace_editor", args) }
	const diff = "--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"
	tests := []struct {
		name  string
		calls []env.Action
		want  patch.Change
	}{
		{"replace", []env.Action{editor(map[string]any{"command": "str_replace", "path": "/testbed/a.py", "old_str": "x\ny\n", "new_str": "x\nz\n"})},
			patch.Change{"a.py": "-y\n+z"}},
		{"remove", []env.Action{editor(map[string]any{"command": "str_replace", "path": "a.py", "old_str": "y\n"})}, patch.Change{"a.py": "-y"}},
		{"insert", []env.Action{editor(map[string]any{"command": "insert", "path": "/a.py", "insert_line": 3, "new_str": "y"})}, patch.Change{"/a.py": "@3\n+y"}},
		{"insert, the number as text", []env.Action{editor(map[string]any{"command": "insert", "path": "a.py", "insert_line": "0", "new_str": "y"})}, patch.Change{"a.py": "@0\n+y"}},
		{"replace, with an argument that it does not need", []env.Action{editor(map[string]any{"command": "str_replace", "path": "a.py", "old_str": "x", "new_str": "y", "insert_line": nil})},
			patch.Change{"a.py": "-x\n+y"}},
		{"create", []env.Action{editor(map[string]any{"command": "create", "path": "/testbed/d/../a.py", "file_text": "x\ny\n"})}, patch.Change{"a.py": "+x\n+y"}},
		{"names of other agents", []env.Action{call(t, "Write", map[string]any{"file_path": "/testbed/a.py", "content": "x"})}, patch.Change{"a.py": "+x"}},
		{"two edits of one file", []env.Action{
			editor(map[string]any{"command": "str_replace", "path": "a.py", "old_str": "y", "new_str": "z"}),
			editor(map[string]any{"command": "str_replace", "path": "a.py", "old_str": "p", "new_str": "q"})}, patch.Change{"a.py": "-y\n+z\n-p\n+q"}},
		{"a here-document", []env.Action{bash("cd /testbed && cat > d/a.py <<'EOF'\nx\ny\nEOF\npython d/a.py")}, patch.Change{"d/a.py": "+x\n+y"}},
		{"tee", []env.Action{bash("tee -a a.py <<X\nhello\nX")}, patch.Change{"a.py": "@end\n+hello"}},
		{"tee that writes anew", []env.Action{bash("tee a.py <<X\nhello\nX")}, patch.Change{"a.py": "+hello"}},
		{"a here-document at the end", []env.Action{bash("cat >> a.py <<'X'\nhello\nX")}, patch.Change{"a.py": "@end\n+hello"}},
		{"echo", []env.Action{bash("echo -e 'x y' >> a.py")}, patch.Change{"a.py": "@end\n+x y"}},
		{"echo that writes anew", []env.Action{bash("echo 'x y' > a.py")}, patch.Change{"a.py": "+x y"}},
		{"sed", []env.Action{bash("sed -i -e '3s|a b|c|g' -e 's/q/r/' x.py y.py")}, patch.Change{"x.py": "-a b\n-q\n+c\n+r", "y.py": "-a b\n-q\n+c\n+r"}},
		{"perl", []env.Action{bash("perl -pi -e 's/q/r/' x.py")}, patch.Change{"x.py": "-q\n+r"}},
		{"patch", []env.Action{bash("patch -p1 <<'EOF'\n" + diff + "EOF")}, patch.Change{"x.py": "-b\n+c"}},
		{"git apply", []env.Action{bash("git apply <<'EOF'\n" + diff + "EOF")}, patch.Change{"x.py": "-b\n+c"}},
		{"apply_patch", []env.Action{call(t, "apply_patch", map[string]any{"input": "*** Begin Patch\n*** Update File: x.py\n@@\n a\n-b\n+c\n*** End Patch"})},
			patch.Change{"x.py": "-b\n+c"}},
		{"the same in a shell", []env.Action{bash("apply_patch <<'EOF'\n*** Begin Patch\n*** Update File: x.py\n@@\n a\n-b\n+c\n*** End Patch\nEOF")}, patch.Change{"x.py": "-b\n+c"}},
		{"a change of nothing", []env.Action{editor(map[string]any{"command": "str_replace", "path": "a.py", "old_str": "y", "new_str": "y"})}, patch.Change{}},
		{"a view", []env.Action{editor(map[string]any{"command": "view", "path": "a.py"})}, patch.Change{}},
		{"a script, whose edit shows when it runs", []env.Action{bash("python - <<'E'\nopen('f', 'w').write('x')\nE")}, patch.Change{}},
		{"lines by their numbers", []env.Action{bash("sed -i 5d x.py")}, patch.Change{}},
		{"reading", []env.Action{bash("grep -n '+x' a.py > /dev/null")}, patch.Change{}},
		{"no arguments", []env.Action{{Tool: "str_replace_editor"}, {Tool: "bash"}, {Tool: "x", Arguments: json.RawMessage("[")}}, patch.Change{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := patch.Calls(t.Context(), tt.calls)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func call(t *testing.T, tool string, arguments map[string]any) env.Action {
	t.Helper()
	raw, err := json.Marshal(arguments)
	require.NoError(t, err)
	return env.Action{Tool: tool, Arguments: raw}
}

// The rule of SWE-RL, stated again in Python with Python's own difflib: for
// random changes of random files, the diffs are written and scored there, and
// read and scored here.
func TestTheRuleAgreesWithAPythonStatementOfIt(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		sandboxtest.Missing(t, "python3", "install it, to compare with what it computes")
	}
	const program = `
import difflib, json, random, re
r = random.Random(7)
def line():
    return "".join(r.choice("abc =(+-)") for _ in range(r.randrange(12))).rstrip()
def edited(lines):
    lines = list(lines)
    for _ in range(r.randrange(1, 5)):
        i = r.randrange(len(lines) + 1)
        lines[i:i + r.randrange(3)] = [line() for _ in range(r.randrange(3))]
    return lines
def diff(old, new):
    text = list(difflib.unified_diff(old, new, lineterm="", n=3))[2:]
    text = [re.sub(r"^@@ -(\d+) ", r"@@ -\1,1 ", re.sub(r"\+(\d+) @@$", r"+\1,1 @@", l)) if l.startswith("@@") else l for l in text]
    hunks = re.split(r"\n(?=@@ )", "\n".join(text))
    return "\n".join(h.strip() for h in hunks)
def change(files):
    new = {p: edited(l) for p, l in files.items() if r.random() < 0.6}
    written = {p: diff(files[p], l) for p, l in new.items() if l != files[p]}
    text = "".join("\n".join(difflib.unified_diff(files[p], new[p], "a/" + p, "b/" + p, lineterm="")) + "\n" for p in written)
    return written, text
for _ in range(400):
    files = {"d/%d.py" % i: [line() for _ in range(r.randrange(1, 30))] for i in range(3)}
    (a, at), (b, bt) = change(files), change(files)
    paths = sorted(set(a) | set(b))
    each = [difflib.SequenceMatcher(None, a[p], b[p], autojunk=False).ratio() if a.get(p) and b.get(p) else 0.0 for p in paths]
    print(json.dumps({"a": at, "b": bt, "want": sum(each) / len(each) if each else 1.0}))
`
	out, err := exec.CommandContext(t.Context(), python, "-c", program).Output()
	require.NoError(t, err)
	n, between := 0, 0
	for d := json.NewDecoder(bytes.NewReader(out)); ; n++ {
		var pair struct {
			A, B string
			Want float64
		}
		if err := d.Decode(&pair); err == io.EOF {
			break
		} else {
			require.NoError(t, err)
		}
		a, err := patch.Unified(pair.A)
		require.NoError(t, err)
		b, err := patch.Unified(pair.B)
		require.NoError(t, err)
		got, err := patch.Index(b).Similarity(t.Context(), a)
		require.NoError(t, err)
		require.InDelta(t, pair.Want, got, 1e-15, "%s\n%s", pair.A, pair.B)
		if got > 0 && got < 1 {
			between++
		}
	}
	require.Equal(t, 400, n)
	require.Greater(t, between, 200)
}

func FuzzRead(f *testing.F) {
	f.Add("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")
	f.Add("diff --git a/n b/m\nsimilarity index 100%\nrename from n\nrename to m\n")
	f.Add("### a.py\n<<<<<<< SEARCH\nx\n=======\nz\n>>>>>>> REPLACE")
	f.Add("GIT binary patch\n" + strings.Repeat("z", 70))
	f.Fuzz(func(t *testing.T, text string) {
		c, ok, err := patch.Read(t.Context(), text)
		require.NoError(t, err)
		require.Equal(t, ok, len(c) > 0)
		got, err := patch.Index(c).Similarity(t.Context(), c)
		require.NoError(t, err)
		done := 0
		for _, text := range c {
			if text != "" {
				done++
			}
		}
		want := 1.0
		if len(c) > 0 {
			want = float64(done) / float64(len(c))
		}
		require.Equal(t, want, got)
	})
}
