"""slime's hooks: the reward and the filter of groups.

    --custom-rm-path apprentice_srl.slime.reward
    --dynamic-sampling-filter-path apprentice_srl.slime.keep

The filter's epsilon is that of APPRENTICE_EPSILON, or 0. It is for the population standard deviation, and
not for the sample standard deviation of slime's own filters.
"""

from __future__ import annotations

import asyncio
import math
import os
from typing import Any

from ._client import Group, spread
from ._server import score
from ._texts import check_ids, without_special_tokens


async def reward(args: Any, sample: Any, **_: Any) -> Any:
    """Scores a sample, or each of a list (--group-rm).

    The reward is nan for an output that cannot be scored, which also gets remove_sample. The filter drops
    its group; without the filter, nan would go into the group's mean.
    """
    samples = sample if isinstance(sample, list) else [sample]
    check_ids([s.label for s in samples], [(getattr(s, "metadata", None) or {}).get("example_id") for s in samples])
    groups = [Group(s.label, [without_special_tokens(s.response)]) for s in samples]
    rewards = []
    for s, scored in zip(samples, await asyncio.get_running_loop().run_in_executor(None, score, groups)):
        value = scored.rewards[0]
        if value is None:
            s.remove_sample = True
            value = math.nan
        key = getattr(args, "reward_key", None)
        rewards.append({key: value} if key else value)
    return rewards if isinstance(sample, list) else rewards[0]


def keep(args: Any, samples: list[Any], **_: Any) -> bool:
    """Whether there is something to learn from a group: all of it was scored, and its spread exceeds epsilon."""
    rewards = [float(s.get_reward_value(args)) for s in samples]
    return not any(map(math.isnan, rewards)) and spread(rewards) > float(os.environ.get("APPRENTICE_EPSILON", "0"))
