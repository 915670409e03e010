package document_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
	"github.com/apprentice-rl/apprentice/trajectories/document"
)

// file writes a file and returns its path.
func file(t *testing.T, contents []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.json")
	require.NoError(t, os.WriteFile(path, contents, 0o600))
	return path
}

// open opens text as a document. Warnings are gathered as strings.
func open(t *testing.T, text string, o document.Options) (*document.Document, *[]string) {
	t.Helper()
	var warnings []string
	o.Warn = func(w document.Warning) { warnings = append(warnings, w.String()) }
	d, err := document.New("x.json", strings.NewReader(text), int64(len(text)), o)
	require.NoError(t, err)
	return d, &warnings
}

// only returns the one document of a file.
func only(t *testing.T, d *document.Document) *document.Node {
	t.Helper()
	var found *document.Node
	for n, err := range d.Documents() {
		require.NoError(t, err)
		require.Nil(t, found)
		found = n
	}
	require.NotNil(t, found)
	return found
}

// value walks a node down to its scalars and makes of it what encoding/json
// would.
func value(n *document.Node) (any, error) {
	switch n.Kind() {
	case document.Object:
		object := map[string]any{}
		for _, k := range n.Keys() {
			m, ok := n.Get(k.Name)
			if !ok {
				return nil, fmt.Errorf("member %q is listed and not there", k.Name)
			}
			v, err := value(m)
			if err != nil {
				return nil, err
			}
			object[k.Name] = v
		}
		return object, nil
	case document.Array:
		array := []any{}
		for e, err := range n.Elements() {
			if err != nil {
				return nil, err
			}
			v, err := value(e)
			if err != nil {
				return nil, err
			}
			array = append(array, v)
		}
		return array, nil
	}
	if raw, err := n.Raw(); err == nil && !json.Valid(raw) {
		return nil, fmt.Errorf("%q is no JSON", raw)
	}
	var v any
	err := n.Decode(&v)
	return v, err
}

// values are the documents as JSON, and the first error.
func values(d *document.Document) ([]string, error) {
	var all []string
	for n, err := range d.Documents() {
		if err != nil {
			return all, err
		}
		v, err := value(n)
		if err != nil {
			return all, err
		}
		text, err := json.Marshal(v)
		if err != nil {
			return all, err
		}
		all = append(all, string(text))
	}
	return all, nil
}

func zipped(t testing.TB, text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func zstandard(t testing.TB, text string) []byte {
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b)
	require.NoError(t, err)
	_, err = w.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func twice(t testing.TB, text string) string {
	b, err := json.Marshal(text)
	require.NoError(t, err)
	return string(b)
}

func TestFilesOfManyShapes(t *testing.T) {
	const a, b = `{"a":[1,{"b":null}],"c":"é\n"}`, `[true]`
	const both = a + "\n" + b + "\n"
	const second = "the document was encoded twice: the string is read as JSON"
	tests := []struct {
		name     string
		file     []byte
		want     []string
		warnings int
	}{
		{"one document", []byte(a), []string{a}, 0},
		{"with white space", []byte(" \r\n" + strings.ReplaceAll(a, ",", "\n\t ,  ") + "\n\n"), []string{a}, 0},
		{"one a line", []byte(both), []string{a, b}, 0},
		{"one a line, with carriage returns and blank lines", []byte(a + "\r\n\r\n" + b + "\r\n"), []string{a, b}, 0},
		{"one right after the other", []byte(a + b + `"x"17` + a), []string{a, b, `"x"`, `17`, a}, 0},
		{"record separators", []byte("\x1e" + a + "\n\x1e" + b + "\n"), []string{a, b}, 0},
		{"byte order mark", []byte("\ufeff" + a), []string{a}, 0},
		{"files with marks put together", []byte("\ufeff" + a + "\n\ufeff" + b), []string{a, b}, 0},
		{"gzip", zipped(t, both), []string{a, b}, 0},
		{"gzip in parts", append(zipped(t, a), zipped(t, b)...), []string{a, b}, 0},
		{"gzip with a mark inside", zipped(t, "\ufeff"+both), []string{a, b}, 0},
		{"zstd", zstandard(t, both), []string{a, b}, 0},
		{"zstd in frames", append(zstandard(t, a), zstandard(t, b)...), []string{a, b}, 0},
		{"encoded twice", []byte(twice(t, both)), []string{a, b}, 1},
		{"each line encoded twice", []byte(twice(t, a) + "\n" + twice(t, b)), []string{a, b}, 2},
		{"encoded three times", []byte(twice(t, twice(t, a))), []string{twice(t, twice(t, a))}, 0},
		{"a string that is one", []byte(`"{ is a brace"`), nil, 1},
		{"a string without JSON", []byte(`"hello"`), []string{`"hello"`}, 0},
		{"scalars", []byte("1\n-2.5e3 true null"), []string{`1`, `-2500`, `true`, `null`}, 0},
		{"empty", nil, nil, 0},
		{"white space only", []byte(" \n\n"), nil, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var warnings []document.Warning
			spool := t.TempDir()
			d, err := document.Open(file(t, tt.file), document.Options{Spool: spool, Warn: func(w document.Warning) { warnings = append(warnings, w) }})
			require.NoError(t, err)
			defer func() { require.NoError(t, d.Close()) }()
			got, err := values(d)
			if tt.name == "a string that is one" {
				require.ErrorContains(t, err, "'i' where the name of a member was to come")
			} else {
				require.NoError(t, err)
			}
			require.Equal(t, tt.want, got)
			require.Len(t, warnings, tt.warnings)
			for _, w := range warnings {
				require.Equal(t, second, w.Text)
			}
			left, err := os.ReadDir(spool)
			require.NoError(t, err)
			require.Empty(t, left, "nothing is left, not even after a crash")
		})
	}
}

func TestWhatCannotBeOpened(t *testing.T) {
	utf16 := func(order string, text string) []byte {
		var b []byte
		for _, c := range []byte(text) {
			if order == "big" {
				b = append(b, 0, c)
			} else {
				b = append(b, c, 0)
			}
		}
		return b
	}
	tests := []struct {
		name string
		file []byte
		o    document.Options
		says string
	}{
		{"UTF-16 with a mark", append([]byte{0xff, 0xfe}, utf16("little", `{}`)...), document.Options{}, "UTF-16"},
		{"UTF-16, big end first, with a mark", append([]byte{0xfe, 0xff}, utf16("big", `{}`)...), document.Options{}, "UTF-16"},
		{"UTF-16 without a mark", utf16("little", `{"a":1}`), document.Options{}, "UTF-16"},
		{"UTF-16, big end first", utf16("big", `{"a":1}`), document.Options{}, "UTF-16"},
		{"UTF-16 in gzip", zipped(t, string(utf16("little", `{"a":1}`))), document.Options{}, "UTF-16"},
		{"gzip with a broken header", []byte{0x1f, 0x8b, 9, 9, 9, 9, 9, 9, 9, 9}, document.Options{Lenient: true}, "gzip"},
		{"gzip that is cut off", zipped(t, strings.Repeat(`{"a":1}`, 1000))[:40], document.Options{}, "cannot be uncompressed"},
		{"zstd that is cut off", zstandard(t, strings.Repeat(`{"a":1}`, 1000))[:20], document.Options{}, "cannot be uncompressed"},
		{"a bomb", zipped(t, strings.Repeat(" ", 1<<20)), document.Options{MaxText: 1 << 19}, "more than 524288 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := file(t, tt.file)
			_, err := document.Open(path, tt.o)
			var e *document.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, path, e.File)
			require.ErrorContains(t, err, tt.says)
		})
	}
	t.Run("a folder", func(t *testing.T) {
		_, err := document.Open(t.TempDir(), document.Options{})
		require.ErrorContains(t, err, "is a folder")
	})
	t.Run("nothing", func(t *testing.T) {
		_, err := document.Open(filepath.Join(t.TempDir(), "none"), document.Options{})
		require.ErrorIs(t, err, fs.ErrNotExist)
	})
	t.Run("no place to spool", func(t *testing.T) {
		_, err := document.Open(file(t, zipped(t, "{}")), document.Options{Spool: filepath.Join(t.TempDir(), "none")})
		require.ErrorIs(t, err, fs.ErrNotExist)
		var e *document.Error
		require.NotErrorAs(t, err, &e, "it is not the file's fault")
	})
}

func TestCompressedFilesThatAreCutOffGiveWhatIsThere(t *testing.T) {
	rows := strings.Repeat(`{"a":"`+strings.Repeat("x", 100)+`"}`+"\n", 1000)
	whole := zipped(t, rows)
	var warnings []string
	d, err := document.Open(file(t, whole[:len(whole)-9]), document.Options{Lenient: true, Warn: func(w document.Warning) { warnings = append(warnings, w.Text) }})
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	n := 0
	for _, err := range d.Documents() {
		require.NoError(t, err)
		n++
	}
	require.Greater(t, n, 900)
	require.Contains(t, warnings[0], "cannot be uncompressed: unexpected EOF")
}

func TestErrorsSayWhere(t *testing.T) {
	tests := []struct {
		name         string
		text         string
		offset       int64
		line, column int
		field        string
		says         string
	}{
		{"no JSON", "exit_status: submitted\n", 0, 1, 1, "", "'e' where a value was to come"},
		{"almost a word", "false: 1", 5, 1, 6, "", "':' where a value was to come"},
		{"a word that is none", "nope\n", 0, 1, 1, "", `"nope" is no JSON`},
		{"zeros", "\x00\x00\x00\x00", 0, 1, 1, "", `'\x00' where a value was to come`},
		{"binary", "\x80\x81", 0, 1, 1, "", "byte 0x80 where a value was to come"},
		{"not a number", "{\n\"a\": NaN}", 7, 2, 6, "/a", "'N' where a value was to come"},
		{"comma at the end", `{"a":[1,]}`, 8, 1, 9, "/a/1", "']' where a value was to come"},
		{"comma at the end of an object", `{"a":1,}`, 7, 1, 8, "/a", "'}' where the name of a member was to come"},
		{"no comma", "{\"a\":[1\n2]}", 8, 2, 1, "/a/0", `'2' where a comma or ']' was to come`},
		{"no comma in an object", `{"a":1 "b":2}`, 7, 1, 8, "/a", `'"' where a comma or '}' was to come`},
		{"no colon", `{"a" 1}`, 5, 1, 6, "/a", "'1' where a colon was to come"},
		{"no colon further in", `{"a":{"b" 1}}`, 10, 1, 11, "/a/b", "'1' where a colon was to come"},
		{"no name", `{1:2}`, 1, 1, 2, "", "'1' where the name of a member was to come"},
		{"brackets that do not fit", `{"a/b":[{"c":1]]}`, 14, 1, 15, "/a~1b/0/c", `']' where a comma or '}' was to come`},
		{"cut off in a string", `{"a":[0,1,{"b":"abc`, 19, 1, 20, "/a/2/b", "ends in the middle"},
		{"cut off after a comma", `{"a":[0,1,`, 10, 1, 11, "/a/2", "ends in the middle"},
		{"cut off after a name", `{"a":[0,{"b":`, 13, 1, 14, "/a/1/b", "ends in the middle"},
		{"a row that is cut off", "{\"a\":\"abc\n{\"a\":1}\n", 9, 1, 10, "/a", "a line break inside a string"},
		{"a line break after a backslash", "{\"a\":\"abc\\\n\"}", 10, 1, 11, "/a", "a line break inside a string"},
		{"two members of a name", `{"a":1,"a":2}`, 7, 1, 8, "/a", `a second member named "a"`},
		{"a name that is not UTF-8", "{\"a\":1,\"\xff\":2}", 7, 1, 8, "/a", "the name of a member: invalid UTF-8"},
		{"a name with a broken escape", `{"\x":2}`, 1, 1, 2, "", "the name of a member: invalid escape"},
		{"something after the document", "{}\n  ]", 5, 2, 3, "", "']' where a value was to come"},
		{"too deep", strings.Repeat("[", 10001), 10000, 1, 10001, strings.Repeat("/0", 100) + "…" + strings.Repeat("/0", 100), "nested more than 10000 deep"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, _ := open(t, tt.text, document.Options{})
			_, err := values(d)
			var e *document.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, document.Position{File: "x.json", Offset: tt.offset, Line: tt.line, Column: tt.column, Field: tt.field}, e.Position)
			require.ErrorContains(t, err, tt.says)
			require.ErrorContains(t, err, fmt.Sprintf("x.json:%d:%d", tt.line, tt.column))
		})
	}
}

func TestErrorsOfDecodingSayWhere(t *testing.T) {
	type step struct {
		N    int    `json:"n"`
		Text string `json:"text"`
	}
	tests := []struct {
		name, step string
		offset     int64
		field      string
		says       string
	}{
		{"another type", `{"n":"1"}`, 5, "/steps/1/n", "a JSON string does not fit here"},
		{"a number that is too large", `{"n":99999999999999999999}`, 5, "/steps/1/n", "out of range"},
		{"a number that is none", `{"n":1.}`, 7, "/steps/1/n", "invalid character"},
		{"a broken escape", `{"text":"ab\q"}`, 11, "/steps/1/text", "invalid escape"},
		{"half a surrogate", `{"text":"ab\ud800"}`, 11, "/steps/1/text", "surrogate"},
		{"not UTF-8", "{\"text\":\"ab\xff\"}", 11, "/steps/1/text", "invalid UTF-8"},
		{"a control character", "{\"text\":\"ab\x01\"}", 11, "/steps/1/text", "invalid character"},
		{"two members of a name", `{"n":1,"n":2}`, 7, "/steps/1/n", "duplicate"},
		{"another kind", `[]`, 0, "/steps/1", "a JSON array does not fit here"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := "{\n\"steps\":[{},"
			d, _ := open(t, before+tt.step+"]}", document.Options{})
			steps, ok := only(t, d).Get("steps")
			require.True(t, ok)
			var last error
			for e, err := range steps.Elements() {
				require.NoError(t, err)
				var s step
				last = e.Decode(&s)
			}
			var e *document.Error
			require.ErrorAs(t, last, &e)
			offset := int64(len(before)) + tt.offset
			require.Equal(t, document.Position{File: "x.json", Offset: offset, Line: 2, Column: int(offset) - 1, Field: tt.field}, e.Position)
			require.ErrorContains(t, last, tt.says)
		})
	}
}

func TestASecondTryBeginsAnew(t *testing.T) {
	d, _ := open(t, `{"list": [1, 2], "rest": 3, "twice": {"a": 4, "a": 5}}`, document.Options{Lenient: true})
	var v struct {
		List []int          `json:"list"`
		Rest jsontext.Value `json:",embed"`
	}
	require.NoError(t, only(t, d).Decode(&v))
	require.Equal(t, []int{1, 2}, v.List)
	require.JSONEq(t, `{"rest": 3, "twice": {"a": 5}}`, string(v.Rest))
}

func TestWhatLenientMends(t *testing.T) {
	const text = "{\"a\":\"caf\xe9 \\ud800\",\"b\":{\"x\":1,\"x\":2},\"b\":{\"y\":[1],\"y\":[2]},\"\xff\":true}"
	d, warnings := open(t, text, document.Options{Lenient: true})
	got, err := values(d)
	require.NoError(t, err)
	require.Equal(t, []string{`{"a":"caf` + "\uFFFD \uFFFD" + `","b":{"y":[2]},"` + "\uFFFD" + `":true}`}, got)
	require.Equal(t, []string{
		`x.json:1:38: a second member named "b": the last one counts`,
		`x.json:1:60: the name of a member is not UTF-8: what is not is read as U+FFFD`,
		`x.json:1:10: /a: invalid UTF-8: what is not UTF-8 is read as U+FFFD`,
		`x.json:1:51: /b: a second member named "y": the last one counts`,
	}, *warnings)

	d, _ = open(t, text, document.Options{})
	_, err = values(d)
	require.ErrorContains(t, err, `a second member named "b"`)
}

func TestRawValuesAreWellFormedAndAsTheyWere(t *testing.T) {
	d, warnings := open(t, "{\"good\": {\"n\": 1.0e5, \"s\": \"\\u00e9\"} ,\"bad\": [1.], \"bytes\": \"\xff\xff\", \"lone\":\"\\ud800\", \"zeros\":00}", document.Options{Lenient: true})
	n := only(t, d)
	raw := func(name string) (string, error) {
		m, ok := n.Get(name)
		require.True(t, ok)
		b, err := m.Raw()
		return string(b), err
	}
	got, err := raw("good")
	require.NoError(t, err)
	require.Equal(t, `{"n": 1.0e5, "s": "\u00e9"}`, got)
	_, err = raw("bad")
	require.ErrorContains(t, err, "x.json:1:49: /bad/0 (byte 48): invalid character")
	_, err = raw("zeros")
	require.ErrorContains(t, err, `x.json:1:93: /zeros (byte 92): something follows "0"`)
	got, err = raw("bytes")
	require.NoError(t, err)
	require.Equal(t, "\"\uFFFD\uFFFD\"", got)
	got, err = raw("lone")
	require.NoError(t, err)
	require.Equal(t, `"\ud800"`, got, "only a program that has to give it a meaning changes it")
	require.Len(t, *warnings, 2)
}

func TestBrokenNamesFurtherInAreTheErrorAfterTheDocument(t *testing.T) {
	d, _ := open(t, "{\"a\":{\"x\":1,\"x\":2}}\n{\"b\":1}", document.Options{})
	var got []string
	for n, err := range d.Documents() {
		if err != nil {
			got = append(got, err.Error())
			continue
		}
		got = append(got, fmt.Sprint(n.Keys()))
		if a, ok := n.Get("a"); ok {
			_, ok := a.Get("y")
			require.False(t, ok)
		}
	}
	require.Equal(t, []string{"[{a object}]", `x.json:1:13: /a (byte 12): a second member named "x"`, "[{b number}]"}, got)
}

func TestWhoGoesOnGetsTheRowsAfterABrokenOne(t *testing.T) {
	for _, lenient := range []bool{false, true} {
		for name, broken := range map[string]string{
			"cut off in a string":   `{"a":"b`,
			"cut off after a colon": `{"a":`,
			"cut off in a list":     `{"a":[1,`,
			"not JSON":              `Traceback (most recent call last):`,
			"too much":              `{}}`,
		} {
			t.Run(fmt.Sprintf("%s, lenient %v", name, lenient), func(t *testing.T) {
				d, _ := open(t, "{\"row\":1}\n"+broken+"\n{\"row\":3}\n{\"row\":4}\n", document.Options{Lenient: lenient})
				var rows []string
				var failures int
				for n, err := range d.Documents() {
					if err != nil {
						failures++
						continue
					}
					if raw, err := n.Raw(); err == nil && n.Size() > 2 {
						rows = append(rows, string(raw))
					}
				}
				require.Equal(t, []string{`{"row":1}`, `{"row":3}`, `{"row":4}`}, rows)
				require.Equal(t, 1, failures)
			})
		}
	}
}

func TestFilesThatAreNoJSONAreGivenUp(t *testing.T) {
	d, _ := open(t, strings.Repeat("{\"a\":\n", 3000), document.Options{Lenient: true})
	failures := 0
	for _, err := range d.Documents() {
		require.Error(t, err)
		failures++
	}
	require.Equal(t, 1000, failures)
}

const small = `{"first":[{"a":"x\"y","n":[1,2]},{"a":"é","n":[]}],"second":{"deep":{"list":[true,false]}},"last":"done"}`

// A file may be cut off anywhere. Without Lenient that is an error at the end
// of the text; with it, all that is whole is there, and nothing else.
func TestDocumentsCutAnywhere(t *testing.T) {
	whole, err := func() (any, error) {
		d, _ := open(t, small, document.Options{})
		return value(only(t, d))
	}()
	require.NoError(t, err)
	for cut := 1; cut < len(small); cut++ {
		d, _ := open(t, small[:cut], document.Options{})
		_, err := values(d)
		var e *document.Error
		require.ErrorAs(t, err, &e, "cut at %d", cut)
		require.Equal(t, int64(cut), e.Offset)

		d, warnings := open(t, small[:cut], document.Options{Lenient: true})
		n := only(t, d)
		require.Len(t, *warnings, 1, "cut at %d", cut)
		got, err := value(n)
		require.NoError(t, err, "cut at %d", cut)
		require.True(t, partOf(got, whole), "cut at %d: %v", cut, got)
		_, err = n.Raw()
		require.ErrorAs(t, err, &e)
		require.Equal(t, int64(cut), e.Offset)
	}
	// The last cut leaves out a brace alone.
	d, _ := open(t, small[:len(small)-1], document.Options{Lenient: true})
	got, err := value(only(t, d))
	require.NoError(t, err)
	require.Equal(t, whole, got)
	d, _ = open(t, `{"steps":[{"a":1},{"a":2},{"a":`, document.Options{Lenient: true})
	got, err = value(only(t, d))
	require.NoError(t, err)
	require.Equal(t, map[string]any{"steps": []any{map[string]any{"a": 1.0}, map[string]any{"a": 2.0}}}, got)
}

// partOf says whether what was read before a cut is the beginning of whole.
func partOf(part, whole any) bool {
	switch part := part.(type) {
	case map[string]any:
		whole, ok := whole.(map[string]any)
		for name, p := range part {
			w, there := whole[name]
			ok = ok && there && partOf(p, w)
		}
		return ok
	case []any:
		whole, ok := whole.([]any)
		if !ok || len(part) > len(whole) {
			return false
		}
		for i, p := range part {
			if i < len(part) && !partOf(p, whole[i]) {
				return false
			}
		}
		return true
	}
	return part == whole
}

func TestListsAreWalkedSideBySide(t *testing.T) {
	var text strings.Builder
	text.WriteString(`{"history":[`)
	for i := range 20000 {
		fmt.Fprintf(&text, `{"i":%d,"text":"%s"},`, i, strings.Repeat("h", i%300))
	}
	text.WriteString(`null],"trajectory":[`)
	for i := range 20000 {
		fmt.Fprintf(&text, `[%d],`, i)
	}
	text.WriteString(`null]}`)
	d, _ := open(t, text.String(), document.Options{})
	n := only(t, d)
	history, _ := n.Get("history")
	trajectory, _ := n.Get("trajectory")
	require.Greater(t, history.Size(), int64(2<<20), "too large to be held")
	next, stop := iter.Pull2(history.Elements())
	defer stop()
	i := 0
	for step, err := range trajectory.Elements() {
		require.NoError(t, err)
		message, err, ok := next()
		require.True(t, ok)
		require.NoError(t, err)
		if step.Kind() == document.Null {
			require.Equal(t, document.Null, message.Kind())
			continue
		}
		number, ok := message.Get("i")
		require.True(t, ok)
		var a int
		var b []int
		require.NoError(t, number.Decode(&a))
		require.NoError(t, step.Decode(&b))
		require.Equal(t, []int{i}, b)
		require.Equal(t, i, a)
		i++
	}
	require.Equal(t, 20000, i)
	_, _, ok := next()
	require.False(t, ok)
}

func TestNodesAreWhatTheyAre(t *testing.T) {
	d, _ := open(t, `{"o":{},"a":[],"s":"","n":-1,"t":true,"f":false,"z":null,"a/b~":[{"k":0}]}`, document.Options{})
	n := only(t, d)
	require.Equal(t, []document.Key{
		{"o", document.Object}, {"a", document.Array}, {"s", document.String}, {"n", document.Number},
		{"t", document.Boolean}, {"f", document.Boolean}, {"z", document.Null}, {"a/b~", document.Array},
	}, n.Keys())
	for _, k := range n.Keys() {
		m, ok := n.Get(k.Name)
		require.True(t, ok)
		_, err := m.String()
		require.Equal(t, k.Kind == document.String, err == nil)
		var elements error
		for _, elements = range m.Elements() {
		}
		require.Equal(t, k.Kind == document.Array, elements == nil, k.Name)
		if elements != nil {
			require.ErrorContains(t, elements, fmt.Sprintf("the value is no array but a JSON %s", k.Kind))
		}
	}
	_, ok := n.Get("o", "x")
	require.False(t, ok)
	_, ok = n.Get("s", "x")
	require.False(t, ok)
	list, _ := n.Get("a/b~")
	for e, err := range list.Elements() {
		require.NoError(t, err)
		k, ok := e.Get("k")
		require.True(t, ok)
		require.Equal(t, "/a~1b~0/0/k", k.Position().Field)
		require.Equal(t, "x.json:1:71: /a~1b~0/0/k", k.Position().String())
	}
	require.Nil(t, list.Keys())
}

func TestObjectsWithManyMembers(t *testing.T) {
	var text strings.Builder
	text.WriteString("{")
	for i := range 1000 {
		fmt.Fprintf(&text, `"k%d":%d,`, i, i)
	}
	text.WriteString(`"k5":-5}`)
	d, warnings := open(t, text.String(), document.Options{Lenient: true})
	n := only(t, d)
	for i := range 1000 {
		m, ok := n.Get(fmt.Sprintf("k%d", i))
		require.True(t, ok)
		var v int
		require.NoError(t, m.Decode(&v))
		if i == 5 {
			i = -5
		}
		require.Equal(t, i, v)
	}
	require.Len(t, *warnings, 1)

	d, _ = open(t, "{"+strings.Repeat(`"a":0,`, 1<<16)+`"b":0}`, document.Options{Lenient: true})
	_, err := values(d)
	require.ErrorContains(t, err, "more than 65536 members")
}

func TestLargeValuesAreNotDecoded(t *testing.T) {
	text := `{"big":"` + strings.Repeat("x", 2<<20) + `","list":[` + strings.Repeat(`"0123456789",`, 200000) + `1],"small":1}`
	d, _ := open(t, text, document.Options{MaxValue: 1 << 20})
	n := only(t, d)
	for _, name := range []string{"big", "list"} {
		m, ok := n.Get(name)
		require.True(t, ok)
		var v any
		err := m.Decode(&v)
		require.ErrorIs(t, err, document.ErrTooLarge)
		require.ErrorContains(t, err, "/"+name)
		_, err = m.Raw()
		require.ErrorIs(t, err, document.ErrTooLarge)
	}
	list, _ := n.Get("list")
	count := 0
	for e, err := range list.Elements() {
		require.NoError(t, err)
		require.LessOrEqual(t, e.Size(), int64(12))
		count++
	}
	require.Equal(t, 200001, count)
	m, ok := n.Get("small")
	require.True(t, ok)
	require.Equal(t, int64(1), m.Size())

	d, _ = open(t, `{"`+strings.Repeat("n", 1<<16)+`":1}`, document.Options{})
	_, err := values(d)
	require.ErrorContains(t, err, "the name of a member has more than 65536 bytes")
}

// Chunks end anywhere: inside escapes, surrogates, names, marks.
func TestChunksEndAnywhere(t *testing.T) {
	const chunk = 64 << 10
	inner := `{"name\"":"a\\","uni":"\ud83d\ude00\u00e9😀","list":["\\\\\"",1.5e-3,true,null],"o":{"k":{}}}`
	for shift := range len(inner) + 4 {
		pad := strings.Repeat(" ", chunk-shift)
		want, err := func() (string, error) {
			var v any
			if err := json.Unmarshal([]byte(inner), &v); err != nil {
				return "", err
			}
			b, err := json.Marshal(v)
			return string(b), err
		}()
		require.NoError(t, err)
		d, _ := open(t, pad+"\ufeff"+inner, document.Options{})
		got, err := values(d)
		require.NoError(t, err, "shift %d", shift)
		require.Equal(t, []string{want}, got, "shift %d", shift)

		// The same inside a large value, and as the text of a string that does
		// not fit into memory.
		large := `{"pad":"` + strings.Repeat("p", 2<<20-shift) + `","in":` + inner + `}`
		d, _ = open(t, large, document.Options{})
		in, ok := only(t, d).Get("in")
		require.True(t, ok)
		v, err := value(in)
		require.NoError(t, err)
		b, err := json.Marshal(v)
		require.NoError(t, err)
		require.Equal(t, want, string(b))

		text := twice(t, strings.Repeat(" ", chunk-2-shift)+inner)
		d, err = document.New("x.json", strings.NewReader(text), int64(len(text)), document.Options{MaxValue: 1000, Spool: t.TempDir()})
		require.NoError(t, err)
		got, err = values(d)
		require.NoError(t, err, "shift %d", shift)
		require.Equal(t, []string{want}, got, "shift %d", shift)
		require.NoError(t, d.Close())
	}
}

func TestUnwrap(t *testing.T) {
	text := `{"messages":"[{\"role\":\"user\",\"n\":}]","two":"1 2","none":"","no":"hello","yes":" {\"a\":[\"\\u00e9\"]}\n","number":1}`
	for _, most := range []int64{0, 1} { // from memory, and from a file
		d, _ := open(t, text, document.Options{MaxValue: most, Spool: t.TempDir()})
		n := only(t, d)
		unwrap := func(name string) (*document.Node, error) {
			m, ok := n.Get(name)
			require.True(t, ok)
			return m.Unwrap()
		}
		_, err := unwrap("messages")
		require.ErrorContains(t, err, "x.json:1:13: /messages/0/n (byte 12): '}' where a value was to come")
		_, err = unwrap("two")
		require.ErrorContains(t, err, "more than one JSON value")
		_, err = unwrap("none")
		require.ErrorContains(t, err, "holds no JSON value")
		_, err = unwrap("no")
		require.ErrorContains(t, err, "'h' where a value was to come")
		_, err = unwrap("number")
		require.ErrorContains(t, err, "the value is no string but a JSON number")
		yes, err := unwrap("yes")
		require.NoError(t, err)
		a, ok := yes.Get("a")
		require.True(t, ok)
		require.Equal(t, "/yes/a", a.Position().Field)
		require.Equal(t, document.Array, a.Kind())
		require.NoError(t, d.Close())
	}
}

// What is wrong around a string is an error of the document, and not of what
// the string holds.
func TestUnwrapLeavesFailuresOfTheDocumentAlone(t *testing.T) {
	d, _ := open(t, "{\"list\":[{\"a\x00\":1}],\"text\":\"{}\"}", document.Options{})
	var failures []error
	for n, err := range d.Documents() {
		if err != nil {
			failures = append(failures, err)
			continue
		}
		list, _ := n.Get("list")
		for e, err := range list.Elements() {
			require.NoError(t, err)
			e.Keys()
		}
		text, _ := n.Get("text")
		_, err := text.Unwrap()
		require.NoError(t, err)
	}
	require.Len(t, failures, 1)
	require.ErrorContains(t, failures[0], "/list/0")
}

// A disk is a file of which one part cannot be read.
type disk struct {
	*strings.Reader
	bad int64
}

var errDisk = errors.New("input/output error")

func (d disk) ReadAt(p []byte, off int64) (int, error) {
	if off <= d.bad && d.bad < off+int64(len(p)) {
		return 0, errDisk
	}
	return d.Reader.ReadAt(p, off)
}

func TestADiskThatFailsIsNotTheFilesFault(t *testing.T) {
	text := `{"a":"` + strings.Repeat("x", 3<<20) + `","b":[1,2,3]}`
	for _, bad := range []int64{70 << 10, 2 << 20, int64(len(text) - 3)} {
		d, err := document.New("x.json", disk{strings.NewReader(text), bad}, int64(len(text)), document.Options{Lenient: true})
		require.NoError(t, err)
		_, err = values(d)
		require.ErrorIs(t, err, errDisk)
		var e *document.Error
		require.NotErrorAs(t, err, &e)
	}
	d, err := document.New("x.json", strings.NewReader(text), int64(len(text)+5), document.Options{Lenient: true})
	require.NoError(t, err)
	_, err = values(d)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "the file has become shorter")
}

// A list makes one line of JSON of any length.
type list struct {
	elements int
	rest     []byte
	begun    bool
}

func (l *list) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		switch {
		case !l.begun:
			l.rest, l.begun = []byte(`{"trajectory":[`), true
		case l.elements > 0:
			l.elements--
			l.rest = fmt.Appendf(nil, `{"action":"ls","observation":"%s"},`, strings.Repeat(`a line of output, \u00e9 and \"quotes\"\n`, 200))
		case l.elements == 0:
			l.elements--
			l.rest = []byte(`null],"info":{"exit_status":"submitted"}}`)
		default:
			return 0, io.EOF
		}
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

func TestALineOf200MegabytesTakesLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 200 MB")
	}
	const elements = 25500
	path := filepath.Join(t.TempDir(), "x.json")
	f, err := os.Create(path)
	require.NoError(t, err)
	size, err := io.Copy(f, &list{elements: elements})
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.Greater(t, size, int64(200_000_000))

	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	d, err := document.Open(path, document.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	n := only(t, d)
	status, ok := n.Get("info", "exit_status")
	require.True(t, ok)
	text, err := status.String()
	require.NoError(t, err)
	require.Equal(t, "submitted", text)
	trajectory, _ := n.Get("trajectory")
	count := 0
	for e, err := range trajectory.Elements() {
		require.NoError(t, err)
		if e.Kind() == document.Null {
			continue
		}
		observation, ok := e.Get("observation")
		require.True(t, ok)
		text, err := observation.String()
		require.NoError(t, err)
		require.Len(t, text, 200*len("a line of output, é and \"quotes\"\n"))
		count++
	}
	runtime.ReadMemStats(&after)
	require.Equal(t, elements, count)
	// What the heap takes from the system never shrinks, so it is the peak.
	require.Less(t, after.HeapSys, before.HeapSys+32<<20)
}

// Every file that encoding/json can read is walked to the same values.
func TestRealFilesAreWalkedAsEncodingJSONReadsThem(t *testing.T) {
	data := os.Getenv("APPRENTICE_TESTDATA")
	if data == "" {
		sandboxtest.Missing(t, "testdata", "APPRENTICE_TESTDATA names no folder with trajectories")
	}
	files := 0
	err := filepath.WalkDir(filepath.Join(data, "trajectories"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		switch filepath.Ext(path) {
		case ".json", ".jsonl", ".traj":
		default:
			return nil
		}
		files++
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		decoder := json.NewDecoder(bytes.NewReader(raw))
		d, err := document.Open(path, document.Options{})
		require.NoError(t, err)
		defer func() { require.NoError(t, d.Close()) }()
		for n, err := range d.Documents() {
			require.NoError(t, err, path)
			var want any
			require.NoError(t, decoder.Decode(&want), path)
			got, err := value(n)
			require.NoError(t, err, path)
			require.Equal(t, want, got, path)
		}
		require.ErrorIs(t, decoder.Decode(new(any)), io.EOF, path)
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, files, 50)
}
