"""slime's hooks: --custom-rm-path apprentice_srl.slime.reward, or group_reward with --group-rm."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from ._client import Group, RewardError, score


async def reward(args: Any, sample: Any, **_: Any) -> float:
    """Scores one sample."""
    return (await group_reward(args, [sample]))[0]


async def group_reward(args: Any, samples: Sequence[Any], **_: Any) -> list[float]:
    """Scores the samples of a group. One that cannot be scored raises: slime has no value that says so."""
    groups = [Group(s.label, [s.response]) for s in samples]
    scored = await asyncio.get_running_loop().run_in_executor(None, lambda: score(groups))
    rewards: list[float] = []
    for s in scored:
        if s.rewards[0] is None:
            raise RewardError(f"a sample is not scored: {s.reasons[0]}")
        rewards.append(s.rewards[0])
    return rewards
