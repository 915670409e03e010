"""The reward function of TRL: GRPOTrainer(reward_funcs=[apprentice_srl.trl.reward])."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from ._client import Group, spread
from ._server import score
from ._texts import check_ids, output


def reward(
    completions: Sequence[Any], label: Sequence[str], example_id: Sequence[str] | None = None, **_: Any
) -> list[float | None]:
    """Scores the completions of a batch. None is what TRL leaves out of an update."""
    if len(completions) != len(label):
        raise ValueError(f"there are {len(completions)} completions and {len(label)} labels")
    if example_id is not None:
        check_ids(label, example_id)
    runs = _runs(label, [output(c) for c in completions])
    return [r for s in score(runs) for r in s.rewards]


async def reward_async(completions: Sequence[Any], label: Sequence[str], **columns: Any) -> list[float | None]:
    """The same for an event loop, which has other things to do meanwhile."""
    return await asyncio.get_running_loop().run_in_executor(None, lambda: reward(completions, label, **columns))


def filtered(epsilon: float, generations: int) -> Any:
    """Makes a reward function with the SRL paper's filter of groups.

    A group whose rewards have a population standard deviation of epsilon or less gets None for
    all of its outputs, so that TRL (1.8 and newer) learns nothing from it. generations is
    num_generations. It is right on a single process only, where a batch has whole groups; the
    batch is not filled up again.
    """

    def reward_filtered(completions: Sequence[Any], label: Sequence[str], **columns: Any) -> list[float | None]:
        rewards = reward(completions, label, **columns)
        if len(rewards) % generations:
            raise ValueError(f"{len(rewards)} outputs are no whole groups of {generations}")
        kept: list[float | None] = []
        for i in range(0, len(rewards), generations):
            group = rewards[i : i + generations]
            kept += group if spread(group) > epsilon else [None] * generations
        return kept

    return reward_filtered


def _runs(labels: Sequence[str], outputs: Sequence[str]) -> list[Group]:
    """Puts outputs with the same label that follow each other into one group."""
    groups: list[Group] = []
    for label, text in zip(labels, outputs):
        if groups and groups[-1].label == label:
            groups[-1] = Group(label, [*groups[-1].outputs, text])
        else:
            groups.append(Group(label, [text]))
    return groups
