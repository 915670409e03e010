"""OpenRLHF's hook: --reward.remote_url <this file>."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apprentice_srl import Group, RewardError, score
from apprentice_srl._texts import completion, without_special_tokens


def reward_func(queries: Sequence[str], prompts: Sequence[str], labels: Sequence[str], **_: Any) -> dict[str, Any]:
    """Scores outputs. A query is the prompt and the output after it, special tokens included.

    OpenRLHF asks for one at a time, and wants numbers then. An output that cannot be scored raises:
    OpenRLHF logs that, and leaves the reward unset.
    """
    if not len(queries) == len(prompts) == len(labels):
        raise ValueError(f"there are {len(queries)} queries, {len(prompts)} prompts and {len(labels)} labels")
    groups = [Group(label, [without_special_tokens(completion(q, p))]) for q, p, label in zip(queries, prompts, labels)]
    rewards: list[float] = []
    for s in score(groups):
        if s.rewards[0] is None:
            raise RewardError(f"an output is not scored: {s.reasons[0]}")
        rewards.append(s.rewards[0])
    malformed = [float(r < 0) for r in rewards]
    if len(rewards) == 1:
        return {"rewards": rewards[0], "scores": rewards[0], "extra_logs": {"malformed": malformed[0]}}
    return {"rewards": rewards, "scores": rewards, "extra_logs": {"malformed": malformed}}
