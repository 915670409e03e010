package format_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/srl/srltest"
)

func action(tool, arguments string) env.Action {
	return env.Action{Tool: tool, Arguments: json.RawMessage(arguments)}
}

// tools have parameters of several types.
func tools() []env.Tool {
	return []env.Tool{
		{Name: "bash", Parameters: json.RawMessage(`{"type":"object","properties":{"command":{"type":"string"}}}`)},
		{Name: "submit", Parameters: json.RawMessage(`{"type":"object","properties":{}}`)},
		{Name: "str_replace_editor", Parameters: json.RawMessage(`{"type":"object","properties":{
			"command":{"type":"string"},"path":{"type":"string"},"old_str":{"type":"string"},"new_str":{"type":"string"},
			"insert_line":{"type":"integer"},"view_range":{"type":"array"},"deep":{"type":"object"},"any":{}}}`)},
	}
}

func TestRender(t *testing.T) {
	bash := action("bash", `{"command": "grep -n 'a<b' x.py && echo \u003e"}`)
	edit := action("str_replace_editor", `{"command":"str_replace", "path":"/testbed/it's.py", "old_str":"a = 1\n", "new_str":"", "view_range": [1, -1]}`)
	tests := []struct {
		name     string
		language format.Language
		actions  []env.Action
		want     string
	}{
		{"xml command", format.XML, []env.Action{bash},
			"<function=bash>\n<parameter=command>grep -n 'a<b' x.py && echo ></parameter>\n</function>"},
		{"xml edit", format.XML, []env.Action{edit},
			"<function=str_replace_editor>\n<parameter=command>str_replace</parameter>\n<parameter=path>/testbed/it's.py</parameter>\n" +
				"<parameter=old_str>\na = 1\n\n</parameter>\n<parameter=new_str>\n\n</parameter>\n<parameter=view_range>[1,-1]</parameter>\n</function>"},
		{"xml without arguments", format.XML, []env.Action{action("submit", `{}`)}, "<function=submit>\n</function>"},
		{"xml, arguments never sent", format.XML, []env.Action{action("submit", ``)}, "<function=submit>\n</function>"},
		{"xml, two calls", format.XML, []env.Action{action("submit", `{}`), action("submit", `{}`)},
			"<function=submit>\n</function>\n<function=submit>\n</function>"},
		{"json keeps the order of the arguments", format.JSON, []env.Action{action("x", `{ "b": 1.50, "a": {"z": 1, "y": [true, null]} }`)},
			`{"name":"x","arguments":{"b":1.50,"a":{"z":1,"y":[true,null]}}}`},
		{"json without escapes for HTML", format.JSON, []env.Action{bash},
			`{"name":"bash","arguments":{"command":"grep -n 'a<b' x.py && echo >"}}`},
		{"bash command", format.Bash, []env.Action{bash}, "```bash\ngrep -n 'a<b' x.py && echo >\n```"},
		{"bash, another tool", format.Bash, []env.Action{edit},
			"```bash\nstr_replace_editor --command str_replace --path '/testbed/it'\\''s.py' --old_str 'a = 1\n' --new_str '' --view_range '[1,-1]'\n```"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.language.Render(tt.actions...)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestRenderSaysWhatALanguageCannotHold(t *testing.T) {
	tests := []struct {
		name     string
		language format.Language
		action   env.Action
		want     string
	}{
		{"the end of a parameter in xml", format.XML, action("bash", `{"command":"echo '</parameter>'"}`),
			"call of bash: the action language cannot hold the action: xml has no way to write </parameter> inside the value of command"},
		{"an odd name in xml", format.XML, action("bash", `{"a>b":"c"}`),
			`call of bash: the action language cannot hold the action: xml has no way to write the name "a>b"`},
		{"a fence in bash", format.Bash, action("bash", `{"command":"cat <<E\n`+"```"+`\nE"}`),
			"call of bash: the action language cannot hold the action: bash has no way to write a line that begins with ``` inside the block"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.language.Render(tt.action)
			require.ErrorIs(t, err, format.ErrCannotHold)
			require.EqualError(t, err, tt.want)
		})
	}

	for _, arguments := range []string{`[]`, `{"a":1`, `{"a":1} {}`, `{"a":1,"a":2}`, `nonsense`} {
		_, err := format.JSON.Render(action("bash", arguments))
		require.ErrorIs(t, err, format.ErrCannotHold, arguments)
		require.ErrorContains(t, err, "arguments of bash: ", arguments)
	}
}

func TestCallsReadsTypesFromTheSchemas(t *testing.T) {
	const text = "<function=str_replace_editor>\n<parameter=insert_line>12</parameter>\n<parameter=path>12</parameter>\n" +
		"<parameter=any>12</parameter>\n<parameter=view_range>\n[1, -1]\n</parameter></function>"
	got, err := format.XML.Calls(text, tools())
	require.NoError(t, err)
	require.Equal(t, []env.Action{action("str_replace_editor", `{"insert_line":12,"path":"12","any":"12","view_range":[1, -1]}`)}, got)

	got, err = format.XML.Calls(text, nil)
	require.NoError(t, err)
	require.Equal(t, []env.Action{action("str_replace_editor", `{"insert_line":"12","path":"12","any":"12","view_range":"[1, -1]"}`)}, got)

	_, err = format.XML.Calls("<function=str_replace_editor><parameter=insert_line>twelve</parameter></function>", tools())
	require.ErrorIs(t, err, format.BadCall)
}

func TestCallsReadsTheWireFormOfFunctionCalls(t *testing.T) {
	got, err := format.JSON.Calls(`{"name": "bash", "arguments": "{\"command\": \"ls\"}"}`, nil)
	require.NoError(t, err)
	require.Equal(t, []env.Action{action("bash", `{"command":"ls"}`)}, got)
}

func TestRoundTrip(t *testing.T) {
	for _, l := range []format.Language{format.XML, format.JSON} {
		t.Run(string(l), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				actions := rapid.SliceOfN(rapid.Custom(drawAction), 1, 3).Draw(t, "actions")
				text, err := l.Render(actions...)
				require.NoError(t, err)
				got, err := l.Calls(text, tools())
				require.NoError(t, err)
				require.Len(t, got, len(actions))
				for i, a := range actions {
					require.Equal(t, a.Tool, got[i].Tool)
					require.JSONEq(t, string(a.Arguments), string(got[i].Arguments))
				}
				again, err := l.Render(got...)
				require.NoError(t, err)
				require.Equal(t, text, again)
			})
		})
	}
}

// drawAction draws an action whose arguments suit the schemas of tools.
func drawAction(t *rapid.T) env.Action {
	piece := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"\n", "\r\n", "<function=bash>", "</function>", "<parameter=a>", "</think>", "```", `{"name":"x"}`, "true", "12", "\"", "<", "&"}))
	text := rapid.Map(rapid.SliceOfN(piece, 0, 4), func(pieces []string) string {
		return strings.ReplaceAll(strings.Join(pieces, ""), "</parameter>", "")
	})
	var arguments map[string]any
	tool := rapid.SampledFrom([]string{"bash", "submit", "str_replace_editor"}).Draw(t, "tool")
	switch tool {
	case "bash":
		arguments = map[string]any{"command": text.Draw(t, "command")}
	case "str_replace_editor":
		arguments = map[string]any{
			"command":     text.Draw(t, "command"),
			"old_str":     text.Draw(t, "old_str"),
			"new_str":     text.Draw(t, "new_str"),
			"any":         text.Draw(t, "any"),
			"insert_line": rapid.Int().Draw(t, "insert_line"),
			"view_range":  rapid.SliceOfN(rapid.Int(), 2, 2).Draw(t, "view_range"),
			"deep":        map[string]any{"a": nil, "b": rapid.Bool().Draw(t, "b")},
		}
	}
	raw, err := json.Marshal(arguments)
	require.NoError(t, err)
	if arguments == nil {
		raw = []byte("{}")
	}
	return env.Action{Tool: tool, Arguments: raw}
}

func TestBareHasNoWrapper(t *testing.T) {
	calls := []env.Action{
		action("bash", `{"command":"ls <a>"}`),
		action("str_replace_editor", `{"command":"view","view_range":[1, 20]}`),
		action("submit", `{}`),
	}
	got, err := format.Bare(calls)
	require.NoError(t, err)
	require.Equal(t, "bash\nls <a>\nstr_replace_editor\nview\n[1,20]\nsubmit", got)
}

func TestBareReadsValuesAsTheyAreWrittenBack(t *testing.T) {
	got, err := format.Bare([]env.Action{action("a", ` {"s": "\ud800\u00e9<\/\n", "l": [ 1.50, {"x": "<"} ], "n": null, "b": true, "o": {"x": 1, "x": 2}} `), action("b", ``)})
	require.NoError(t, err)
	require.Equal(t, "a\n\ufffdé</\n\n[1.50,{\"x\":\"<\"}]\nnull\ntrue\n{\"x\":1,\"x\":2}\nb", got)
	for _, arguments := range []string{`[]`, `{"a":1`, `{"a":1} {}`, `{"a":1,"a":2}`, `{"a":"x`, `nonsense`} {
		_, err := format.Bare([]env.Action{action("bash", arguments)})
		require.ErrorIs(t, err, format.ErrCannotHold, arguments)
		require.ErrorContains(t, err, "arguments of bash: ", arguments)
	}
}

func TestSWESmithsOwnCallsAreReadAndWrittenBack(t *testing.T) {
	for _, call := range srltest.Calls(t) {
		actions, err := format.XML.Calls(call.Text, nil)
		require.NoError(t, err, call.Text)
		require.Len(t, actions, 1)
		written, err := format.XML.Render(actions...)
		require.NoError(t, err)
		require.Equal(t, call.Text, written)
	}
}
