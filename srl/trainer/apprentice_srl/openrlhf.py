"""The reward function for OpenRLHF: ``--reward.remote_url …/apprentice_srl/openrlhf.py``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apprentice_srl.client import default
from apprentice_srl.groups import Group, only
from apprentice_srl.texts import completion, without_special_tokens


def reward_func(queries: Sequence[str], prompts: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
    """The rewards of queries, which are a prompt and an output each.

    OpenRLHF asks for one at a time, and wants numbers then. For an output that was not scored this raises
    NotScored; OpenRLHF logs it, and leaves the reward unset.
    """
    groups = [
        Group(label, [without_special_tokens(completion(query, prompt))])
        for query, prompt, label in zip(queries, prompts, labels)
    ]
    results = [only(g) for g in default().score(groups)]
    rewards = [reward for reward, _ in results]
    broken = [float(violation != "") for _, violation in results]
    if len(results) == 1:
        return {"rewards": rewards[0], "scores": rewards[0], "extra_logs": {"format_error": broken[0]}}
    return {"rewards": rewards, "scores": rewards, "extra_logs": {"format_error": broken}}
