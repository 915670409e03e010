package format_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/srl/format"
)

const (
	ls     = "<function=bash>\n<parameter=command>ls</parameter>\n</function>"
	cat    = "<function=bash>\n<parameter=command>cat a.py</parameter>\n</function>"
	writer = "<function=str_replace_editor>\n<parameter=command>create</parameter>\n<parameter=path>/testbed/t.py</parameter>\n" +
		"<parameter=file_text>\nTAGS = ['<think>', '</think>', '<function=bash>', '</function>']\n</parameter>\n</function>"
)

func TestReadAcceptsTheFormat(t *testing.T) {
	tests := []struct {
		name, output    string
		thought, action string
		calls           int
	}{
		{"as asked for", "<think>\nlook first\n</think>\n" + ls, "look first", ls, 1},
		{"no opening tag, which the prompt held", "look first\n</think>\n\n" + ls, "look first", ls, 1},
		{"an empty thought", "<think></think>" + ls, "", ls, 1},
		{"space everywhere", "\n <think> a </think> \r\n" + ls + "\n\n", "a", ls, 1},
		{"a thought that quotes a call", "<think>maybe " + cat + "?</think>" + ls, "maybe " + cat + "?", ls, 1},
		{"tags inside an argument", "<think>a</think>" + writer, "a", writer, 1},
		{"as many calls as the step has", "<think>a</think>" + ls + "\n" + cat, "a", ls + "\n" + cat, 2},
		{"fewer calls than the step has", "<think>a</think>" + ls, "a", ls, 2},
		{"an unknown tool", "<think>a</think><function=fly></function>", "a", "<function=fly></function>", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := format.Rules{Language: format.XML}.Read(tt.output, tt.calls)
			require.NoError(t, err)
			require.Equal(t, tt.thought, got.Thought)
			require.Equal(t, tt.action, got.Action)
			require.NotEmpty(t, got.Calls)
		})
	}
}

func TestReadNamesTheViolation(t *testing.T) {
	const jsonLS = `{"name":"bash","arguments":{"command":"ls"}}`
	tests := []struct {
		name     string
		language format.Language
		output   string
		want     format.Violation
	}{
		{"nothing", format.XML, "", format.NoThoughtEnd},
		{"no tags", format.XML, ls, format.NoThoughtEnd},
		{"thought that does not end", format.XML, "<think>hm " + ls, format.NoThoughtEnd},
		{"nested tags", format.XML, "<think>a<think>b</think>" + ls, format.ThinkTags},
		{"two thoughts", format.XML, "<think>a</think><think>b</think>" + ls, format.ThinkTags},
		{"two ends", format.XML, "<think>a</think></think>" + ls, format.ThinkTags},
		{"a thought between calls", format.XML, "<think>a</think>" + ls + "<think>b</think>" + ls, format.ThinkTags},
		{"a thought after the call", format.XML, "<think>a</think>" + ls + "<think>b</think>", format.ThinkTags},
		{"no action", format.XML, "<think>a</think>\n ", format.NoAction},
		{"no action after a lone end", format.XML, "a</think>", format.NoAction},
		{"prose instead of a call", format.XML, "<think>a</think>I would look at a.py.", format.NoCall},
		{"a call in another language", format.XML, "<think>a</think>" + jsonLS, format.NoCall},
		{"a bare command", format.Bash, "<think>a</think>ls", format.NoCall},
		{"a call that does not end", format.XML, "<think>a</think><function=bash>\n<parameter=command>ls</parameter>", format.BadCall},
		{"a parameter that does not end", format.XML, "<think>a</think><function=bash>\n<parameter=command>ls</function>", format.BadCall},
		{"a parameter twice", format.XML, "<think>a</think><function=bash><parameter=a>1</parameter><parameter=a>2</parameter></function>", format.BadCall},
		{"a function without a name", format.XML, "<think>a</think><function=></function>", format.BadCall},
		{"text between parameters", format.XML, "<think>a</think><function=bash>ls</function>", format.BadCall},
		{"broken JSON", format.JSON, `<think>a</think>{"name":"bash","arguments":{"command":"ls"}`, format.BadCall},
		{"arguments that are a list", format.JSON, `<think>a</think>{"name":"bash","arguments":["ls"]}`, format.BadCall},
		{"a member twice", format.JSON, `<think>a</think>{"name":"bash","arguments":{"a":1,"a":2}}`, format.BadCall},
		{"no name", format.JSON, `<think>a</think>{"arguments":{}}`, format.BadCall},
		{"a block that does not end", format.Bash, "<think>a</think>```bash\nls", format.BadCall},
		{"prose before the thought", format.XML, "Sure! <think>a</think>" + ls, format.Prose},
		{"prose before the call", format.XML, "<think>a</think>Now: " + ls, format.Prose},
		{"prose after the call", format.XML, "<think>a</think>" + ls + "\nThis lists the files.", format.Prose},
		{"prose between the calls", format.XML, "<think>a</think>" + ls + "then" + cat, format.Prose},
		{"prose after JSON", format.JSON, "<think>a</think>" + jsonLS + " done", format.Prose},
		{"prose after a block", format.Bash, "<think>a</think>```bash\nls\n```\ndone", format.Prose},
		{"two calls", format.XML, "<think>a</think>" + ls + cat, format.TooManyCalls},
		{"two JSON calls", format.JSON, "<think>a</think>" + jsonLS + jsonLS, format.TooManyCalls},
		{"two blocks", format.Bash, "<think>a</think>```bash\nls\n```\n```bash\nls\n```", format.TooManyCalls},
	}
	seen := map[format.Violation]bool{}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := format.Rules{Language: tt.language}.Read(tt.output, 1)
			require.ErrorIs(t, err, tt.want)
			require.ErrorAs(t, err, new(format.Violation))
		})
		seen[tt.want] = true
	}
	require.Len(t, seen, 7, "the closed list is tested whole")
}

func TestReadWithStrippedTags(t *testing.T) {
	const block, object = "```bash\nls\n```", `{"name": "bash", "arguments": {"command": "ls"}}`
	tests := []struct {
		name            string
		language        format.Language
		output          string
		thought, action string
	}{
		{"both tags gone", format.XML, "look first\n" + ls, "look first", ls},
		{"only the end gone", format.XML, "<think>look first\n" + ls, "look first", ls},
		{"none gone", format.XML, "<think>look\n</think>" + ls, "look", ls},
		{"no thought", format.XML, ls, "", ls},
		{"an end inside the action", format.XML, "a\n" + writer, "a", writer},
		{"json", format.JSON, "a {set} first\n" + object, "a {set} first", object},
		{"bash", format.Bash, "look first\n" + block, "look first", block},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := format.Rules{Language: tt.language, TagsStripped: true}.Read(tt.output, 1)
			require.NoError(t, err)
			require.Equal(t, tt.thought, got.Thought)
			require.Equal(t, tt.action, got.Action)
		})
	}

	_, err := format.Rules{Language: format.XML, TagsStripped: true}.Read("just prose", 1)
	require.ErrorIs(t, err, format.NoThoughtEnd)
}

func TestParseNeedsNoLanguage(t *testing.T) {
	thought, action, err := format.Parse("<think>a</think>\nStep 2: add 3")
	require.NoError(t, err)
	require.Equal(t, "a", thought)
	require.Equal(t, "Step 2: add 3", action)
}

func TestAnUnknownLanguageIsNoViolation(t *testing.T) {
	_, err := format.Rules{Language: "yaml"}.Read("<think>a</think>"+ls, 1)
	require.ErrorContains(t, err, `unknown action language "yaml"`)
	require.False(t, errors.As(err, new(format.Violation)))
}

func FuzzRead(f *testing.F) {
	for _, output := range []string{"<think>a</think>" + ls, "a</think>" + writer, "<think>a</think>```bash\nls\n```",
		`<think>a</think>{"name":"bash","arguments":"{\"command\":\"ls\"}"}`, "<think><think></think>", ls,
		"</think><function=\xff>\n<parameter=\xfe>\xfd</parameter></function>"} {
		f.Add(output, true)
		f.Add(output, false)
	}
	f.Fuzz(func(t *testing.T, output string, stripped bool) {
		for _, l := range []format.Language{format.XML, format.JSON, format.Bash} {
			got, err := format.Rules{Language: l, TagsStripped: stripped}.Read(output, 3)
			if err != nil {
				require.ErrorAs(t, err, new(format.Violation))
				continue
			}
			require.NotEmpty(t, got.Calls)
			require.LessOrEqual(t, len(got.Calls), 3)
			// What was read can be written, and reads the same again.
			text, err := l.Render(got.Calls...)
			require.NoError(t, err)
			again, err := l.Calls(text, nil)
			require.NoError(t, err)
			require.Equal(t, got.Calls, again)
		}
	})
}
