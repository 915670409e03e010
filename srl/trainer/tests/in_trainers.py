"""Has the trainers' own code load the hooks and call them, with rows of our feeds.

It wants a Python that has the trainers (make trainers), APPRENTICE to be the program, which
the hooks start as their server, and TRL, VERL and OPENRLHF to be the files of the feeds.
Models and tokenizers are those of srl/feed/loaders.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "srl" / "feed" / "loaders"))

import loaders  # noqa: E402

HOOKS = ROOT / "srl" / "trainer" / "apprentice_srl"


def right(label: str) -> str:
    """An answer with the expert's action."""
    return f"<think>\nI look.\n</think>\n{json.loads(label)['action']}"


PROSE = "I would look at the handler."


class TRL(unittest.TestCase):
    def step(self, *rewards: Any) -> dict[str, float]:
        """Takes a step of GRPO in which each prompt gets two answers, the expert's and prose."""
        from trl import GRPOTrainer

        rows = loaders.rows_of(os.environ["TRL"]).select(range(2))
        labels = {json.dumps(row["prompt"]): row["label"] for row in rows}
        with tempfile.TemporaryDirectory() as folder:
            words = loaders.tokenizer(folder)

            def rollout(prompts: list[Any], _: Any) -> dict[str, Any]:
                seen: set[str] = set()
                answers = []
                for prompt in map(json.dumps, prompts):
                    answers.append(PROSE if prompt in seen else right(labels[prompt]))
                    seen.add(prompt)
                ids = [words(a, add_special_tokens=False)["input_ids"] for a in answers]
                return {
                    "prompt_ids": [words("p", add_special_tokens=False)["input_ids"] for _ in prompts],
                    "completion_ids": ids,
                    "logprobs": [[0.0] * len(i) for i in ids],
                }

            trainer = GRPOTrainer(
                model=loaders.model(words),
                reward_funcs=list(rewards),
                train_dataset=rows,
                processing_class=words,
                rollout_func=rollout,
                args=loaders.grpo(folder, max_completion_length=4096, logging_steps=1),
            )
            trainer.train()
        logged: dict[str, float] = {}
        for entry in trainer.state.log_history:
            logged |= entry
        return logged

    def test_reward(self) -> None:
        from apprentice_srl import trl

        logged = self.step(trl.reward, trl.reward_async)
        for name in "reward", "reward_async":
            self.assertEqual(logged[f"rewards/{name}/mean"], 0.0, "1 for the expert's action, -1 for prose")
            self.assertGreater(logged[f"rewards/{name}/std"], 0.9)

    def test_filtered(self) -> None:
        from apprentice_srl import trl

        # Of no group is the spread above 1, and nothing is left to learn from.
        logged = self.step(trl.filtered(1.0, 2))
        self.assertIsNone(logged["rewards/reward_filtered/mean"])
        self.assertEqual(logged["grad_norm"], 0.0)
        self.assertEqual(self.step(trl.filtered(0.9, 2))["rewards/reward_filtered/mean"], 0.0)


class Verl(unittest.TestCase):
    def scored(self, answer: Any, ground_truth: Any = None) -> dict[str, Any]:
        """Has verl's reward manager score an answer to the first row."""
        import torch
        from omegaconf import OmegaConf
        from verl import DataProto
        from verl.experimental.reward_loop.reward_manager.naive import NaiveRewardManager
        from verl.trainer.ppo.reward import get_custom_reward_fn
        from verl.utils.dataset.rl_dataset import RLHFDataset

        with tempfile.TemporaryDirectory() as folder:
            words = loaders.tokenizer(folder)
            about = OmegaConf.create({"cache_dir": folder, "max_prompt_length": 1 << 20, "truncation": "error"})
            row = RLHFDataset(data_files=os.environ["VERL"], tokenizer=words, config=about)[0]
        if ground_truth is not None:
            row["reward_model"] = row["reward_model"] | {"ground_truth": ground_truth}
        ids = torch.tensor([words(answer(row["reward_model"]["ground_truth"]), add_special_tokens=False)["input_ids"]])
        data = DataProto.from_dict(
            tensors={"responses": ids, "attention_mask": torch.ones_like(ids)},
            non_tensors={
                k: self.column(row[k]) for k in ("data_source", "reward_model", "extra_info") if row.get(k) is not None
            },
        )
        config = OmegaConf.create(
            {"reward": {"custom_reward_function": {"path": str(HOOKS / "verl.py"), "name": "compute_score"}}}
        )

        async def run() -> dict[str, Any]:
            manager = NaiveRewardManager(config, words, get_custom_reward_fn(config))
            got: dict[str, Any] = await manager.run_single(data)
            return got

        return asyncio.run(run())

    @staticmethod
    def column(value: Any) -> Any:
        import numpy

        one = numpy.empty(1, dtype=object)
        one[0] = value
        return one

    def test_reward(self) -> None:
        got = self.scored(right)
        self.assertEqual(got["reward_score"], 1.0)
        self.assertEqual(got["reward_extra_info"]["malformed"], 0.0)
        got = self.scored(lambda _: PROSE)
        self.assertEqual(got["reward_score"], -1.0)
        self.assertEqual(got["reward_extra_info"]["reason"], "no </think>")

    def test_a_label_that_is_none(self) -> None:
        from apprentice_srl import RewardError

        # verl's agent loop logs it, counts the group as failed and goes on without it.
        with self.assertRaises(RewardError):
            self.scored(lambda _: PROSE, ground_truth="{}")


class OpenRLHF(unittest.TestCase):
    def scored(self, answer: Any, label: str | None = None) -> dict[str, Any]:
        """Has OpenRLHF's executor generate an answer to the first row, and fetch its reward."""
        from openrlhf.datasets import PromptDataset
        from openrlhf.datasets.utils import blending_datasets
        from openrlhf.utils.agent import SingleTurnAgentExecutor

        asked = loaders.strategy(input_key="input", label_key="label", apply_chat_template=True)
        with tempfile.TemporaryDirectory() as folder:
            words = loaders.tokenizer(folder)
            _, prompt, known = PromptDataset(blending_datasets(os.environ["OPENRLHF"], None, asked), words, asked)[0][
                :3
            ]

        class Engine:
            async def generate(self, *_: Any, **__: Any) -> Any:
                ids = words(answer(known) + "<|im_end|>", add_special_tokens=False)["input_ids"]
                return SimpleNamespace(outputs=[SimpleNamespace(token_ids=ids, finish_reason="stop", logprobs=None)])

        executor = SingleTurnAgentExecutor(str(HOOKS / "openrlhf.py"))
        sampling = SimpleNamespace(max_tokens=4096, logprobs=None)
        got: dict[str, Any] = asyncio.run(
            executor.execute(prompt, known if label is None else label, sampling, 1 << 20, words, Engine())
        )
        return got

    def test_reward(self) -> None:
        got = self.scored(right)
        self.assertEqual((got["reward"], got["scores"], got["extra_logs"]), (1.0, 1.0, {"malformed": 0.0}))
        got = self.scored(lambda _: PROSE)
        self.assertEqual((got["reward"], got["scores"], got["extra_logs"]), (-1.0, -1.0, {"malformed": 1.0}))

    def test_a_label_that_is_none(self) -> None:
        # OpenRLHF logs what the hook raises, and leaves the reward unset.
        self.assertIsNone(self.scored(right, label="{}")["reward"])


if __name__ == "__main__":
    unittest.main()
