package swesmith

import (
	"regexp"
	"testing"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats/formatstest"
)

func suite() formatstest.Suite {
	return formatstest.Suite{
		Format:  Format(),
		Files:   func(path string) bool { return path == "swe-smith/ft_xml_example.jsonl" },
		Want:    1,
		Count:   count,
		Measure: measure,
		// There is no published file in the style of ticks.
		Samples: map[string]string{"xml": sampleXML, "ticks": sampleTicks, "messages in a text": sampleText},
	}
}

func TestImporter(t *testing.T) { formatstest.Run(t, suite()) }

func FuzzImport(f *testing.F) { formatstest.Fuzz(f, suite()) }

var block = regexp.MustCompile(`(?s)<function=[^>]+>\n.*?</function>`)

func count(document any) formatstest.Tally {
	all := formatstest.Tally{Trajectories: 1}
	before := ""
	for _, m := range document.(map[string]any)["messages"].([]any) {
		message := m.(map[string]any)
		content := message["content"].(string)
		role := message["role"].(string)
		if role == "assistant" {
			for _, b := range block.FindAllString(content, -1) {
				all.Actions++
				all.ActionBytes += len(b)
			}
		}
		if role == "user" && before == "assistant" {
			all.Observations++
			all.ObservationBytes += len(content)
		}
		before = role
	}
	return all
}

// measure counts the calls in the texts that turns are written as.
func measure(t *trajectories.Trajectory) (actions, observations int) {
	for i := range t.Turns {
		text := source(&t.Turns[i], style(t.Header.Source.Version))
		for _, b := range block.FindAllString(text, -1) {
			actions += len(b)
		}
	}
	for _, o := range t.Observations {
		observations += len(o.Text)
	}
	return actions, observations
}

const sampleXML = `{"messages": [
	{"role": "system", "content": "You are helpful."},
	{"role": "user", "content": "<pr_description>\nMend this.\n</pr_description>"},
	{"role": "assistant", "content": "I look.\n\n<function=str_replace_editor>\n<parameter=command>view</parameter>\n<parameter=path>/a</parameter>\n<parameter=view_range>[1, 20]</parameter>\n</function>"},
	{"role": "user", "content": "OBSERVATION:\nline\r\n"},
	{"role": "assistant", "content": "\n\n<function=str_replace_editor>\n<parameter=command>str_replace</parameter>\n<parameter=path>/a</parameter>\n<parameter=old_str>\na </parameter> b\n</parameter>\n<parameter=new_str>\n\n</parameter>\n</function>"},
	{"role": "user", "content": "Edited."},
	{"role": "assistant", "content": "I do not know. <function=bash>?"},
	{"role": "user", "content": "Your answer holds no call."},
	{"role": "assistant", "content": "Two:\n\n<function=bash>\n<parameter=command>ls</parameter>\n</function>\n<function=submit>\n</function> That is all."},
	{"role": "user", "content": "x"}, {"role": "user", "content": "Submitted."},
	{"role": "user", "content": "Good."},
	{"role": "assistant", "content": "<function=submit></function>"}
	], "instance_id": "a__b.1", "resolved": true, "patch": "diff --git a/x b/x\n"}`

const sampleTicks = "{\"messages\": [" +
	`{"role": "system", "content": "You are helpful."}, {"role": "user", "content": "Mend this."},` +
	"{\"role\": \"assistant\", \"content\": \"I look.\\n\\n```\\nls -a\\n```\"}," +
	`{"role": "user", "content": "OBSERVATION:\nx."},` +
	"{\"role\": \"assistant\", \"content\": \"As in\\n```go\\nx\\n```\\nI do\\n```bash\\ncat <<E\\ny\\nE\\n```\\nand wait.\"}," +
	`{"role": "user", "content": "OBSERVATION:\ny."}, {"role": "assistant", "content": "Done."}` +
	"], \"instance_id\": \"a__b.2\"}"

const sampleText = `{"messages": "[{\"role\": \"user\", \"content\": \"Mend this.\"}, {\"role\": \"assistant\", \"content\": \"\\n\\n<function=bash>\\n<parameter=command>ls</parameter>\\n</function>\"}, {\"role\": \"user\", \"content\": \"x\"}]", "instance_id": "a__b.3", "note": "All of it."}`
