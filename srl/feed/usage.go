package feed

import "strings"

// Readme returns what the README.md of a folder says: what is in it, and how the
// trainer is pointed at it.
func (f Feed) Readme(folder string, e Encoding) string {
	var b strings.Builder
	if f.Trainer == "hf" {
		// The card names no files: the loader finds splits by the files' names. Of files that a card
		// names, its cache knows the names and not the contents, and gives back older ones.
		b.WriteString("---\npretty_name: " + string(f.Stage) + " rows\n---\n\n")
	}
	b.WriteString("# Rows for " + f.Trainer + ": " + string(f.Stage) + "\n\n")
	if f.Verified() {
		b.WriteString("Rows of this form were read by " + f.Reader + ".\n\n")
	} else {
		b.WriteString("**Unverified:** rows of this form were written from the trainer's documentation; its own loader has not read them yet.\n\n")
	}
	loader := "json" // the name by which Hugging Face's datasets knows an encoding
	if e == Parquet {
		loader = "parquet"
	}
	usage := strings.NewReplacer("LOADER", loader, "FOLDER", folder, "TRAIN", folder+"/"+f.File("train", e), "TEST", folder+"/"+f.File("test", e)).Replace(f.Usage)
	b.WriteString(strings.TrimSpace(usage) + "\n")
	return b.String()
}

// Extra returns further files of a folder, by name.
func (f Feed) Extra(e Encoding, parts []string) map[string]string {
	if f.Trainer != "messages" {
		return nil
	}
	var entries []string
	for _, p := range parts {
		entries = append(entries, `  "apprentice_`+p+`": {
    "file_name": "`+f.File(p, e)+`",
    "formatting": "sharegpt",
    "columns": {"messages": "messages"},
    "tags": {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant", "system_tag": "system"}
  }`)
	}
	return map[string]string{"dataset_info.json": "{\n" + strings.Join(entries, ",\n") + "\n}\n"}
}

const hook = "`label` is the text that scores an answer; `apprentice srl serve` and the hooks of the Python package apprentice_srl read it.\n\n"

const trlSRL = hook + `All columns but ` + "`prompt`" + ` reach the reward function by their names:

` + "```python" + `
from datasets import load_dataset
from trl import GRPOConfig, GRPOTrainer
from apprentice_srl.trl import reward

data = load_dataset("LOADER", data_files="TRAIN", split="train")
GRPOTrainer(model=..., reward_funcs=[reward], train_dataset=data,
            args=GRPOConfig(num_generations=8, temperature=1.0, beta=0.0, learning_rate=5e-7, loss_type="grpo"))
` + "```" + `

GRPOConfig has no longest prompt: leave long ones out when the examples are made (` + "`apprentice srl steps --max-tokens N --drop-long`" + `).`

const trlSFT = "```python" + `
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer

data = load_dataset("LOADER", data_files="TRAIN", split="train")
SFTTrainer(model=..., train_dataset=data, args=SFTConfig(assistant_only_loss=True, max_length=32768))
` + "```" + `

` + "`assistant_only_loss`" + ` wants a chat template with ` + "`{% generation %}`" + `; without it, what the user says is learned as well.`

const taskLabel = "`label` names the task; a rollout's patch is graded by `apprentice bench grade`. The tests are in no row."

const trlRLVR = taskLabel

const verlSRL = "`reward_model.ground_truth` is the text that scores an answer; `apprentice srl serve` and the hooks of the Python package apprentice_srl read it.\n\n```" + `
data.train_files=TRAIN data.val_files=TEST data.truncation=error
reward.custom_reward_function.path=APPRENTICE_SRL/verl.py reward.custom_reward_function.name=compute_score
algorithm.filter_groups.enable=True algorithm.filter_groups.metric=score
` + "```" + `

APPRENTICE_SRL is the folder of that package.`

const verlSFT = "```" + `
data.train_files=TRAIN data.val_files=TEST data.messages_key=messages
` + "```" + `

verl renders each message alone; where a chat template treats the last turn apart, it refuses the row unless data.ignore_input_ids_mismatch=True.`

const verlRLVR = "`reward_model.ground_truth` names the task; a rollout's patch is graded by `apprentice bench grade`. The tests are in no row."

const openRLHFSRL = hook + "```" + `
--data.prompt_dataset TRAIN --data.input_key input --data.label_key label --data.apply_chat_template
--reward.remote_url http://127.0.0.1:8317/openrlhf
` + "```"

const openRLHFSFT = "```" + `
--data.dataset TRAIN --data.input_key messages --data.apply_chat_template --data.multiturn
` + "```"

const openRLHFRLVR = taskLabel

const llama = `LLaMA-Factory reads the folder by its dataset_info.json:

` + "```" + `
dataset_dir: FOLDER
dataset: apprentice_train
` + "```" + `

It learns from all of an assistant's messages, so that conversations with one that is not to be learned are left out.`

const axolotl = "```yaml" + `
datasets:
  - path: TRAIN
    ds_type: LOADER
    type: chat_template
    field_messages: messages
    message_field_training: train
    roles_to_train: []
` + "```"

const hf = "```python" + `
from datasets import load_dataset

data = load_dataset("FOLDER")
` + "```"

const nemoSRL = `Rows name their agent in ` + "`agent_ref`" + `: call the instance in your configuration ` + "`apprentice_agent`" + `, or change the name.

` + "`label`" + ` scores an answer in text, as the prompt asks for it: ` + "`apprentice srl serve`" + ` reads it at /verify. NeMo Gym's own
swe_pivot compares ` + "`expected_action`" + ` with the call of an answer, and gives 0 where the call is in the text: it needs prompts and
tools of your own. Of a step with several calls it has the first.`

const nemoRLVR = `Rows name their agent in ` + "`agent_ref`" + `: call the instance in your configuration ` + "`apprentice_agent`" + `, or change the name.

` + taskLabel

const slimeSRL = hook + "```" + `
--prompt-data TRAIN --input-key prompt --label-key label --metadata-key metadata --apply-chat-template
--rm-type remote_rm --rm-url http://127.0.0.1:8317/slime
` + "```"

const slimeRLVR = taskLabel
