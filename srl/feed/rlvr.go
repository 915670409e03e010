package feed

import (
	"encoding/json"
	"fmt"
	"iter"

	"github.com/apprentice-rl/apprentice/agent"
	"github.com/apprentice-rl/apprentice/env"
)

// A Task is a task with the first messages of its episodes.
type Task struct {
	env.Task
	Suite    string
	Messages []message
}

// Tasks returns the tasks of a suite with the messages that policies get which have
// these tools.
func Tasks(suite string, all []env.Task, tools []env.Tool) iter.Seq2[Task, error] {
	return func(yield func(Task, error) bool) {
		for _, t := range all {
			system, prompt, err := agent.Messages(t, tools)
			if err != nil {
				err = fmt.Errorf("task %s: %w", t.ID, err)
			}
			if !yield(Task{t, suite, []message{{"system", system}, {"user", prompt}}}, err) {
				return
			}
		}
	}
}

func tasks(s Source) iter.Seq2[Task, error] { return s.Tasks }

// A truth is what finds a task's tests, as text. The tests themselves and the gold
// patch are in no row: whatever a trainer does with a row, it cannot show them to
// its model.
type truth struct {
	Task       string `json:"task_id"`
	Suite      string `json:"suite"`
	Repo       string `json:"repo"`
	BaseCommit string `json:"base_commit"`
	Image      string `json:"image,omitempty"`
}

func truthOf(t Task) (string, error) {
	b, err := json.Marshal(truth{t.ID, t.Suite, t.Repo, t.BaseCommit, t.Image})
	return string(b), err
}

type plainTask struct {
	Prompt     []message `json:"prompt" parquet:"prompt,list"`
	Label      string    `json:"label" parquet:"label"`
	DataSource string    `json:"data_source" parquet:"data_source"`
	Task       string    `json:"task_id" parquet:"task_id"`
	Repo       string    `json:"repo" parquet:"repo"`
}

func plainTaskOf(t Task, _ int, _ string) (plainTask, error) {
	label, err := truthOf(t)
	return plainTask{t.Messages, label, dataSource + "rlvr", t.ID, t.Repo}, err
}

type openRLHFTask struct {
	Input      []message `json:"input" parquet:"input,list"`
	Label      string    `json:"label" parquet:"label"`
	DataSource string    `json:"datasource" parquet:"datasource"`
	Task       string    `json:"task_id" parquet:"task_id"`
}

func openRLHFTaskOf(t Task, _ int, _ string) (openRLHFTask, error) {
	label, err := truthOf(t)
	return openRLHFTask{t.Messages, label, dataSource + "rlvr", t.ID}, err
}

type verlTask struct {
	DataSource  string        `json:"data_source" parquet:"data_source"`
	Prompt      []message     `json:"prompt" parquet:"prompt,list"`
	Ability     string        `json:"ability" parquet:"ability"`
	RewardModel verlTruth     `json:"reward_model" parquet:"reward_model"`
	ExtraInfo   verlTaskExtra `json:"extra_info" parquet:"extra_info"`
}

type verlTaskExtra struct {
	Index int64  `json:"index" parquet:"index"`
	Split string `json:"split" parquet:"split"`
	Task  string `json:"task_id" parquet:"task_id"`
}

func verlTaskOf(t Task, n int, part string) (verlTask, error) {
	label, err := truthOf(t)
	return verlTask{
		DataSource: dataSource + "rlvr", Prompt: t.Messages, Ability: "software engineering",
		RewardModel: verlTruth{"rule", label},
		ExtraInfo:   verlTaskExtra{int64(n), part, t.ID},
	}, err
}

type slimeTask struct {
	Prompt   []message     `json:"prompt"`
	Label    string        `json:"label"`
	Metadata slimeTaskInfo `json:"metadata"`
}

type slimeTaskInfo struct {
	Task string `json:"task_id"`
	Repo string `json:"repo"`
}

func slimeTaskOf(t Task, _ int, _ string) (slimeTask, error) {
	label, err := truthOf(t)
	return slimeTask{t.Messages, label, slimeTaskInfo{t.ID, t.Repo}}, err
}

type nemoTask struct {
	UUID     string     `json:"uuid"`
	AgentRef nemoRef    `json:"agent_ref"`
	Params   nemoParams `json:"responses_create_params"`
	Label    string     `json:"label"`
	Task     string     `json:"task_id"`
}

func nemoTaskOf(t Task, _ int, _ string) (nemoTask, error) {
	label, err := truthOf(t)
	return nemoTask{t.ID, nemoAgent(), nemoInputs(t.Messages), label, t.ID}, err
}
