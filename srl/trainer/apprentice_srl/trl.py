"""Reward functions for TRL: ``GRPOTrainer(reward_funcs=[reward], …)``.

They read the column ``label``. What has no reward is None, which TRL (from 1.8) leaves out of its group's
baseline and does not learn from.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import groupby
from typing import Any, Callable

from .client import default
from .groups import Group
from .texts import output

Reward = Callable[..., "list[float | None]"]


def reward(prompts: Sequence[Any], completions: Sequence[Any], label: Sequence[str], **_: Any) -> list[float | None]:
    """The rewards of a batch."""
    return _score(completions, label, None)


async def reward_async(
    prompts: Sequence[Any], completions: Sequence[Any], label: Sequence[str], **_: Any
) -> list[float | None]:
    """The same, while other asynchronous reward functions run."""
    return await asyncio.to_thread(_score, completions, label, None)


def filtered(epsilon: float) -> Reward:
    """A reward function that gives no rewards to groups whose population standard deviation does not exceed
    epsilon, so that nothing is learned from them.

    A group must be whole in the batch: train on one process, or with as many completions per device as
    generations.
    """

    def reward_filtered(
        prompts: Sequence[Any], completions: Sequence[Any], label: Sequence[str], **_: Any
    ) -> list[float | None]:
        return _score(completions, label, epsilon)

    return reward_filtered


def _score(completions: Sequence[Any], labels: Sequence[str], epsilon: float | None) -> list[float | None]:
    # A prompt's completions stand together.
    groups, at = [], 0
    for label, same in groupby(labels):
        n = len(list(same))
        groups.append(Group(label, [output(c) for c in completions[at : at + n]]))
        at += n
    rewards: list[float | None] = []
    for g in default().score(groups, epsilon or 0.0):
        rewards += g.rewards if epsilon is None or g.keep else [None] * len(g.rewards)
    return rewards
