package env_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
)

// editor calls the editor with a command and further arguments in pairs.
func editor(t *testing.T, e *env.Environment, command, path string, pairs ...any) env.Observation {
	t.Helper()
	arguments := map[string]any{"command": command, "path": path}
	for i := 0; i < len(pairs); i += 2 {
		arguments[pairs[i].(string)] = pairs[i+1]
	}
	return do(t, e, "str_replace_editor", arguments)
}

func TestEditorViews(t *testing.T) {
	e := openPager(t, env.Options{})
	sb := e.Sandbox()
	write(t, sb, "/testbed/src/a/b.txt", "b")
	write(t, sb, "/testbed/empty", "")
	const page = "Here's the result of running `cat -n` on /testbed/src/page.go:\n"
	for _, tt := range []struct {
		name, path string
		window     []int
		want       string
	}{
		{"a file", "/testbed/src/page.go", nil, page + "     1\tpackage pager\n     2\t\n     3\tfunc Last(n int) int {\n     4\t\treturn n\n     5\t}\n"},
		{"a part of it", "/testbed/src/page.go", []int{3, 4}, page + "     3\tfunc Last(n int) int {\n     4\t\treturn n\n"},
		{"one line", "/testbed/src/page.go", []int{5, 5}, page + "     5\t}\n"},
		{"a part to the end", "/testbed/src/page.go", []int{4, -1}, page + "     4\t\treturn n\n     5\t}\n"},
		{"a path that is not clean", "/testbed/./src/../src/page.go", []int{5, 5}, page + "     5\t}\n"},
		{"a file without a line break", "/testbed/src/a/b.txt", nil, "Here's the result of running `cat -n` on /testbed/src/a/b.txt:\n     1\tb\n"},
		{"an empty file", "/testbed/empty", nil, "The file /testbed/empty is empty.\n"},
		{"a folder", "/testbed", nil, "Here's the files and directories up to 2 levels deep in /testbed, excluding hidden items:\n" +
			"/testbed\n/testbed/README.md\n/testbed/empty\n/testbed/run.sh\n/testbed/src\n/testbed/src/a\n/testbed/src/page.go\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var pairs []any
			if tt.window != nil {
				pairs = []any{"view_range", tt.window}
			}
			o := editor(t, e, "view", tt.path, pairs...)
			require.Equal(t, tt.want, o.Text)
			require.False(t, o.Failed)
		})
	}
}

func TestEditorEdits(t *testing.T) {
	for _, tt := range []struct {
		name, before, command string
		pairs                 []any
		after                 string
	}{
		{"a replacement", "a\nb\nc\n", "str_replace", []any{"old_str", "b", "new_str", "x"}, "a\nx\nc\n"},
		{"a removal", "a\nb\nc\n", "str_replace", []any{"old_str", "b\n"}, "a\nc\n"},
		{"a removal with an empty text", "a\nb\nc\n", "str_replace", []any{"old_str", "b\n", "new_str", ""}, "a\nc\n"},
		{"several lines", "a\nb\nc\n", "str_replace", []any{"old_str", "a\nb", "new_str", "1\n2\n3"}, "1\n2\n3\nc\n"},
		{"the last line without a line break", "a\nb", "str_replace", []any{"old_str", "b", "new_str", "c"}, "a\nc"},
		{"everything", "a", "str_replace", []any{"old_str", "a", "new_str", ""}, ""},
		{"tabs and blanks", "\ta \n  a\n", "str_replace", []any{"old_str", "\ta \n", "new_str", "\t\ta\n"}, "\t\ta\n  a\n"},
		{"Windows line ends", "a\r\nb\r\n", "str_replace", []any{"old_str", "b\r\n", "new_str", "c\r\n"}, "a\r\nc\r\n"},
		{"text beyond ASCII", "größe ☃\n", "str_replace", []any{"old_str", "☃", "new_str", "\U0001f600"}, "größe \U0001f600\n"},
		{"a byte order mark stays", "\ufeffa\n", "str_replace", []any{"old_str", "a", "new_str", "b"}, "\ufeffb\n"},
		{"what looks like a pattern", "a.b\naxb\n", "str_replace", []any{"old_str", "a.b", "new_str", "$1\\1&"}, "$1\\1&\naxb\n"},
		{"an insertion at the top", "a\nb\n", "insert", []any{"insert_line", 0, "new_str", "x"}, "x\na\nb\n"},
		{"an insertion in the middle", "a\nb\n", "insert", []any{"insert_line", 1, "new_str", "x\ny"}, "a\nx\ny\nb\n"},
		{"an insertion at the end", "a\nb\n", "insert", []any{"insert_line", 2, "new_str", "x"}, "a\nb\nx\n"},
		{"an insertion after a last line without a line break", "a\nb", "insert", []any{"insert_line", 2, "new_str", "x"}, "a\nb\nx"},
		{"an insertion into an empty file", "", "insert", []any{"insert_line", 0, "new_str", "x"}, "x"},
		{"an insertion of an empty line", "a\nb\n", "insert", []any{"insert_line", 1, "new_str", ""}, "a\n\nb\n"},
		{"an insertion between Windows line ends", "a\r\nb\r\n", "insert", []any{"insert_line", 1, "new_str", "x\r"}, "a\r\nx\r\nb\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := openPager(t, env.Options{})
			const name = "/testbed/f.txt"
			write(t, e.Sandbox(), name, tt.before)
			sh(t, e.Sandbox(), "chmod 755 f.txt")

			o := editor(t, e, tt.command, name, tt.pairs...)
			require.False(t, o.Failed, o.Text)
			require.True(t, strings.HasPrefix(o.Text, "The file /testbed/f.txt has been edited. "), o.Text)
			require.Equal(t, tt.after, read(t, e.Sandbox(), name))
			require.Equal(t, "755", sh(t, e.Sandbox(), "stat -c %a f.txt"))

			o = editor(t, e, "undo_edit", name)
			require.False(t, o.Failed, o.Text)
			require.Equal(t, tt.before, read(t, e.Sandbox(), name))
		})
	}
}

func TestEditorShowsWhatItChanged(t *testing.T) {
	e := openPager(t, env.Options{})
	var b strings.Builder
	for i := range 30 {
		fmt.Fprintf(&b, "line %d\n", i+1)
	}
	write(t, e.Sandbox(), "/testbed/f", b.String())
	require.Equal(t, "The file /testbed/f has been edited. Here's the result of running `cat -n` on a snippet of /testbed/f:\n"+
		"     6\tline 6\n     7\tline 7\n     8\tline 8\n     9\tline 9\n    10\tten\n    11\tand more\n    12\tline 11\n    13\tline 12\n    14\tline 13\n    15\tline 14\n"+
		"Review the changes and make sure they are as expected (correct indentation, no duplicate lines, etc). Edit the file again if necessary.",
		editor(t, e, "str_replace", "/testbed/f", "old_str", "line 10\n", "new_str", "ten\nand more\n").Text)
	require.Contains(t, editor(t, e, "insert", "/testbed/f", "insert_line", 31, "new_str", "the end").Text,
		"    31\tline 30\n    32\tthe end\nReview")
	require.Contains(t, editor(t, e, "insert", "/testbed/f", "insert_line", 0, "new_str", "the top").Text,
		"/testbed/f:\n     1\tthe top\n     2\tline 1\n     3\tline 2\n     4\tline 3\n     5\tline 4\nReview")
}

func TestEditorUndoesInReverse(t *testing.T) {
	e := openPager(t, env.Options{})
	const name = "/testbed/dir/new.txt"
	o := editor(t, e, "create", name, "file_text", "one\n")
	require.Equal(t, "File created successfully at: /testbed/dir/new.txt", o.Text)
	require.False(t, editor(t, e, "str_replace", name, "old_str", "one", "new_str", "two").Failed)
	require.False(t, editor(t, e, "insert", name, "insert_line", 1, "new_str", "three").Failed)
	require.Equal(t, "two\nthree\n", read(t, e.Sandbox(), name))
	require.Contains(t, editor(t, e, "undo_edit", name).Text, "undone successfully. Here's the result of running `cat -n` on /testbed/dir/new.txt:\n     1\ttwo\n")
	require.Equal(t, "two\n", read(t, e.Sandbox(), name))
	require.False(t, editor(t, e, "undo_edit", name).Failed)
	require.Equal(t, "one\n", read(t, e.Sandbox(), name))
	require.Contains(t, editor(t, e, "undo_edit", name).Text, "the file is gone again")
	require.Equal(t, "gone", sh(t, e.Sandbox(), "[ -e "+name+" ] || echo gone"))
	o = editor(t, e, "undo_edit", name)
	require.True(t, o.Failed)
	require.Equal(t, "No edit history found for /testbed/dir/new.txt.", o.Text)
}

func TestEditorCreatesExactlyWhatItIsGiven(t *testing.T) {
	e := openPager(t, env.Options{})
	for i, content := range []string{"", "no line break", "\r\n", "ü\x00\n\n\n"} {
		name := fmt.Sprintf("/testbed/new%d", i)
		require.False(t, editor(t, e, "create", name, "file_text", content).Failed)
		require.Equal(t, content, read(t, e.Sandbox(), name))
	}
}

func TestEditorRefuses(t *testing.T) {
	e := openPager(t, env.Options{})
	sb := e.Sandbox()
	write(t, sb, "/testbed/twice", "x\ny\nx y\nx\n")
	write(t, sb, "/testbed/overlap", "aaa\n")
	write(t, sb, "/testbed/latin", "gr\xfcn\n")
	sh(t, sb, "echo locked > locked; chmod 444 locked; mkdir closed; echo x > closed/x; chmod 0 closed/x; truncate -s 100000000 large; mkfifo fifo")
	for _, tt := range []struct {
		name, command, path string
		pairs               []any
		says                string
	}{
		{"a relative path", "view", "src/page.go", nil, "The path src/page.go is not an absolute path, it should start with `/`. Maybe you meant /testbed/src/page.go?"},
		{"a file that is not there", "view", "/testbed/none", nil, "The path /testbed/none does not exist."},
		{"an edit of a file that is not there", "str_replace", "/testbed/none", []any{"old_str", "a", "new_str", "b"}, "The path /testbed/none does not exist."},
		{"an edit of a folder", "str_replace", "/testbed/src", []any{"old_str", "a", "new_str", "b"}, "/testbed/src is a directory"},
		{"a file that may not be read", "view", "/testbed/closed/x", nil, "cannot be read as a file"},
		{"a file that may not be written", "str_replace", "/testbed/locked", []any{"old_str", "l", "new_str", "b"}, "/testbed/locked cannot be written"},
		{"text that is not there", "str_replace", "/testbed/README.md", []any{"old_str", "Pager", "new_str", "x"}, "No replacement was performed, old_str `Pager` did not appear verbatim in /testbed/README.md."},
		{"text that is there more than once", "str_replace", "/testbed/twice", []any{"old_str", "x", "new_str", "z"}, "Multiple occurrences of old_str `x` in lines [1, 3, 4]. Please ensure it is unique."},
		{"text that overlaps with itself", "str_replace", "/testbed/overlap", []any{"old_str", "aa", "new_str", "b"}, "Multiple occurrences of old_str `aa` in lines [1, 1]"},
		{"empty text", "str_replace", "/testbed/README.md", []any{"old_str", "", "new_str", "b"}, "old_str is empty"},
		{"the same text", "str_replace", "/testbed/README.md", []any{"old_str", "a", "new_str", "a"}, "old_str is the same as new_str"},
		{"no old_str", "str_replace", "/testbed/README.md", nil, "The command str_replace needs the argument `old_str`."},
		{"no file_text", "create", "/testbed/new", nil, "The command create needs the argument `file_text`."},
		{"no insert_line", "insert", "/testbed/README.md", []any{"new_str", "x"}, "needs the argument `insert_line`"},
		{"no new_str", "insert", "/testbed/README.md", []any{"insert_line", 1}, "needs the argument `new_str`"},
		{"a line beyond the end", "insert", "/testbed/README.md", []any{"insert_line", 2, "new_str", "x"}, "Invalid `insert_line` parameter: 2. It should be within the range of lines of the file: [0, 1]."},
		{"a negative line", "insert", "/testbed/README.md", []any{"insert_line", -1, "new_str", "x"}, "Invalid `insert_line` parameter: -1."},
		{"an existing file", "create", "/testbed/README.md", []any{"file_text", "x"}, "File already exists at: /testbed/README.md."},
		{"an existing folder", "create", "/testbed/src", []any{"file_text", "x"}, "/testbed/src is a directory"},
		{"a file below a file", "create", "/testbed/README.md/x", []any{"file_text", "x"}, "/testbed/README.md/x"},
		{"a file that is not UTF-8", "str_replace", "/testbed/latin", []any{"old_str", "gr", "new_str", "b"}, "The file /testbed/latin is not UTF-8 text"},
		{"a file that is too large", "view", "/testbed/large", nil, "The file /testbed/large has 100000000 bytes, more than this tool takes on"},
		{"a device", "view", "/dev/zero", nil, "/dev/zero is neither a regular file nor a directory"},
		{"a FIFO", "view", "/testbed/fifo", nil, "/testbed/fifo is neither a regular file nor a directory"},
		{"an edit of a FIFO", "str_replace", "/testbed/fifo", []any{"old_str", "a", "new_str", "b"}, "/testbed/fifo is neither a regular file nor a directory"},
		{"a FIFO in the way of a new file", "create", "/testbed/fifo", []any{"file_text", "x"}, "File already exists at: /testbed/fifo."},
		{"a view of such a file", "view", "/testbed/latin", nil, "is not UTF-8 text"},
		{"a window on a folder", "view", "/testbed/src", []any{"view_range", []int{1, 2}}, "not allowed when `path` points to a directory"},
		{"a window of one number", "view", "/testbed/twice", []any{"view_range", []int{1}}, "It should be a list of two integers."},
		{"a window from 0", "view", "/testbed/twice", []any{"view_range", []int{0, 2}}, "Invalid `view_range`: [0, 2]. Its first element `0` should be within the range of lines of the file: [1, 4]."},
		{"a window beyond the end", "view", "/testbed/twice", []any{"view_range", []int{1, 5}}, "Its second element `5` should be smaller than the number of lines in the file: `4`."},
		{"a window backwards", "view", "/testbed/twice", []any{"view_range", []int{3, 2}}, "Its second element `2` should be larger or equal than its first `3`."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := sh(t, sb, "git status --porcelain --ignored; cat README.md twice overlap latin locked | sha256sum")
			o := editor(t, e, tt.command, tt.path, tt.pairs...)
			require.True(t, o.Failed, o.Text)
			require.Contains(t, o.Text, tt.says)
			require.Equal(t, before, sh(t, sb, "git status --porcelain --ignored; cat README.md twice overlap latin locked | sha256sum"))
		})
	}
}
