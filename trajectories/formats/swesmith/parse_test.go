package swesmith

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/formatstest"
)

func imported(t *testing.T, content string) (formats.Report, []*trajectories.Trajectory) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rows.jsonl")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	report, all, err := suite().Import(t, path, false)
	require.NoError(t, err)
	return report, all
}

func TestParse(t *testing.T) {
	tests := []struct {
		name, text string
		style      style
		want       answer
	}{
		{"a call", "T\n\n<function=bash>\n<parameter=command>ls</parameter>\n</function>", xml,
			answer{thought: "T", calls: []call{{"bash", []value{{"command", "ls"}}}}}},
		{"no call", "T", xml, answer{thought: "T"}},
		{"the end of a value is told by what follows", "<function=f>\n<parameter=a>x </parameter> y</parameter>\n<parameter=b>z</parameter>\n</function>", xml,
			answer{calls: []call{{"f", []value{{"a", "x </parameter> y"}, {"b", "z"}}}}}},
		{"a value that holds the end of a call", "<function=f>\n<parameter=a>x</function>y</parameter>\n</function>", xml,
			answer{calls: []call{{"f", []value{{"a", "x</function>y"}}}}}},
		{"a stop word", "<function=f>\n<parameter=a>x</parameter>\n", xml, answer{calls: []call{{"f", []value{{"a", "x"}}}}}},
		{"a text about calls", "Use <function=f> now", xml, answer{thought: "Use <function=f> now", broken: true}},
		{"a text about calls, then one", "Use <function=f>!\n\n<function=g>\n</function>", xml, answer{thought: "Use <function=f>!", calls: []call{{tool: "g"}}}},
		{"no end of the value", "<function=f>\n<parameter=a>x", xml, answer{thought: "<function=f>\n<parameter=a>x", broken: true}},
		{"a command", "T\n\n```\nls\n```", ticks, answer{thought: "T", calls: []call{{"bash", []value{{"command", "ls"}}}}}},
		{"the last block", "A\n```go\nx\n```\nT\n\n```\nls\n```", ticks, answer{thought: "A\n```go\nx\n```\nT", calls: []call{{"bash", []value{{"command", "ls"}}}}}},
		{"an empty block", "```\n```", ticks, answer{calls: []call{{"bash", []value{{"command", ""}}}}}},
		{"no end of the block", "```\nls", ticks, answer{thought: "```\nls", broken: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, parse(tt.text, tt.style))
		})
	}
}

func TestTextsThatAreAllBeginningsEnd(t *testing.T) {
	text := strings.Repeat("<function=a>\n<parameter=b>x</parameter>?", 1<<17)
	require.True(t, parse(text, xml).broken)
}

func TestValuesHaveTheTypeOfTheirParameter(t *testing.T) {
	_, all := imported(t, sampleXML)
	require.Equal(t, `{"command":"view","path":"/a","view_range":[1,20]}`, string(all[0].Turns[0].Actions[0].Arguments))
	require.Equal(t, `{"command":"str_replace","path":"/a","old_str":"a </parameter> b","new_str":""}`, string(all[0].Turns[1].Actions[0].Arguments))
}

func TestATextThatCannotBeWrittenAgainIsKept(t *testing.T) {
	_, all := imported(t, sampleXML)
	want := []bool{false, false, false, true, true}
	for i, turn := range all[0].Turns {
		require.Equal(t, want[i], turn.Origin != nil, "turn %d", i+1)
	}
	require.Contains(t, *all[0].Turns[3].Origin.Text, "That is all.")
}

func TestCountsEqualThoseOfTheRow(t *testing.T) {
	report, all := imported(t, sampleXML)
	want := count(formatstest.Decode(t, []byte(sampleXML))[0])
	require.Equal(t, want.Actions+1, report.Actions, "the last call has no line break, so the counter does not see it")
	require.Equal(t, 4, report.Observations)
	require.Equal(t, 1, report.Unaddressed, "what follows an answer without a call")
	require.Equal(t, "the call cannot be read", all[0].Turns[2].FormatError)
	require.Equal(t, trajectories.ExitSubmitted, all[0].End.Status)
	require.Equal(t, "diff --git a/x b/x\n", all[0].End.Patch)
	require.Equal(t, "Mend this.", all[0].Header.Task.ProblemStatement)
	require.Equal(t, "OBSERVATION:\nline\r\n", all[0].Observations[0].Text, "the policy saw the prefix, too")
}

func TestTheStyleIsSeen(t *testing.T) {
	for sample, want := range map[string]string{sampleXML: "xml", sampleTicks: "ticks", sampleText: "xml"} {
		report, all := imported(t, sample)
		require.Equal(t, want, report.Version)
		require.Equal(t, want, all[0].Header.Source.Version)
	}
}

func TestTalkAboutCodeIsNoTrajectoryOfTicks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello."}]}`), 0o600))
	_, _, err := suite().Import(t, path, false)
	var refused *formats.RefusedError
	require.ErrorAs(t, err, &refused)
}
