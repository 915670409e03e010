package feed

import (
	"fmt"
	"iter"

	"github.com/apprentice-rl/apprentice/srl"
)

// dataSource is where rows say that they come from; trainers choose rewards and
// split their statistics by it.
const dataSource = "apprentice/"

func examples(s Source) iter.Seq2[srl.Example, error] { return s.Examples }

// A message is a message of a chat, as all trainers have it.
type message struct {
	Role    string `json:"role" parquet:"role"`
	Content string `json:"content" parquet:"content"`
}

func messages(from []srl.Message) []message {
	to := make([]message, len(from))
	for i, m := range from {
		to[i] = message(m)
	}
	return to
}

// ids are what leads from a row back to the example, its trajectory and its step.
type ids struct {
	ID         string `json:"example_id" parquet:"example_id"`
	Task       string `json:"task_id" parquet:"task_id"`
	Trajectory string `json:"trajectory_id" parquet:"trajectory_id"`
	Step       int64  `json:"step" parquet:"step"`
	Steps      int64  `json:"steps" parquet:"steps"`
}

func idsOf(e srl.Example) ids {
	return ids{e.ID, e.Task, e.Trajectory, int64(e.Step), int64(e.Steps)}
}

func labelOf(e srl.Example) (string, error) {
	text, err := e.Label().Text()
	if err != nil {
		return "", fmt.Errorf("the label of example %s: %w", e.ID, err)
	}
	return text, nil
}

// A plainRow is a row of a trainer that hands all columns, or a chosen one, to the
// reward. Its names are none that TRL or ms-swift keep for themselves: a column
// called solution, for one, would become the response.
type plainRow struct {
	Prompt       []message `json:"prompt" parquet:"prompt,list"`
	Label        string    `json:"label" parquet:"label"`
	ExpertAction string    `json:"expert_action" parquet:"expert_action"`
	DataSource   string    `json:"data_source" parquet:"data_source"`
	ids
}

func plain(e srl.Example, _ int, _ string) (plainRow, error) {
	label, err := labelOf(e)
	return plainRow{Prompt: messages(e.Messages), Label: label, ExpertAction: e.Action, DataSource: dataSource + "srl", ids: idsOf(e)}, err
}

// openRLHFRow has the trainer's default names. It knows a row's source as
// datasource.
type openRLHFRow struct {
	Input      []message `json:"input" parquet:"input,list"`
	Label      string    `json:"label" parquet:"label"`
	DataSource string    `json:"datasource" parquet:"datasource"`
	ids
}

func openRLHF(e srl.Example, _ int, _ string) (openRLHFRow, error) {
	label, err := labelOf(e)
	return openRLHFRow{Input: messages(e.Messages), Label: label, DataSource: dataSource + "srl", ids: idsOf(e)}, err
}

// slimeRow has the parts that the reward does not get in metadata.
type slimeRow struct {
	Prompt   []message `json:"prompt"`
	Label    string    `json:"label"`
	Metadata ids       `json:"metadata"`
}

func slime(e srl.Example, _ int, _ string) (slimeRow, error) {
	label, err := labelOf(e)
	return slimeRow{messages(e.Messages), label, idsOf(e)}, err
}

// A verlRow is verl's row. Of extra_info the reward hook gets all, of the rest
// only data_source and the ground truth.
type verlRow struct {
	DataSource  string    `json:"data_source" parquet:"data_source"`
	Prompt      []message `json:"prompt" parquet:"prompt,list"`
	Ability     string    `json:"ability" parquet:"ability"`
	RewardModel verlTruth `json:"reward_model" parquet:"reward_model"`
	ExtraInfo   verlExtra `json:"extra_info" parquet:"extra_info"`
}

type verlTruth struct {
	Style       string `json:"style" parquet:"style"`
	GroundTruth string `json:"ground_truth" parquet:"ground_truth"`
}

type verlExtra struct {
	Index int64  `json:"index" parquet:"index"`
	Split string `json:"split" parquet:"split"`
	ids
	ExpertAction string `json:"expert_action" parquet:"expert_action"`
}

func verl(e srl.Example, n int, part string) (verlRow, error) {
	label, err := labelOf(e)
	return verlRow{
		DataSource: dataSource + "srl", Prompt: messages(e.Messages), Ability: "software engineering",
		RewardModel: verlTruth{"rule", label},
		ExtraInfo:   verlExtra{int64(n), part, idsOf(e), e.Action},
	}, err
}

// A nemoRow is a row of NeMo Gym. The parameters are those of the Responses API.
// ExpectedAction is what its own server swe_pivot compares, which knows one call
// for a step, the first of several; Label is what /verify of ours reads. There
// are no tools among the parameters: the prompt explains them, and asks for the
// call in the text.
type nemoRow struct {
	UUID           string     `json:"uuid"`
	AgentRef       nemoRef    `json:"agent_ref"`
	Params         nemoParams `json:"responses_create_params"`
	ExpectedAction *nemoCall  `json:"expected_action"` // null for a step that is plain text
	Label          string     `json:"label"`
	ids
}

type nemoRef struct {
	Type string `json:"type"`
	Name string `json:"name"`
}

type nemoParams struct {
	Input []nemoInput `json:"input"`
}

type nemoInput struct {
	Type    string `json:"type"`
	Role    string `json:"role"`
	Content string `json:"content"`
}

type nemoCall struct {
	Type      string `json:"type"`
	Name      string `json:"name"`
	Arguments string `json:"arguments"` // JSON
}

// nemoAgent is the agent that rows are for. Its name is that of an instance in the
// configuration of NeMo Gym, and README.md has one.
func nemoAgent() nemoRef { return nemoRef{"responses_api_agents", "apprentice_agent"} }

func nemo(e srl.Example, _ int, _ string) (nemoRow, error) {
	label, err := labelOf(e)
	row := nemoRow{UUID: e.ID, AgentRef: nemoAgent(), Params: nemoInputs(messages(e.Messages)), Label: label, ids: idsOf(e)}
	if len(e.Calls) > 0 {
		row.ExpectedAction = &nemoCall{"function_call", e.Calls[0].Tool, string(e.Calls[0].Arguments)}
	}
	return row, err
}

func nemoInputs(prompt []message) nemoParams {
	var p nemoParams
	for _, m := range prompt {
		p.Input = append(p.Input, nemoInput{"message", m.Role, m.Content})
	}
	return p
}
