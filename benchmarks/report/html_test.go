package report_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/benchmarks"
	"github.com/apprentice-rl/apprentice/benchmarks/report"
	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
)

// A document is a page, parsed. The page is well-formed XML, so that a text
// that broke out of its place would be seen.
type document struct {
	source   string
	text     string
	elements map[string]int
	ids      map[string]int
	refs     []string // values of href, src and the like
}

func parse(t *testing.T, run report.Run) document {
	t.Helper()
	page, err := report.New(run).HTML()
	require.NoError(t, err)
	require.True(t, utf8.Valid(page))
	d := document{source: string(page), elements: map[string]int{}, ids: map[string]int{}}
	var text strings.Builder
	for dec := xml.NewDecoder(strings.NewReader(d.source)); ; {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			if token.Name.Local == "style" {
				require.NoError(t, dec.Skip())
			}
			d.elements[token.Name.Local]++
			for _, a := range token.Attr {
				switch name := a.Name.Local; name {
				case "id":
					d.ids[a.Value]++
				case "href", "src", "action", "srcset", "data":
					d.refs = append(d.refs, a.Value)
				default:
					require.False(t, strings.HasPrefix(name, "on"), "a handler %s", name)
				}
			}
		case xml.CharData:
			text.Write(token)
		}
	}
	d.text = strings.Join(strings.Fields(text.String()), " ")
	return d
}

// says requires that the page says something, without printing all of it.
func (d document) says(t *testing.T, want string) {
	t.Helper()
	require.True(t, strings.Contains(d.text, want) || strings.Contains(d.source, want), "the page does not say %q", want)
}

// silent requires that the page does not hold something.
func (d document) silent(t *testing.T, unwanted string) {
	t.Helper()
	require.False(t, strings.Contains(d.source, unwanted), "the page holds %q", unwanted)
}

func TestPageHoldsAllNumbers(t *testing.T) {
	d := parse(t, demo())
	for _, want := range []string{
		"The pipeline holds: the oracle resolved all 12 tasks",
		"12 of 12", "0 of 12", "100.0 %", "0.0 %", "75.8 – 100.0 %", "0.0 – 24.2 %", // rates
		"131", "local", "SWE-bench v4", "2026-11-09 16:04 UTC", "go1.26.8", "4 GiB", "not in force here", "opened on purpose",
		"the same action", "1.000", "−1.000", "0.890", // rewards
		"10 steps", "submitted", "synthetic", "the answer has no tool call",
		"python3 issue_snippet.py", "search for \\bpages\\b in files *.py", "submit the working tree as it is", "exit 1",
		"more characters",
	} {
		d.says(t, want)
	}
	for _, id := range taskIDs {
		d.says(t, id)
	}
	d.says(t, "2 of 7 tests failed")
	d.says(t, "test_fix_01 (tests.test_pages.PagesTest)")
	require.Equal(t, 1, d.elements["h1"])
	require.Equal(t, 1, d.elements["main"])
	d.says(t, `<span class="del"><i>-</i>        full, rest`)
	d.says(t, `<span class="add"><i>&#43;</i>        return`)
	d.says(t, `<span class="ctx"><i> </i>    def page(`)
}

func TestPageTellsTroubleFirst(t *testing.T) {
	d := parse(t, troubled())
	for _, want := range []string{
		"qwen3-8b, SRL epoch 2 resolved 5 of 10 tasks that could be scored.",
		"The pipeline does not hold: the oracle resolved 10 of 11 tasks that could be scored",
		"What should not be", "check failed", "patch does not apply", "tests timed out", "no prediction", "log not gradable",
		"the image has no program go", "the stream ended | <eof>", "infrastructure failure",
	} {
		d.says(t, want)
	}
	require.Less(t, strings.Index(d.text, "What should not be"), strings.Index(d.text, "Task by task"))
}

func TestPageReachesForNothing(t *testing.T) {
	for name, run := range map[string]report.Run{"demo": demo(), "troubled": troubled(), "nothing": {Name: "nothing"}} {
		t.Run(name, func(t *testing.T) {
			d := parse(t, run)
			for _, ref := range d.refs {
				require.True(t, strings.HasPrefix(ref, "#"), ref)
				require.Equal(t, 1, d.ids[ref[1:]], "one place is called %s", ref)
			}
			for id, n := range d.ids {
				require.Equal(t, 1, n, id)
			}
			for _, element := range []string{"script", "img", "link", "iframe", "object", "form"} {
				require.Zero(t, d.elements[element], element)
			}
			require.Empty(t, regexp.MustCompile(`(?i)https?:|url\(|@import|ZgotmplZ`).FindString(d.source))
		})
	}
}

const hostile = "</script><script>alert(1)</script><img src=x onerror=alert(1)></pre></details>\"' onmouseover='x' {{.Name}} ]]> <!-- </title></style> \x1b[31m \x00 \u202e \xff"

func TestHostileTextStaysText(t *testing.T) {
	run := demo()
	run.Name, run.Suite, run.Sandbox, run.Image = hostile, hostile, hostile, hostile
	run.Versions = map[string]string{hostile: hostile}
	for i := range run.Sets {
		s := &run.Sets[i]
		s.Name, s.Title, s.Note = hostile+s.Name, hostile, hostile
		s.Results[0].Task, s.Results[0].Detail = hostile, hostile
		s.Results[0].Grade.FailToPass.Failure = []string{hostile}
		s.Results[1].Verdict, s.Results[1].Detail = benchmarks.Skipped, hostile
		s.Results[2].Verdict, s.Results[2].Reason = benchmarks.Unresolved, benchmarks.Reason(hostile)
		s.Results[3].Verdict = benchmarks.Verdict(hostile)
	}
	run.Rewards.Trajectory, run.Rewards.Name, run.Rewards.Series[0].Name = hostile, hostile, hostile
	e := run.Trajectory
	e.Header.ID, e.Header.Policy.Name, e.Header.Policy.Model, e.Header.Task.ProblemStatement = hostile, hostile, hostile, hostile
	e.End.Status, e.End.Detail, e.End.Patch = trajectories.ExitStatus(hostile), hostile, "diff --git "+hostile+"\n@@ "+hostile+"\n+"+hostile
	for i := range e.Turns {
		e.Turns[i].Reasoning, e.Turns[i].Message, e.Turns[i].FormatError = hostile, hostile, hostile
	}
	for i := range e.Observations {
		e.Observations[i].Text = hostile + "\n" + hostile
	}
	quoted, err := json.Marshal(hostile)
	require.NoError(t, err)
	for i, arguments := range []string{
		`{"command":` + string(quoted) + `}`,
		`{"command":"create","path":` + string(quoted) + `,"file_text":` + string(quoted) + `}`,
		`{"command":"str_replace","path":"/x","old_str":` + string(quoted) + `,"new_str":"y"}`,
		`{"command":"insert","path":"/x","insert_line":3,"new_str":` + string(quoted) + `}`,
		`{"pattern":` + string(quoted) + `,"path":` + string(quoted) + `,"glob":` + string(quoted) + `}`,
		`{"` + hostile, // no JSON at all
	} {
		tool := []string{"bash", "str_replace_editor", "str_replace_editor", "str_replace_editor", "search", hostile}[i]
		e.Turns[i].Actions[0].Tool, e.Turns[i].Actions[0].Arguments = tool, json.RawMessage(arguments)
	}

	d := parse(t, run)
	clean := parse(t, demo())
	require.Zero(t, d.elements["script"])
	require.Zero(t, d.elements["img"])
	require.Zero(t, d.elements["title"]-d.elements["g"]+clean.elements["g"]-clean.elements["title"], "as many titles as before")
	require.GreaterOrEqual(t, strings.Count(d.text, "</script><script>alert(1)</script><img src=x onerror=alert(1)>"), 60)
	d.silent(t, "\x1b")
	d.silent(t, "\x00")
	d.silent(t, "\u202e")
	d.says(t, "\u241b[31m") // control characters are shown as pictures of themselves
	d.silent(t, "ZgotmplZ")
}

func TestLongTextsAreCut(t *testing.T) {
	run := demo()
	run.Trajectory.Observations[0].Text = strings.Repeat("x", 150) + "\n" + strings.Repeat("ü\n", 20000)
	run.Trajectory.Observations[1].Text = strings.Repeat("y", 5000)
	d := parse(t, run)
	d.says(t, "20001 lines")
	require.Less(t, strings.Count(d.text, "ü"), 4000)
	d.says(t, "36150 more characters in the record")
	d.says(t, "1000 more characters in the record")
	d.says(t, strings.Repeat("y", 160)+"…")
}

func TestEveryToolIsReadable(t *testing.T) {
	for _, tc := range []struct{ name, tool, arguments, want string }{
		{"a folder", "str_replace_editor", `{"command":"view","path":"/testbed"}`, "view /testbed"},
		{"lines of a file", "str_replace_editor", `{"command":"view","path":"/testbed/a.go","view_range":[3,9]}`, "view /testbed/a.go lines 3 to 9"},
		{"the end of a file", "str_replace_editor", `{"command":"view","path":"/testbed/a.go","view_range":[3,-1]}`, "view /testbed/a.go from line 3"},
		{"an insertion", "str_replace_editor", `{"command":"insert","path":"/testbed/a.go","insert_line":0,"new_str":"package a"}`, "insert into /testbed/a.go after line 0str_replace_editor +package a"},
		{"taking back", "str_replace_editor", `{"command":"undo_edit","path":"/testbed/a.go"}`, "undo the last edit of /testbed/a.go"},
		{"a deletion", "str_replace_editor", `{"command":"str_replace","path":"/a","old_str":"one\ntwo\nthree"}`, "edit /astr_replace_editor -one -two -three"},
		{"a search in a folder", "search", `{"pattern":"a+","path":"/testbed/x"}`, "search for a+ in /testbed/x"},
		{"an unknown command", "str_replace_editor", `{"command":"fly","path":"/a"}`, `callstr_replace_editor { "command": "fly", "path": "/a" }`},
		{"an unknown tool", "browser", `{"page":1}`, `callbrowser { "page": 1 }`},
		{"arguments of a wrong type", "bash", `{"command":7}`, `callbash { "command": 7 }`},
		{"no arguments", "submit", ``, "submit the working tree as it is"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			run := report.Run{Trajectory: &trajectories.Trajectory{Turns: []trajectories.Turn{{N: 1, Actions: []env.Action{
				{ID: "1", Tool: tc.tool, Arguments: json.RawMessage(tc.arguments)},
			}}}}}
			d := parse(t, run)
			d.says(t, tc.want)
			d.says(t, "nothing came back")
			d.says(t, "unfinished")
			require.Zero(t, strings.Count(d.text, "synthetic"))
		})
	}
}

func TestPlotLeavesGapsAndBearsOnePoint(t *testing.T) {
	run := report.Run{Rewards: &report.Rewards{Series: []report.Series{
		{Name: "gaps", Points: []report.Point{{Step: 5, Reward: 0}, {Step: 1, Reward: 1}, {Step: 2, Reward: -1}}},
		{Name: "none"},
	}}}
	d := parse(t, run)
	d.says(t, `points="0,0 25,100"`)
	d.says(t, `points="100,50"`)
	d.says(t, "step 2, gaps: −1.000")

	run.Rewards.Series = []report.Series{{Name: "one", Points: []report.Point{{Step: 3, Reward: 0.5}}}}
	parse(t, run).says(t, `x="50%" y="25%"`)
}
