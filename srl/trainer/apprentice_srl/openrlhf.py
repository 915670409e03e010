"""OpenRLHF's hook: --reward.remote_url <this file>."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apprentice_srl import Group, score


def reward_func(queries: Sequence[str], prompts: Sequence[str], labels: Sequence[str], **_: Any) -> dict[str, Any]:
    """Scores outputs. A query is the prompt and the output after it, special tokens included."""
    groups = [Group(label, [answer(q, p)]) for q, p, label in zip(queries, prompts, labels)]
    rewards = [s.rewards[0] for s in score(groups)]
    return {
        "rewards": rewards,
        "scores": rewards,
        "extra_logs": {"malformed": [float(r is not None and r < 0) for r in rewards]},
    }


def answer(query: str, prompt: str) -> str:
    """Returns the output in a query: without the prompt, and without the tokens that end it."""
    if not query.startswith(prompt):
        raise ValueError("the query does not begin with its prompt: the output cannot be told apart")
    output = query[len(prompt) :]
    for end in ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "</s>"):
        output = output.rstrip()
        output = output[: -len(end)] if output.endswith(end) else output
    return output
