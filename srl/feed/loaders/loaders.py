"""Reads feeds with the code by which their trainers load them in production.

Standard input has one JSON object a line: {"trainer": ..., "stage": ..., "path": ...}. For
each, a line is printed with what the trainer makes of the rows: prompts as its chat template
writes them, labels as its reward hook gets them, and of conversations the text that it
learns from.

No model and no tokenizer can be fetched in a test, so both are made here: a token for each
byte, the chat template of ChatML, and a model that is as small as can be.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' }}"
    "{% if m['role'] == 'assistant' %}{% generation %}{{ m['content'] + '<|im_end|>' }}{% endgeneration %}"
    "{% else %}{{ m['content'] + '<|im_end|>' }}{% endif %}{{ '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def tokenizer(folder: str) -> Any:
    """Makes a tokenizer with a token for each byte."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytelevel = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(letters)}, merges=[]))
    bytelevel.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    bytelevel.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(tokenizer_object=bytelevel)
    made.add_special_tokens(
        {
            "pad_token": "<|endoftext|>",
            "eos_token": "<|im_end|>",
            "additional_special_tokens": ["<|im_start|>"],
        }
    )
    made.chat_template = TEMPLATE
    made.save_pretrained(folder)
    return made


def model(words: Any) -> Any:
    """Makes a model that is as small as can be."""
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(words),
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=1,
            num_key_value_heads=1,
            max_position_embeddings=1 << 17,
            pad_token_id=words.pad_token_id,
            eos_token_id=words.eos_token_id,
            bos_token_id=None,
        )
    )


def rows_of(file: str) -> Any:
    """Loads a file as Hugging Face's datasets does."""
    from datasets import load_dataset

    if Path(file).is_dir():
        return load_dataset(file, split="train")
    kind = "parquet" if file.endswith(".parquet") else "json"
    return load_dataset(kind, data_files=file, split="train")


def grpo(folder: str, **more: Any) -> Any:
    """Settings for one step of GRPO with two rollouts for each of two prompts."""
    from trl import GRPOConfig

    return GRPOConfig(
        output_dir=folder,
        use_cpu=True,
        bf16=False,
        report_to=[],
        num_generations=2,
        per_device_train_batch_size=4,
        max_steps=1,
        gradient_checkpointing=False,
        **more,
    )


def trl_rl(file: str) -> dict[str, Any]:
    """Takes a step of GRPO, with two rollouts for each of the two shortest prompts."""
    from trl import GRPOTrainer

    data = rows_of(file)
    got: dict[str, Any] = {"rows": len(data), "columns": data.column_names}
    shortest = sorted(range(len(data)), key=lambda i: sum(len(m["content"]) for m in data[i]["prompt"]))[:2]
    seen: dict[str, list[Any]] = {"prompts": [], "labels": [], "task_ids": []}

    def reward(
        prompts: list[Any], completions: list[Any], label: list[str], task_id: list[str], **_: Any
    ) -> list[float]:
        seen["prompts"] += [render(p) for p in prompts]
        seen["labels"] += label
        seen["task_ids"] += task_id
        return [float(i) for i, _ in enumerate(completions)]

    with tempfile.TemporaryDirectory() as folder:
        words = tokenizer(folder)
        trainer = GRPOTrainer(
            model=model(words),
            reward_funcs=[reward],
            train_dataset=data.select(shortest),
            processing_class=words,
            args=grpo(folder, max_completion_length=4),
        )
        got["prepared"] = len(trainer.train_dataset)
        trainer.train()
    return got | seen


def trl_sft(file: str) -> dict[str, Any]:
    """Has SFTTrainer prepare the conversations."""
    from trl import SFTConfig, SFTTrainer

    data = rows_of(file)
    with tempfile.TemporaryDirectory() as folder:
        words = tokenizer(folder)
        trainer = SFTTrainer(
            model=model(words),
            train_dataset=data,
            processing_class=words,
            args=SFTConfig(
                output_dir=folder, use_cpu=True, bf16=False, report_to=[], assistant_only_loss=True, max_length=None
            ),
        )
        learned = []
        for row in trainer.train_dataset:
            learned.append(words.decode([t for t in row["labels"] if t != -100]))
    return {"rows": len(data), "learned": learned}


def render(prompt: Any) -> str:
    return "".join(f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in prompt) + "<|im_start|>assistant\n"


def verl_rl(file: str) -> dict[str, Any]:
    from omegaconf import OmegaConf
    from verl.utils.dataset.rl_dataset import RLHFDataset

    with tempfile.TemporaryDirectory() as folder:
        words = tokenizer(folder)
        config = OmegaConf.create(
            {"cache_dir": folder, "max_prompt_length": 1 << 20, "truncation": "error", "filter_overlong_prompts": True}
        )
        data = RLHFDataset(data_files=file, tokenizer=words, config=config)
        items = [data[i] for i in range(len(data))]
    return {
        "rows": len(data),
        "prompts": [
            words.apply_chat_template(i["raw_prompt"], tokenize=False, add_generation_prompt=True) for i in items
        ],
        "labels": [i["reward_model"]["ground_truth"] for i in items],
        "task_ids": [i["extra_info"]["task_id"] for i in items],
        "sources": sorted({i["data_source"] for i in items}),
        "indices": [i["index"] for i in items],
    }


def verl_sft(file: str) -> dict[str, Any]:
    from omegaconf import OmegaConf
    from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset

    with tempfile.TemporaryDirectory() as folder:
        words = tokenizer(folder)
        config = OmegaConf.create({"max_length": 1 << 20, "truncation": "error", "pad_mode": "no_padding"})
        data = MultiTurnSFTDataset(parquet_files=file, tokenizer=words, config=config)
        learned = []
        for i in range(len(data)):
            row = data[i]
            learned.append(words.decode(row["input_ids"][row["loss_mask"].bool()]))
    return {"rows": len(data), "learned": learned}


def strategy(**data: Any) -> Any:
    return SimpleNamespace(
        args=SimpleNamespace(data=SimpleNamespace(**data), use_ms=False), is_rank_0=lambda: False, print=lambda *_: None
    )


def openrlhf_rl(file: str) -> dict[str, Any]:
    from openrlhf.datasets import PromptDataset
    from openrlhf.datasets.utils import blending_datasets

    asked = strategy(input_key="input", label_key="label", apply_chat_template=True)
    with tempfile.TemporaryDirectory() as folder:
        words = tokenizer(folder)
        data = PromptDataset(blending_datasets(file, None, asked), words, asked)
        items = [data[i] for i in range(len(data))]
    return {
        "rows": len(data),
        "sources": sorted({i[0] for i in items}),
        "prompts": [i[1] for i in items],
        "labels": [i[2] for i in items],
    }


def openrlhf_sft(file: str) -> dict[str, Any]:
    from openrlhf.datasets import SFTDataset
    from openrlhf.datasets.utils import blending_datasets

    asked = strategy(input_key="messages", output_key=None, apply_chat_template=True)
    with tempfile.TemporaryDirectory() as folder:
        words = tokenizer(folder)
        data = SFTDataset(
            blending_datasets(file, None, asked),
            words,
            1 << 20,
            asked,
            num_processors=None,  # those that are forked beside threads of torch may stand still
            multiturn=True,
        )
        learned = []
        for i in range(len(data)):
            ids, _, mask = data[i][:3]
            kept = [int(t) for t, learn in zip(ids.flatten(), mask.flatten(), strict=True) if learn]
            learned.append(words.decode(kept))
    return {"rows": len(data), "learned": learned}


def llamafactory(folder: str) -> dict[str, Any]:
    from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
    from llamafactory.hparams import DataArguments, ModelArguments
    from transformers import Seq2SeqTrainingArguments

    with tempfile.TemporaryDirectory() as made:
        words = tokenizer(made)
        about = DataArguments(
            template="chatml", dataset="apprentice_train", dataset_dir=folder, cutoff_len=1 << 20, overwrite_cache=True
        )
        about.default_system = ""
        template = get_template_and_fix_tokenizer(words, about)
        training = Seq2SeqTrainingArguments(output_dir=made, use_cpu=True, report_to=[])
        data = get_dataset(
            template, ModelArguments(model_name_or_path=made), about, training, stage="sft", tokenizer=words
        )["train_dataset"]
        learned = [words.decode([t for t in row["labels"] if t != -100]) for row in data]
    return {"rows": len(data), "learned": learned}


def axolotl(file: str) -> dict[str, Any]:
    from axolotl.prompt_strategies.chat_template import load
    from axolotl.utils.dict import DictDefault

    with tempfile.TemporaryDirectory() as folder:
        words = tokenizer(folder)
        chosen = {
            "type": "chat_template",
            "field_messages": "messages",
            "message_field_training": "train",
            "roles_to_train": [],
        }
        config = DictDefault({"sequence_len": 1 << 20, "train_on_inputs": False, "datasets": [chosen]})
        how = load(words, config, ds_cfg=chosen)
        learned = []
        for row in rows_of(file):
            done = how.tokenize_prompt(row)
            learned.append(words.decode([t for t in done["labels"] if t != -100]))
    return {"rows": len(learned), "learned": learned}


def hugging_face(folder: str) -> dict[str, Any]:
    data = rows_of(folder)
    return {
        "rows": len(data),
        "columns": data.column_names,
        "labels": list(data["label"]) if "label" in data.column_names else [],
    }


def nemo_rows(file: str) -> list[dict[str, Any]]:
    """Has each row checked as ng_prepare_data does."""
    from nemo_gym.train_data_utils import compute_sample_metrics

    lines = Path(file).read_text(encoding="utf-8").splitlines()
    offending = [n for n, line in enumerate(lines, 1) if compute_sample_metrics(line)[1]]
    if offending:
        raise ValueError(f"rows of lines {offending} are refused")
    return [json.loads(line) for line in lines]


def nemo_srl(file: str) -> dict[str, Any]:
    """Has the server swe_pivot compare each expert's call with itself."""
    from resources_servers.swe_pivot.app import (
        SwePivotResourcesServer,
        SwePivotResourcesServerConfig,
        SwePivotVerifyRequest,
    )

    config = SwePivotResourcesServerConfig(host="127.0.0.1", port=1, entrypoint="app.py", domain="agent")
    server = SwePivotResourcesServer.model_construct(config=config)  # one that listens nowhere
    got: dict[str, Any] = {"prompts": [], "labels": []}
    rows = nemo_rows(file)
    for row in rows:
        answer = {
            "id": "answer",
            "created_at": 0,
            "model": "expert",
            "object": "response",
            "output": [row["expected_action"] | {"call_id": "call"}],
            "parallel_tool_calls": False,
            "tool_choice": "auto",
            "tools": [],
        }
        asked = SwePivotVerifyRequest.model_validate(row | {"response": answer})
        reward = asyncio.run(server.verify(asked)).reward
        if reward != 1:
            raise ValueError(f"{row['uuid']}: swe_pivot gives the expert {reward}")
        got["prompts"].append(render([m.model_dump() for m in asked.responses_create_params.input]))
        got["labels"].append(row["label"])
    return got | {"rows": len(rows)}


def nemo_rlvr(file: str) -> dict[str, Any]:
    rows = nemo_rows(file)
    return {"rows": len(rows), "labels": [row["label"] for row in rows]}


READERS = {
    ("trl", "srl"): trl_rl,
    ("trl", "rlvr"): trl_rl,
    ("trl", "sft"): trl_sft,
    ("verl", "srl"): verl_rl,
    ("verl", "rlvr"): verl_rl,
    ("verl", "sft"): verl_sft,
    ("openrlhf", "srl"): openrlhf_rl,
    ("openrlhf", "rlvr"): openrlhf_rl,
    ("openrlhf", "sft"): openrlhf_sft,
    ("messages", "sft"): llamafactory,
    ("axolotl", "sft"): axolotl,
    ("hf", "srl"): hugging_face,
    ("hf", "sft"): hugging_face,
    ("hf", "rlvr"): hugging_face,
    ("nemo-gym", "srl"): nemo_srl,
    ("nemo-gym", "rlvr"): nemo_rlvr,
}


def main() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        with contextlib.redirect_stdout(sys.stderr):  # trainers print
            found = READERS[asked["trainer"], asked["stage"]](asked["path"])
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
